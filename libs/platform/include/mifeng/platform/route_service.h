// Route information 路由信息: access prefix 访问前缀, route id 路由ID, route name 路由名称, forward URL 转发URL.
#pragma once

#include <string>
#include <vector>

#include "mifeng/platform/actor.h"
#include "mifeng/platform/types.h"

namespace mifeng::platform {

struct Core;

struct RouteInput {
  std::string name;
  // "/digits": starts with one slash, whole segments of unreserved characters or %XX that decodes to none of / \ . NUL,
  // no dot segments, no slash at the end; "/" alone takes what no other takes. Unique.
  std::string prefix;
  // "mifeng://DEPLOYMENT[:PORT NAME][/path]"
  std::string forward;
  bool enabled = true;
  bool open = false;                      // without an API key
  std::vector<std::string> callers;       // ids; empty: every caller
  bool stream_requests = false;           // bodies are not bound
  bool idempotent = false;                // may be tried at another unit
  std::vector<std::string> pass_headers;  // beside the harmless ones
};
struct Route : RouteInput {
  std::string id;  // "rt-…", never changes and is never used again
  std::string deployment_id;
  UnixMillis created_ms = 0;
  UnixMillis changed_ms = 0;
};

// kInvalidArgument "bad-prefix" / "bad-forward".
Result<void> check_prefix(const std::string& prefix);
struct ForwardUrl {
  std::string deployment;
  std::string port_name;  // empty: the deployment's first
  std::string path;       // empty or starts with a slash
};
Result<ForwardUrl> parse_forward(const std::string& forward);

class RouteService {
 public:
  explicit RouteService(Core& core) : core_(core) {}

  Result<Route> create(const Actor& actor, const RouteInput& input);  // kConflict "prefix-taken"
  Result<Route> update(const Actor& actor, const std::string& id, const RouteInput& input);
  Result<Route> get(const Actor& actor, const std::string& id);
  Result<Page<Route>> list(const Actor& actor, const std::string& text, const PageRequest& page);
  // Leads to another deployment from one snapshot to the next; port name and path stay, so that port must be there.
  Result<Route> move(const Actor& actor, const std::string& id, const std::string& deployment_id);
  Result<void> remove(const Actor& actor, const std::string& id);

 private:
  Core& core_;
};

}  // namespace mifeng::platform
