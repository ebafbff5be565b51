// Requests of a browser that is signed in with a cookie: which cookie that is, and whether our own page sent the
// request.
#pragma once

#include <string>
#include <string_view>

#include "mifeng/base/result.h"
#include "mifeng/net/http.h"

namespace mifeng::rest {

// The header that only a page of ours sends: another site's would need our leave to add it. "work" where a person does
// something, "refresh" where the page looks by itself what is new.
inline constexpr const char* kConsoleHeader = "Mifeng-Console";

// `url` is the listener's own. Without TLS the port is part of the name: a browser sends the cookies of one address to
// all its ports, and two platforms on one machine would sign each other out.
std::string cookie_name(bool tls, std::string_view url);
// The value of that cookie; empty where there is none. Twice is kUnauthenticated "bad-token": one of the two is
// somebody else's.
Result<std::string> cookie_of(const net::Headers& headers, std::string_view name);
// For Set-Cookie. It ends with the browser, and is sent by our own pages alone.
std::string set_cookie(std::string_view name, std::string_view value, bool tls);
std::string clear_cookie(std::string_view name, bool tls);

// kPermissionDenied "cross-site" for what another site's page made a browser send. `method` other than GET and HEAD
// needs kConsoleHeader and, where the browser says whence it comes, our own origin.
Result<void> check_same_origin(std::string_view method, const net::Headers& headers, bool tls);

}  // namespace mifeng::rest
