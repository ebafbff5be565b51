// What went wrong, for the code that decides and for the person who has to act.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mifeng {

// Small and neutral: one exhaustive switch each maps it to an HTTP status (libs/rest), an exit code (apps/mifeng) and
// the C ABI. What exactly happened is Error::reason.
enum class ErrorCode {
  kInvalidArgument,     // the input is wrong and stays wrong                     400, exit 2
  kUnauthenticated,     // the caller is not known                                 401, exit 4
  kPermissionDenied,    // known, but may not                                      403, exit 4
  kNotFound,            //                                                         404, exit 3
  kConflict,            // contradicts what is stored: exists, port taken          409, exit 5
  kVerificationFailed,  // a MAC, tag, signature or digest does not fit            422, exit 6
  kResourceExhausted,   // a limit: size, rate, disk                               429/413/507, exit 1
  kUnavailable,         // the other side cannot be reached now; again may help    503, exit 1
  kTimeout,             //                                                         504, exit 7
  kCancelled,           // somebody asked for it to stop                           499, exit 130
  kInternal,            // ours                                                    500, exit 1
};

// "invalid-argument", ...
std::string_view to_string(ErrorCode code);
// The code of that name; none where there is no such.
std::optional<ErrorCode> error_code_of(std::string_view name);

// `reason` is a stable kebab-case word (spec/errors.md; for sealed streams the class of failure of
// spec/sealed-format.md) that programs and translations use; `message` is a sentence in English that says what to do.
// Neither ever holds a secret.
class Error {
 public:
  Error(ErrorCode code, std::string reason, std::string message)
      : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& reason() const { return reason_; }
  const std::string& message() const { return message_; }

  // The same error with "context: " before its message: what we were doing when it happened.
  Error with_context(std::string_view context) const& {
    return Error(code_, reason_, std::string(context) + ": " + message_);
  }

 private:
  ErrorCode code_;
  std::string reason_;
  std::string message_;
};

}  // namespace mifeng
