#include "mifeng/people/password.h"

#include "mifeng/crypto/kdf.h"
#include "mifeng/manifest/rules.h"

namespace mifeng::people {
namespace {

constexpr int kWaitingMax = 32;
constexpr std::size_t kSaltSize = 16, kHashSize = 32;

// Each character of `alphabet` equally likely: bytes beyond the largest multiple of its size are thrown away.
std::string random_text(Random& random, std::string_view alphabet, std::size_t length) {
  const unsigned limit = 256 - 256 % static_cast<unsigned>(alphabet.size());
  std::string out;
  while (out.size() < length) {
    std::uint8_t byte = 0;
    random.fill(MutableBytes(&byte, 1));
    if (byte < limit) out += alphabet[byte % alphabet.size()];
  }
  return out;
}

}  // namespace

Result<std::string> PasswordHasher::compute(const std::string& password, const std::string& salt_hex, int rounds) {
  {
    std::unique_lock lock(mutex_);
    if (waiting_ >= kWaitingMax)
      return Error(ErrorCode::kResourceExhausted, "too-many-sign-ins",
                   "Too many people are signing in at this moment. Try again in a few seconds.");
    ++waiting_;
    free_.wait(lock, [&] { return running_ < parallel_; });
    --waiting_;
    ++running_;
  }
  struct Done {
    PasswordHasher& hasher;
    ~Done() {
      {
        std::lock_guard lock(hasher.mutex_);
        --hasher.running_;
      }
      hasher.free_.notify_one();
    }
  } done{*this};
  MIFENG_TRY(const Bytes salt, from_hex(salt_hex));
  const SecretBytes hash =
      crypto::pbkdf2_hmac_sm3(as_bytes(password), salt, static_cast<std::uint32_t>(rounds), kHashSize);
  return to_hex(hash.reveal_for_output());
}

Result<PasswordHash> PasswordHasher::make(const std::string& password, Random& random) {
  PasswordHash hash{.salt = random.hex(kSaltSize), .hash = "", .rounds = rounds_};
  MIFENG_TRY(hash.hash, compute(password, hash.salt, hash.rounds));
  return hash;
}

Result<bool> PasswordHasher::matches(const std::string& password, const PasswordHash& hash) {
  const bool nobody = hash.hash.empty();
  MIFENG_TRY(const std::string computed,
             compute(password, nobody ? std::string(2 * kSaltSize, '0') : hash.salt, nobody ? rounds_ : hash.rounds));
  return !nobody && equal_in_constant_time(as_bytes(computed), as_bytes(hash.hash));
}

Result<void> check_new_password(const std::string& password, const std::string& name) {
  const Error weak(ErrorCode::kInvalidArgument, "weak-password",
                   "A password has 12 to 256 bytes, no control characters, and is not the name.");
  if (password.size() < 12 || manifest::check_line(password, 256) || password == name) return weak;
  // One character over and over is no password.
  if (password.find_first_not_of(password.front()) == std::string::npos) return weak;
  return ok();
}

std::string random_password(Random& random) {
  return random_text(random, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 20);
}

std::string random_bearer(Random& random, const std::string& prefix) {
  return prefix + random_text(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 43);
}

std::string random_code(Random& random, int groups) {
  std::string out;
  for (int i = 0; i < groups; ++i) {
    if (i != 0) out += '-';
    out += random_text(random, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 4);
  }
  return out;
}

}  // namespace mifeng::people
