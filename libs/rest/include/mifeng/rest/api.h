// The REST API of spec/openapi.yaml over a platform.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/net/http.h"
#include "mifeng/net/runtime.h"
#include "mifeng/net/server.h"
#include "mifeng/platform/platform.h"

namespace mifeng::rest {

// Who may call an operation; with kPermission the platform's table of roles decides.
enum class Access { kAnyone, kSignedIn, kPermission, kLocal, kGateway, kUnit };

// One operation of the table, for the test that holds it against spec/openapi.yaml.
struct OperationInfo {
  std::string_view id;  // operationId
  std::string_view method;
  std::string_view pattern;  // "/people/{id}", below /api/v1; "/v1/grants" on a unit's socket
  Access access = Access::kAnyone;
  std::optional<trust::Permission> permission;
  std::vector<std::string_view> query;  // the names that it knows
  bool guarded = false;                 // whether it obeys If-Match
};
std::vector<OperationInfo> all_operations();

struct ApiOptions {
  std::string version;              // of mifengd
  std::string name;                 // of the platform
  std::string registry;             // address; empty without one
  std::string installation;         // id; may be empty
  std::string gateway_url;          // where gateways take requests; empty where nobody said
  std::string public_url;           // of the listener for other machines; empty: there is none
  std::string tls_certificate_pem;  // of the listener, for join files; empty without TLS
  std::string tls_certificate_sm3;
  UnixMillis started_ms = 0;
};

// Which way a request came.
enum class Door {
  kNetwork,  // everybody signs in
  kLocal,    // a Unix socket: a peer with our uid, or root, is the local administrator
};

// The listener of people and gateways, with its limits: whoever has not said who he is gets one of few connections, and
// sends little; the oldest of those go first, so that there is always room for the next.
net::ServerOptions api_listener(net::TcpListen listen, std::optional<net::ServerTls> tls);
// The listener of the guards' door, with its limits (spec/grant.md).
net::ServerOptions guard_door(net::TcpListen listen);

class Api {
 public:
  // All must outlive the Api; the Api must outlive the servers that use its handlers.
  Api(platform::Platform& platform, ApiOptions options, const Clock& clock);
  ~Api();

  // Where this listener is reached, for join files; known once it listens. Before the first request that needs it.
  void set_url(std::string url);

  // For HttpServer: everything below /api/v1. Other paths are given to `fallback` (the console's files) where there is
  // one, else answered with 404.
  net::Handler handler(Door door, net::Handler fallback = nullptr);

  // For the socket of one unit of the cluster "local": /v1/grants and /v1/renewals, for whoever proves to be its guard.
  net::Handler unit_handler(std::string unit);

  // For the guards' door: the same two operations, for whoever comes with the right tag of a deployment
  // (spec/grant.md). Runs in pools of its own, so that no crowd there holds up anybody else.
  net::Handler guard_handler();

  struct Impl;

 private:
  std::shared_ptr<Impl> impl_;  // shared with the handlers
};

}  // namespace mifeng::rest
