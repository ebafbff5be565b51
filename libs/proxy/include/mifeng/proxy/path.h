// Request targets and forward URLs: what may be routed, and what is sent on. The rule behind all of it: the bytes that
// were matched are the bytes that are forwarded, so that no two readers can see two different paths in them.
#pragma once

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

// mifeng://DEPLOYMENT[:PORT NAME][/path]
struct ForwardUrl {
  std::string deployment;
  std::string port;  // name; empty: the deployment's first
  std::string path;  // "" or "/...", never with a slash at its end
};
// kInvalidArgument "bad-forward-url": another scheme, a deployment that is no id (1 to 128 of A-Z a-z 0-9 . _ -), a
// port name that is no DNS label, a path that normalise_path() refuses, a query.
Result<ForwardUrl> parse_forward_url(std::string_view url);

// What is sent on: the forward URL's path and the raw target after `prefix`, which stands at its beginning and ends at
// a segment's end. Never empty.
std::string forward_target(std::string_view raw_target, std::string_view prefix, std::string_view forward_path);

}  // namespace mifeng::proxy
