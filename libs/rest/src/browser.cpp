#include "browser.h"

#include <algorithm>

namespace mifeng::rest {
namespace {

constexpr std::size_t kCookieMax = 8192;

Error cross_site() {
  return Error(
      ErrorCode::kPermissionDenied, "cross-site",
      "This request does not come from the console's own page. Open the console at its address, and do it there.");
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string cookie_name(bool tls, std::string_view url) {
  // The prefix makes a browser refuse the cookie from anywhere but this very host, over TLS.
  if (tls) return "__Host-mifeng";
  const std::size_t colon = url.rfind(':');
  const std::string_view port = colon == std::string_view::npos ? "" : url.substr(colon + 1);
  const bool digits = !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
  return digits ? "mifeng-" + std::string(port) : "mifeng";
}

Result<std::string> cookie_of(const net::Headers& headers, std::string_view name) {
  std::string value;
  bool found = false;
  for (const auto& [field, text] : headers) {
    if (field.size() != 6 || !std::ranges::equal(field, std::string_view("cookie"), [](char a, char b) {
          return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
        }))
      continue;
    std::string_view rest = std::string_view(text).substr(0, kCookieMax);
    while (!rest.empty()) {
      const std::string_view pair = trimmed(rest.substr(0, rest.find(';')));
      rest.remove_prefix(
          std::min(rest.size(), rest.find(';') == std::string_view::npos ? rest.size() : rest.find(';') + 1));
      const std::size_t equals = pair.find('=');
      if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
      if (found)
        return Error(ErrorCode::kUnauthenticated, "bad-token",
                     "You are not signed in, or your session or token has ended.");
      found = true;
      value = pair.substr(equals + 1);
    }
  }
  return value;
}

std::string set_cookie(std::string_view name, std::string_view value, bool tls) {
  return std::string(name) + "=" + std::string(value) + "; Path=/; HttpOnly; SameSite=Strict" + (tls ? "; Secure" : "");
}

std::string clear_cookie(std::string_view name, bool tls) { return set_cookie(name, "", tls) + "; Max-Age=0"; }

Result<void> check_same_origin(std::string_view method, const net::Headers& headers, bool tls) {
  const bool safe = method == "GET" || method == "HEAD";
  if (const std::string* site = headers.find("Sec-Fetch-Site")) {
    // "none" is what a person typed, or a link that was kept: no page at all.
    if (*site != "same-origin" && !(safe && *site == "none")) return cross_site();
  }
  if (safe) return ok();
  if (headers.find(kConsoleHeader) == nullptr) return cross_site();
  if (const std::string* origin = headers.find("Origin")) {
    const std::string* host = headers.find("Host");
    if (host == nullptr || headers.count("Host") != 1 || headers.count("Origin") != 1) return cross_site();
    // Where this listener has no TLS, something before it may have.
    const bool ours = *origin == "https://" + *host || (!tls && *origin == "http://" + *host);
    if (!ours) return cross_site();
  }
  return ok();
}

}  // namespace mifeng::rest
