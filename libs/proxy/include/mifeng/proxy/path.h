// Request targets and forward URLs: what may be routed, and what is sent on. The rule behind all of it: the bytes that
// were matched are the bytes that are forwarded, so that no two readers can see two different paths in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "mifeng/base/result.h"

namespace mifeng::proxy {

// The path of a raw request target with its escapes decoded ("/v2/models/%E6%A8%A1" becomes UTF-8). kInvalidArgument
// "bad-path" where normalising could change the segments: not beginning with '/', '.' and '..' segments, doubled
// slashes, an escape of '/', '\', '.' or NUL, a broken escape, a raw backslash, '#', or a byte that no request line may
// hold. A '/' at the end is a segment of its own and stays.
Result<std::string> normalise_path(std::string_view raw_path);

// The raw path of a raw target: all of it before the first '?'.
std::string_view path_of(std::string_view raw_target);

// Why a path may not be a route's (its access prefix, or what its forward URL puts before a request's path); none where
// it may. It begins with a slash, has whole segments of unreserved characters or %XX in upper case that decodes to none
// of / \ . NUL and needs its %, no '.' and '..' segments, no slash at the end but that of "/" itself, and at most
// bounds::kRoutePathMax bytes: so it is spelt in one way only, and normalise_path() changes no segment of it.
std::optional<std::string> complain_of_route_path(std::string_view path);

// mifeng://DEPLOYMENT[:PORT NAME][/path]
struct ForwardUrl {
  std::string deployment;
  std::string port;  // name; empty: the deployment's first
  std::string path;  // "" or "/...", never with a slash at its end
};
// kInvalidArgument "bad-forward": another scheme, a deployment that is no id (1 to bounds::kIdMax of A-Z a-z 0-9 . _ -:
// an id of spec/grant.md without its ':'), a port name that is no DNS label of at most bounds::kPortNameMax, a path
// that is none of a route.
Result<ForwardUrl> parse_forward_url(std::string_view url);
// The text that parse_forward_url() takes apart.
std::string to_string(const ForwardUrl& url);

// What is sent on: the forward URL's path and the raw target after `prefix`, which stands at its beginning and ends at
// a segment's end. Never empty.
std::string forward_target(std::string_view raw_target, std::string_view prefix, std::string_view forward_path);

}  // namespace mifeng::proxy
