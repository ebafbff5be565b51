// A table for tests.
#pragma once

#include "mifeng/proxy/table.h"

namespace mifeng::proxy {

inline crypto::Sm2Point point(std::uint8_t n) {
  crypto::Sm2Point point{};
  point[0] = 4;
  point[1] = n;
  return point;
}

inline Table test_table() {
  Table table;
  table.serial = 7;
  table.expires_ms = 2'000;
  table.routes = {
      {"r-1", "digits", "/digits", "mifeng://dep-1", false, std::vector<std::string>{"c-1"}, false, true, {"X-Model"}},
      {"r-2", "deep", "/digits/deep", "mifeng://dep-2:grpc/v2", true, {}, true, false, {}},
      {"r-3", "other", "/other", "mifeng://dep-3", false, {}, false, false, {}}};
  table.routes[0].calls_per_minute = 600;
  table.routes[0].calls_at_once = 8;
  table.endpoints = {{"dep-1", "http", EndpointKind::kUnit, {"127.0.0.1:30001", "[::1]:30002"}},
                     {"dep-2", "http", EndpointKind::kUnit, {}},
                     {"dep-2", "grpc", EndpointKind::kBalanced, {"10.0.0.1:1"}}};
  table.instances = {{"i-1", "dep-1", point(1)}, {"i-2", "dep-2", point(2)}};
  table.callers = {{"c-1", crypto::sm3(as_bytes("key one"))}, {"c-2", crypto::sm3(as_bytes("key two"))}};
  return table;
}

}  // namespace mifeng::proxy
