#include "mifeng/proxy/table.h"

#include <algorithm>
#include <cassert>

#include "mifeng/base/bounds.h"
#include "wire_format.h"

namespace mifeng::proxy {
namespace {

constexpr std::uint8_t kTableVersion = 2;
constexpr std::uint32_t kRoutesMax = 100'000;
constexpr std::uint32_t kInstancesMax = 200'000;
constexpr std::uint32_t kListMax = 100'000;

enum RouteFlag : std::uint8_t { kOpen = 1, kCallers = 2, kStreamRequests = 4, kIdempotent = 8, kLimits = 16 };

void write_list(WireWriter& out, const std::vector<std::string>& list) {
  out.number(static_cast<std::uint32_t>(list.size()));
  for (const auto& item : list) out.string(item);
}

std::vector<std::string> read_list(WireReader& in) {
  std::vector<std::string> list(in.count(2, kListMax));
  for (auto& item : list) item = in.string();
  return list;
}

void write_route(WireWriter& out, const Route& route) {
  std::uint8_t flags = 0;
  if (route.open) flags |= kOpen;
  if (route.callers) flags |= kCallers;
  if (route.stream_requests) flags |= kStreamRequests;
  if (route.idempotent) flags |= kIdempotent;
  const bool limits = route.calls_per_minute != 0 || route.calls_at_once != 0 || route.seconds_max != 0;
  if (limits) flags |= kLimits;
  out.number(flags).string(route.id).string(route.name).string(route.prefix).string(route.forward);
  if (route.callers) write_list(out, *route.callers);
  write_list(out, route.pass_headers);
  if (limits) out.number(route.calls_per_minute).number(route.calls_at_once).number(route.seconds_max);
}

// Bounded, since times are reckoned from them.
std::uint32_t read_limit(WireReader& in, std::int64_t max) {
  const auto limit = in.number<std::uint32_t>();
  if (limit > max) in.fail();
  return limit;
}

void read_limits(WireReader& in, Route& route) {
  route.calls_per_minute = read_limit(in, bounds::kCallsPerMinuteMax);
  route.calls_at_once = read_limit(in, bounds::kCallsAtOnceMax);
  route.seconds_max = read_limit(in, bounds::kCallSecondsMax);
  if (route.calls_per_minute == 0 && route.calls_at_once == 0 && route.seconds_max == 0) in.fail();
}

Route read_route(WireReader& in) {
  Route route;
  const std::uint8_t flags = in.flags(kOpen | kCallers | kStreamRequests | kIdempotent | kLimits);
  route.open = (flags & kOpen) != 0;
  route.stream_requests = (flags & kStreamRequests) != 0;
  route.idempotent = (flags & kIdempotent) != 0;
  route.id = in.string();
  route.name = in.string();
  route.prefix = in.string();
  route.forward = in.string();
  if ((flags & kCallers) != 0) route.callers = read_list(in);
  route.pass_headers = read_list(in);
  if ((flags & kLimits) != 0) read_limits(in, route);
  return route;
}

EndpointKind read_kind(WireReader& in) {
  const auto kind = in.number<std::uint8_t>();
  if (kind != static_cast<std::uint8_t>(EndpointKind::kUnit) &&
      kind != static_cast<std::uint8_t>(EndpointKind::kBalanced))
    in.fail();
  return static_cast<EndpointKind>(kind);
}

template <std::size_t N>
void read_array(WireReader& in, std::array<std::uint8_t, N>& to) {
  const ByteView from = in.raw(N);
  std::copy(from.begin(), from.end(), to.begin());
}

}  // namespace

Bytes encode_table(const Table& table) {
  Bytes bytes;
  WireWriter out(bytes);
  out.number(kTableVersion).number(table.serial).number(static_cast<std::uint64_t>(table.expires_ms));
  out.number(static_cast<std::uint32_t>(table.routes.size()));
  for (const auto& route : table.routes) write_route(out, route);
  out.number(static_cast<std::uint32_t>(table.endpoints.size()));
  for (const auto& set : table.endpoints) {
    out.string(set.deployment).string(set.port).number(static_cast<std::uint8_t>(set.kind));
    write_list(out, set.addresses);
  }
  out.number(static_cast<std::uint32_t>(table.instances.size()));
  for (const auto& instance : table.instances)
    out.string(instance.id).string(instance.deployment).raw(instance.signing_key);
  out.number(static_cast<std::uint32_t>(table.callers.size()));
  for (const auto& caller : table.callers) out.string(caller.id).raw(caller.key_sm3);
  return bytes;
}

Result<Table> decode_table(ByteView bytes) {
  WireReader in(bytes);
  Table table;
  if (in.number<std::uint8_t>() != kTableVersion) in.fail();
  table.serial = in.number<std::uint64_t>();
  const auto expires = in.number<std::uint64_t>();
  if (expires > std::uint64_t{1} << 53) in.fail();
  table.expires_ms = static_cast<UnixMillis>(expires);
  table.routes.resize(in.count(13, kRoutesMax));
  for (auto& route : table.routes) route = read_route(in);
  table.endpoints.resize(in.count(9, kListMax));
  for (auto& set : table.endpoints) {
    set.deployment = in.string();
    set.port = in.string();
    set.kind = read_kind(in);
    set.addresses = read_list(in);
  }
  table.instances.resize(in.count(4 + crypto::kSm2PointSize, kInstancesMax));
  for (auto& instance : table.instances) {
    instance.id = in.string();
    instance.deployment = in.string();
    read_array(in, instance.signing_key);
  }
  table.callers.resize(in.count(2 + crypto::kSm3Size, kListMax));
  for (auto& caller : table.callers) {
    caller.id = in.string();
    read_array(in, caller.key_sm3);
  }
  if (!in.at_end()) {
    return Error(ErrorCode::kInvalidArgument, "bad-table",
                 "this is not a route table of version 2; the keyholder and the nginx module must be of one release");
  }
  return table;
}

}  // namespace mifeng::proxy
