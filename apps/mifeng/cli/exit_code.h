#pragma once

#include "mifeng/base/error.h"

namespace mifeng::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitDifferent = 1;  // of `diff`, as diff(1) has it
inline constexpr int kExitUsage = 2;
inline constexpr int kExitPartOfBatchFailed = 8;
inline constexpr int kExitOutputClosed = 141;  // as a shell has it of a program that SIGPIPE ended

// 1 failure, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 verification failed, 7 timeout, 130 interrupted (or
// what interrupted() gives, 128 and the signal's number).
int exit_code(ErrorCode code);

}  // namespace mifeng::cli
