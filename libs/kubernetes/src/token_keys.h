// A service account's token, checked by the keys that its cluster publishes: for where TokenReview is not ours to ask.
// Pure functions: no I/O.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/json/value.h"

namespace mifeng::kubernetes {

struct TokenClaims {
  std::string issuer;
  std::string user;  // "system:serviceaccount:NAMESPACE:NAME"
  std::vector<std::string> audiences;
  UnixMillis not_before_ms = 0, expires_ms = 0;
  std::string account_uid;
  std::string pod, pod_uid;  // empty where it is bound to none
};

// What a token says that one of these keys has signed (`keys` is a JSON Web Key Set; RS256, RS384, RS512, ES256, ES384
// and ES512 are known, and "none" is no signature). kPermissionDenied "token-refused".
Result<TokenClaims> read_token(std::string_view token, const json::Object& keys);

// Whether it is of this issuer, for this audience, and in force. kPermissionDenied "token-refused".
Result<void> check_token(const TokenClaims& claims, const std::string& issuer, const std::string& audience,
                         UnixMillis now_ms);

}  // namespace mifeng::kubernetes
