// Passwords: PBKDF2-HMAC-SM3 with a bound on how many are computed at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"

namespace mifeng::people {

struct PasswordHash {
  std::string salt;  // hex
  std::string hash;  // hex
  int rounds = 0;
};

class PasswordHasher {
 public:
  // `parallel` computations at once, 32 more wait; what comes then is kResourceExhausted "too-many-sign-ins".
  PasswordHasher(int parallel, int rounds) : parallel_(parallel), rounds_(rounds) {}

  Result<PasswordHash> make(const std::string& password, Random& random);
  // In constant time once the hash is there. An empty hash (nobody's) costs the same and never fits.
  Result<bool> matches(const std::string& password, const PasswordHash& hash);

 private:
  Result<std::string> compute(const std::string& password, const std::string& salt_hex, int rounds);
  const int parallel_;
  const int rounds_;
  std::mutex mutex_;
  std::condition_variable free_;
  int running_ = 0;
  int waiting_ = 0;
};

// What a new password has to be: 12 to 256 bytes of UTF-8 without control characters, not the name.
// kInvalidArgument "weak-password".
Result<void> check_new_password(const std::string& password, const std::string& name);

// 20 characters of an alphabet without look-alikes, about 98 bits.
std::string random_password(Random& random);
// `prefix` and 43 characters of base62, about 256 bits.
std::string random_bearer(Random& random, const std::string& prefix);
// `groups` groups of four of the same alphabet as a password's, upper case, with '-' between: 20 bits each.
std::string random_code(Random& random, int groups);

}  // namespace mifeng::people
