// Errors as HTTP shows them.
#pragma once

#include <string>

#include "mifeng/base/error.h"

namespace mifeng::rest {

// The one mapping of error codes to statuses. A limit is 413 (too large), 507 (disk full) or 429 (too many), by its
// reason; so is a conflict with what If-Match said 412.
int http_status(const Error& error);

// {"code":"conflict","reason":"prefix-taken","message":"..."}
std::string error_body(const Error& error);

}  // namespace mifeng::rest
