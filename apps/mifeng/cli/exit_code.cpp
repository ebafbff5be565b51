#include "cli/exit_code.h"

namespace mifeng::cli {

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return 2;
    case ErrorCode::kUnauthenticated: return 4;
    case ErrorCode::kPermissionDenied: return 4;
    case ErrorCode::kNotFound: return 3;
    case ErrorCode::kConflict: return 5;
    case ErrorCode::kVerificationFailed: return 6;
    case ErrorCode::kResourceExhausted: return 1;
    case ErrorCode::kUnavailable: return 1;
    case ErrorCode::kTimeout: return 7;
    case ErrorCode::kCancelled: return 130;
    case ErrorCode::kInternal: return 1;
  }
  return 1;
}

}  // namespace mifeng::cli
