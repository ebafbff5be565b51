// A table made ready for use: which route a request takes, who may use it, where it can be sent, whose answer counts.
// Immutable; a request holds on to the one that it began with.
#pragma once

#include <netinet/in.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/proxy/path.h"
#include "mifeng/proxy/table.h"

namespace mifeng::proxy {

// One address to dial.
struct EndpointAddress {
  std::string name;  // as in the table, "127.0.0.1:30001"
  ::sockaddr_storage address{};
  ::socklen_t address_size = 0;
  EndpointKind kind = EndpointKind::kUnit;
};
// "127.0.0.1:30001", "[::1]:30001". kInvalidArgument "bad-address".
Result<EndpointAddress> parse_endpoint(std::string_view text);

struct RouteEntry {
  Route route;
  ForwardUrl forward;
  std::unordered_set<std::string> callers;                  // of route.callers
  std::unordered_set<std::string> pass_headers;             // of route.pass_headers
  const std::vector<EndpointAddress>* endpoints = nullptr;  // none: the deployment has none now
};

// What of a table cannot be used. One entry that is wrong must not cost a gateway all the others.
struct LeftOut {
  static constexpr std::size_t kSaidMax = 16;
  std::size_t count = 0;
  std::vector<std::string> said;  // "route rt-1: its prefix is another route's too"; the first of them

  void add(std::string what);
  // The first of them and how many more there are, in one line; empty where there are none.
  std::string text() const;
};

class Router {
 public:
  // Of what stands twice (a prefix, a caller's key, an instance's key, a port of a deployment) the first
  // counts. A route whose forward URL is wrong, or whose id is another's, keeps its prefix, without endpoints: its
  // callers must not come out at another model, under a shorter prefix. Whatever else is of a wrong form is as if it
  // were not there.
  static std::shared_ptr<const Router> create(Table table);

  const LeftOut& left_out() const { return left_out_; }
  std::uint64_t serial() const { return serial_; }
  bool expired(UnixMillis now_ms) const { return now_ms >= expires_ms_; }

  struct Match {
    const RouteEntry* entry;
    std::string target;  // what is sent on, path and query
  };
  // From the raw target of a request line. The longest prefix wins. "bad-path" (normalise_path(); also where the raw
  // bytes of the prefix are spelled otherwise than in the table); kNotFound "unknown-prefix".
  Result<Match> match(std::string_view raw_target) const;

  // The caller whose key this is, or none.
  const Caller* caller(std::string_view key) const;
  // kUnauthenticated "no-caller-key", "unknown-caller-key"; kPermissionDenied "caller-not-allowed". `key` is empty
  // where the request has none. Nothing on an open route.
  Result<void> authorise(const RouteEntry& entry, std::string_view key) const;

  // The listed instance with this signing key, if it is one of this deployment.
  const Instance* instance(std::string_view deployment, const crypto::Sm2Point& signing_key) const;
  // Every address of the table, for a user that keeps something under each.
  template <typename Each>
  void for_each_endpoint(Each each) const {
    for (const auto& [name, endpoints] : endpoints_)
      for (const auto& endpoint : endpoints) each(endpoint);
  }

 private:
  Router() = default;
  void add_endpoints(const std::vector<EndpointSet>& sets);
  void add_routes(std::vector<Route> routes);

  LeftOut left_out_;
  std::uint64_t serial_ = 0;
  UnixMillis expires_ms_ = 0;
  std::vector<std::unique_ptr<RouteEntry>> routes_;
  std::unordered_map<std::string, const RouteEntry*> by_prefix_;  // normalised; "" for "/"
  std::unordered_map<std::string, std::vector<EndpointAddress>>
      endpoints_;                                        // "deployment:port"; "deployment:" is the first
  std::unordered_map<std::string, Caller> callers_;      // by the digest's bytes
  std::unordered_map<std::string, Instance> instances_;  // by the point's bytes
};

}  // namespace mifeng::proxy
