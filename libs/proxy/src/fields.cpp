#include "mifeng/proxy/fields.h"

#include <algorithm>

namespace mifeng::proxy {

bool is_mifeng_field(std::string_view name) { return name.starts_with("mifeng-"); }

bool passes_to_caller(std::string_view name, const RouteEntry& route) {
  if (is_mifeng_field(name)) return false;
  if (name == "cache-control" || name == "retry-after" || name == "x-request-id" || name.starts_with("grpc-"))
    return true;
  // These would change what the message is, so no route can list them.
  if (name == "content-type" || name == "content-encoding" || name == "content-length" || name == "transfer-encoding" ||
      name == "connection" || name == "upgrade" || name == "trailer") {
    return false;
  }
  return route.pass_headers.contains(std::string(name));
}

std::string_view trim(std::string_view value) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  return value;
}

std::string_view bearer_key(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return {};
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != kScheme[i]) return {};
  }
  return trim(authorization.substr(kScheme.size()));
}

bool is_request_id(std::string_view text) {
  return text.size() == 32 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace mifeng::proxy
