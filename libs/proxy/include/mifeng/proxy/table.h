// What a gateway's worker routes by: routes, endpoints, instances and callers. Its binary form is spec/key-socket.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::proxy {

// 路由信息. Ids never change; prefixes are unique after normalising.
struct Route {
  std::string id;
  std::string name;
  std::string prefix;   // access prefix as it stands on the wire, "/digits"; no slash at its end, but "/" alone is all
  std::string forward;  // forward URL: mifeng://DEPLOYMENT[:PORT NAME][/path]
  bool open = false;    // needs no caller key
  std::optional<std::vector<std::string>> callers;  // ids that may use it; none: every caller that has a key
  bool stream_requests = false;                     // the body is passed on as it comes, and is not bound
  bool idempotent = false;                          // may be sent again after it was sent
  std::vector<std::string> pass_headers;            // lower case; passed besides those of fields.h
  // Of each caller by itself (call_table.h); 0: no limit.
  std::uint32_t calls_per_minute = 0;
  std::uint32_t calls_at_once = 0;
  std::uint32_t seconds_max = 0;  // of a call
  friend bool operator==(const Route&, const Route&) = default;
};

// What stands behind each address of a set.
enum class EndpointKind : std::uint8_t {
  kUnit = 1,      // one unit, always the same
  kBalanced = 2,  // one of several, chosen anew for each connection (a node port)
};

struct EndpointSet {
  std::string deployment;
  std::string port;  // name
  EndpointKind kind = EndpointKind::kUnit;
  std::vector<std::string> addresses;  // "127.0.0.1:30001", "[::1]:30001": numbers only, nothing is resolved
  friend bool operator==(const EndpointSet&, const EndpointSet&) = default;
};

struct Instance {
  std::string id;
  std::string deployment;
  crypto::Sm2Point signing_key{};
  friend bool operator==(const Instance&, const Instance&) = default;
};

struct Caller {
  std::string id;
  crypto::Sm3Digest key_sm3{};  // SM3 of the key's text
  friend bool operator==(const Caller&, const Caller&) = default;
};

struct Table {
  std::uint64_t serial = 0;
  UnixMillis expires_ms = 0;  // from then on a worker serves nothing
  std::vector<Route> routes;
  std::vector<EndpointSet> endpoints;
  std::vector<Instance> instances;
  std::vector<Caller> callers;
  friend bool operator==(const Table&, const Table&) = default;
};

inline constexpr std::size_t kTableSizeMax = 64u << 20;

Bytes encode_table(const Table& table);
// Form only (lengths, counts, flags). kInvalidArgument "bad-table". What the table means is checked by Router::create.
Result<Table> decode_table(ByteView bytes);

}  // namespace mifeng::proxy
