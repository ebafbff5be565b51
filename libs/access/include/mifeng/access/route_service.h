// Route information 路由信息: access prefix 访问前缀, route id 路由ID, route name 路由名称, forward URL 转发URL.
#pragma once

#include <string>
#include <vector>

#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::access {

struct Context;

struct RouteInput {
  std::string name;
  // "/digits": the path of a route (proxy::complain_of_route_path); "/" alone takes what no other takes. Unique.
  std::string prefix;
  // "mifeng://DEPLOYMENT[:PORT NAME][/path]" (proxy::parse_forward_url)
  std::string forward;
  bool enabled = true;
  bool open = false;                      // without an API key
  std::vector<std::string> callers;       // ids; empty: every caller
  bool stream_requests = false;           // bodies are not bound
  bool idempotent = false;                // may be tried at another unit
  std::vector<std::string> pass_headers;  // beside the harmless ones
  // Of each caller by itself; on an open route, where no key comes, of each address. 0: no limit.
  std::int64_t calls_per_minute = 0;
  std::int64_t calls_at_once = 0;
  std::int64_t seconds_max = 0;  // of a call, after which the gateway ends it
};
struct Route : RouteInput {
  std::string id;  // "rt-…", never changes and is never used again
  std::string deployment_id;
  UnixMillis created_ms = 0;
  UnixMillis changed_ms = 0;
  std::string etag;  // trust::version_of its row
};

// kInvalidArgument "bad-prefix".
Result<void> check_prefix(const std::string& prefix);

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
class RouteService {
 public:
  explicit RouteService(const Context& context) : context_(context) {}

  // kConflict "prefix-taken"; kInvalidArgument "bad-prefix" | "bad-forward" | "bad-route".
  Result<Route> create(const trust::Actor& actor, const RouteInput& input);
  Result<Route> update(const trust::Actor& actor, const std::string& id, const RouteInput& input);
  Result<Route> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Route>> list(const trust::Actor& actor, const std::string& text, const trust::PageRequest& page);
  // Leads to another deployment from one snapshot to the next; port name and path stay, so that port must be there.
  Result<Route> move(const trust::Actor& actor, const std::string& id, const std::string& deployment_id);
  Result<void> remove(const trust::Actor& actor, const std::string& id);

 private:
  const Context& context_;
};

}  // namespace mifeng::access
