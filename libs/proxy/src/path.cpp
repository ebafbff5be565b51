#include "mifeng/proxy/path.h"

#include <algorithm>

#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"

namespace mifeng::proxy {
namespace {

Error bad_path(std::string_view why) {
  return {ErrorCode::kInvalidArgument, "bad-path",
          phrase("The path is refused ({}); send each path in its plain form.", why)};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::string_view kScheme = "mifeng://";

bool is_unreserved(char c) {  // RFC 3986 section 2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= bounds::kIdMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_unreserved(c) && c != '~'; });
}

bool is_port_name(std::string_view text) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= bounds::kPortNameMax && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), good);
}

Error bad_forward(std::string_view why) {
  return {ErrorCode::kInvalidArgument, "bad-forward",
          "forward: " + std::string(why) + ". It looks like mifeng://DEPLOYMENT[:PORT NAME][/path]."};
}

// Of one escape that begins at `at`: why it may not stand in a route's path. The character that it means in `decoded`.
std::optional<std::string> complain_of_escape(std::string_view path, std::size_t at, char& decoded) {
  const int high = at + 2 < path.size() ? hex_value(path[at + 1]) : -1;
  const int low = at + 2 < path.size() ? hex_value(path[at + 2]) : -1;
  if (high < 0 || low < 0) return "a % must be followed by two hex digits";
  decoded = static_cast<char>(high * 16 + low);
  if (decoded == '/' || decoded == '\\' || decoded == '.' || decoded == '\0')
    return "an encoded / \\ . or NUL is not allowed";
  if (is_unreserved(decoded)) return "write what needs no % without it";
  if (path[at + 1] >= 'a' || path[at + 2] >= 'a') return "write the digits after % in upper case";
  return std::nullopt;
}

}  // namespace

Result<std::string> normalise_path(std::string_view raw_path) {
  if (raw_path.empty() || raw_path.front() != '/') return bad_path(phrase("it does not begin with a slash"));
  std::string path;
  path.reserve(raw_path.size());
  for (std::size_t i = 0; i < raw_path.size(); ++i) {
    const char c = raw_path[i];
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) return bad_path(phrase("a control character or a space stands in it"));
    if (c == '\\' || c == '#') return bad_path(phrase("a backslash or a '#' stands in it"));
    if (c == '/' && i > 0 && raw_path[i - 1] == '/') return bad_path(phrase("a segment is empty"));
    if (c != '%') {
      path.push_back(c);
      continue;
    }
    const int high = i + 2 < raw_path.size() ? hex_value(raw_path[i + 1]) : -1;
    const int low = i + 2 < raw_path.size() ? hex_value(raw_path[i + 2]) : -1;
    if (high < 0 || low < 0) return bad_path(phrase("an escape in it is not complete"));
    const auto decoded = static_cast<char>(high * 16 + low);
    if (decoded == '/' || decoded == '\\' || decoded == '.' || decoded == '\0')
      return bad_path(phrase("a slash, backslash, full stop or NUL is escaped in it"));
    path.push_back(decoded);
    i += 2;
  }
  // No '.' and no '/' came out of an escape, so the segments of the decoded path are those of the raw one.
  for (std::size_t begin = 1; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment(path.data() + begin, end - begin);
    if (segment == "." || segment == "..") return bad_path(phrase("a segment is '.' or '..'"));
    begin = end + 1;
  }
  return path;
}

std::string_view path_of(std::string_view raw_target) { return raw_target.substr(0, raw_target.find('?')); }

std::optional<std::string> complain_of_route_path(std::string_view path) {
  if (path.size() > bounds::kRoutePathMax) return "at most " + std::to_string(bounds::kRoutePathMax) + " bytes";
  if (path.empty() || path.front() != '/') return "it must begin with a slash";
  std::string segment;
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (segment.empty() && path != "/") return "no slash at the end, and no two in a row";
      if (segment == "." || segment == "..") return "no segment may be . or ..";
      segment.clear();
    } else if (path[i] == '%') {
      char decoded = 0;
      if (auto complaint = complain_of_escape(path, i, decoded)) return complaint;
      segment += decoded;
      i += 2;
    } else if (is_unreserved(path[i])) {
      segment += path[i];
    } else {
      return "only letters, digits, - . _ ~ and %XX, between slashes";
    }
  }
  return std::nullopt;
}

Result<ForwardUrl> parse_forward_url(std::string_view url) {
  if (!url.starts_with(kScheme)) return bad_forward("it must begin with mifeng://");
  url.remove_prefix(kScheme.size());
  ForwardUrl forward;
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string_view authority = url.substr(0, slash);
  const std::size_t colon = authority.find(':');
  forward.deployment = authority.substr(0, colon);
  if (!is_id(forward.deployment)) return bad_forward("the deployment is no id");
  if (colon != authority.npos) {
    forward.port = authority.substr(colon + 1);
    if (!is_port_name(forward.port)) return bad_forward("the port's name is none");
  }
  forward.path = url.substr(slash);
  if (forward.path == "/") forward.path.clear();
  if (!forward.path.empty()) {
    if (const auto complaint = complain_of_route_path(forward.path)) return bad_forward(*complaint);
  }
  return forward;
}

std::string to_string(const ForwardUrl& url) {
  return std::string(kScheme) + url.deployment + (url.port.empty() ? "" : ":" + url.port) + url.path;
}

std::string forward_target(std::string_view raw_target, std::string_view prefix, std::string_view forward_path) {
  std::string target(forward_path);
  target += raw_target.substr(prefix == "/" ? 0 : prefix.size());
  if (target.empty() || target.front() == '?') target.insert(target.begin(), '/');
  return target;
}

}  // namespace mifeng::proxy
