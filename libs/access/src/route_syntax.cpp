// What a prefix and a forward URL look like. What matching does with them stands in the gateway's route table.
#include "mifeng/access/route_service.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/trust/types.h"

namespace mifeng::access {
namespace {

constexpr std::size_t kPrefixMax = 512;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {  // RFC 3986 section 2.3
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// Path of whole segments: "/a/b". What normalising would change is refused, as the gateway refuses it in requests.
Result<void> check_path(const std::string& path, const std::string& field, const char* reason) {
  const auto refuse = [&](const std::string& why) -> Result<void> {
    return Error(ErrorCode::kInvalidArgument, reason, field + ": " + why + ".");
  };
  if (path.size() > kPrefixMax) return refuse("at most 512 bytes");
  if (path.empty() || path.front() != '/') return refuse("it must begin with a slash");
  std::string segment;
  for (std::size_t i = 1; i <= path.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      if (segment.empty() && path != "/") return refuse("no slash at the end, and no two in a row");
      if (segment == "." || segment == "..") return refuse("no segment may be . or ..");
      segment.clear();
      continue;
    }
    if (path[i] != '%') {
      if (!is_unreserved(path[i])) return refuse("only letters, digits, - . _ ~ and %XX, between slashes");
      segment += path[i];
      continue;
    }
    if (i + 2 >= path.size() || hex_value(path[i + 1]) < 0 || hex_value(path[i + 2]) < 0)
      return refuse("a % must be followed by two hex digits");
    const char decoded = static_cast<char>(hex_value(path[i + 1]) * 16 + hex_value(path[i + 2]));
    if (decoded == '/' || decoded == '\\' || decoded == '.' || decoded == '\0')
      return refuse("an encoded / \\ . or NUL is not allowed");
    if (is_unreserved(decoded)) return refuse("write what needs no % without it");
    if (path[i + 1] >= 'a' || path[i + 2] >= 'a') return refuse("write the digits after % in upper case");
    segment += decoded;
    i += 2;
  }
  return ok();
}

}  // namespace

Result<void> check_prefix(const std::string& prefix) { return check_path(prefix, "prefix", "bad-prefix"); }

Result<ForwardUrl> parse_forward(const std::string& forward) {
  const auto refuse = [](const std::string& why) {
    return Error(ErrorCode::kInvalidArgument, "bad-forward",
                 "forward: " + why + ". It looks like mifeng://DEPLOYMENT[:PORT NAME][/path].");
  };
  constexpr std::string_view kScheme = "mifeng://";
  if (!forward.starts_with(kScheme)) return refuse("it must begin with mifeng://");
  const std::string rest = forward.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  const std::string host = rest.substr(0, slash);
  ForwardUrl url;
  const std::size_t colon = host.find(':');
  url.deployment = host.substr(0, colon);
  if (const auto wrong = manifest::check_label(url.deployment)) return refuse("the deployment's id: " + *wrong);
  if (colon != std::string::npos) {
    url.port_name = host.substr(colon + 1);
    if (const auto wrong = manifest::check_label(url.port_name, 15)) return refuse("the port's name: " + *wrong);
  }
  if (slash != std::string::npos) {
    url.path = rest.substr(slash);
    MIFENG_CHECK(check_path(url.path, "forward", "bad-forward"));
  }
  return url;
}

}  // namespace mifeng::access
