#include "mifeng/rest/http_status.h"

#include "mifeng/json/value.h"

namespace mifeng::rest {

int http_status(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument: return 400;
    case ErrorCode::kUnauthenticated: return 401;
    case ErrorCode::kPermissionDenied: return 403;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kConflict: return error.reason() == "changed-meanwhile" ? 412 : 409;
    case ErrorCode::kVerificationFailed: return 422;
    case ErrorCode::kResourceExhausted:
      if (error.reason() == "disk-full") return 507;
      return error.reason().ends_with("too-large") ? 413 : 429;
    case ErrorCode::kUnavailable: return 503;
    case ErrorCode::kTimeout: return error.reason() == "body-too-slow" ? 408 : 504;  // the client's time, or ours
    case ErrorCode::kCancelled: return 499;
    case ErrorCode::kInternal: return 500;
  }
  return 500;
}

std::string error_body(const Error& error) {
  return json::serialize(
      json::Object{{"code", to_string(error.code())}, {"reason", error.reason()}, {"message", error.message()}});
}

}  // namespace mifeng::rest
