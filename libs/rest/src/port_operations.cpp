#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> overview(Call& call) {
  MIFENG_TRY(const auto ports, call.platform.ports().overview(call.actor, call.text("cluster")));
  int counts[4] = {};
  for (const auto& port : ports) ++counts[static_cast<int>(port.state)];
  return reply(json::Object{{"items", json_list(ports)},
                            {"free", counts[static_cast<int>(deployments::PortState::kFree)]},
                            {"used", counts[static_cast<int>(deployments::PortState::kUsed)]},
                            {"used_by_others", counts[static_cast<int>(deployments::PortState::kUsedByOthers)]},
                            {"reserved", counts[static_cast<int>(deployments::PortState::kReserved)]}});
}

Result<Reply> ranges(Call& call) {
  MIFENG_TRY(const auto list, call.platform.ports().ranges(call.actor, call.text("cluster")));
  return with_etag(reply(json::Object{{"ranges", json_list(list)}}), deployments::version_of(list));
}

Result<Reply> set_ranges(Call& call) {
  json::Fields body(call.body);
  std::vector<deployments::PortRange> wanted;
  if (!body.has("ranges")) body.refuse("ranges", "is missing");
  for (json::Fields& range : body.objects("ranges", {0, 100}))
    wanted.push_back(
        {static_cast<int>(range.integer("first", 1024, 65535)), static_cast<int>(range.integer("last", 1024, 65535))});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto list, call.platform.ports().set_ranges(call.actor, call.text("cluster"), wanted));
  return with_etag(reply(json::Object{{"ranges", json_list(list)}}), deployments::version_of(list));
}

Result<Reply> reserved(Call& call) {
  MIFENG_TRY(const auto list, call.platform.ports().reserved(call.actor, call.text("cluster")));
  return with_etag(reply(json::Object{{"reserved", json_list(list)}}), deployments::version_of(list));
}

Result<Reply> set_reserved(Call& call) {
  json::Fields body(call.body);
  std::vector<deployments::ReservedPort> wanted;
  if (!body.has("reserved")) body.refuse("reserved", "is missing");
  for (json::Fields& port : body.objects("reserved", {0, 10'000})) {
    const auto number = static_cast<int>(port.integer("port", 1, 65535));
    wanted.push_back({number, port.optional_string("reason", {0, 200}).value_or("")});
  }
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto list, call.platform.ports().set_reserved(call.actor, call.text("cluster"), wanted));
  return with_etag(reply(json::Object{{"reserved", json_list(list)}}), deployments::version_of(list));
}

Result<Reply> recommend(Call& call) {
  MIFENG_TRY(const auto count, call.integer("count", 1, 1000, std::nullopt));
  MIFENG_TRY(const auto ports,
             call.platform.ports().recommend(call.actor, call.text("cluster"), static_cast<int>(count)));
  return reply(json::Object{{"ports", json::Array(ports.begin(), ports.end())}});
}

constexpr auto kRead = Permission::kReadPorts;
constexpr auto kManage = Permission::kManagePorts;
constexpr Operation kOperations[] = {
    {"getPorts", "GET", "/ports", kRead, overview, BodyKind::kNone, "cluster"},
    {"getPortRanges", "GET", "/ports/ranges", kRead, ranges, BodyKind::kNone, "cluster"},
    guarded(ranges, {"setPortRanges", "PUT", "/ports/ranges", kManage, set_ranges, BodyKind::kJson, "cluster"}),
    {"getReservedPorts", "GET", "/ports/reserved", kRead, reserved, BodyKind::kNone, "cluster"},
    guarded(reserved,
            {"setReservedPorts", "PUT", "/ports/reserved", kManage, set_reserved, BodyKind::kJson, "cluster"}),
    {"recommendPorts", "GET", "/ports/recommendation", kRead, recommend, BodyKind::kNone, "cluster count"},
};

}  // namespace

std::span<const Operation> port_operations() { return kOperations; }

}  // namespace mifeng::rest
