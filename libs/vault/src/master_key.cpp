#include "mifeng/vault/master_key.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "mifeng/crypto/kdf.h"
#include "mifeng/os/file.h"

namespace mifeng::vault {
namespace {

constexpr std::uint32_t kPassphraseRounds = 600'000;

// Digits in place, so that the key lies in locked memory only.
Result<SecretBytes> decode_hex(ByteView digits, const std::string& where) {
  while (!digits.empty() && (digits.back() == '\n' || digits.back() == '\r')) digits = digits.first(digits.size() - 1);
  const auto value = [](std::uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  SecretBytes key(kMasterKeySize);
  bool good = digits.size() == 2 * kMasterKeySize;
  for (std::size_t i = 0; good && i < kMasterKeySize; ++i) {
    const int high = value(digits[2 * i]), low = value(digits[2 * i + 1]);
    good = high >= 0 && low >= 0;
    if (good) key.reveal_for_writing()[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (!good)
    return Error(ErrorCode::kInvalidArgument, "bad-master-key",
                 where + " must hold the master key as 64 hex digits and nothing else.");
  return key;
}

}  // namespace

Result<SecretBytes> load_master_key(const std::filesystem::path& path, MasterKeyFile mode, Random& random) {
  struct ::stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return errno_error(errno, "read the master key " + path.string());
    if (mode == MasterKeyFile::kMustExist)
      return Error(ErrorCode::kNotFound, "no-master-key",
                   "The master key " + path.string() +
                       " is gone; without it the stored keys stay closed. Restore it from a backup.");
    SecretBytes key(kMasterKeySize), text(2 * kMasterKeySize + 1);
    random.fill(key.reveal_for_writing());
    for (std::size_t i = 0; i < kMasterKeySize; ++i) {
      constexpr char kDigits[] = "0123456789abcdef";
      text.reveal_for_writing()[2 * i] = static_cast<std::uint8_t>(kDigits[key.reveal_for_output()[i] >> 4]);
      text.reveal_for_writing()[2 * i + 1] = static_cast<std::uint8_t>(kDigits[key.reveal_for_output()[i] & 15]);
    }
    text.reveal_for_writing()[2 * kMasterKeySize] = '\n';
    std::error_code ignored;
    std::filesystem::create_directories(path.parent_path(), ignored);
    MIFENG_CHECK(write_file_atomic(path, text.reveal_for_output(), 0600));
    return key;
  }
  if ((info.st_mode & 077) != 0)
    return Error(ErrorCode::kPermissionDenied, "master-key-readable",
                 "Others may read the master key " + path.string() + ". Make it private: chmod 600.");
  MIFENG_TRY(const SecretBytes text, read_secret_file(path, 256));
  return decode_hex(text.reveal_for_parsing(), path.string());
}

Result<SecretBytes> take_master_key_from_environment(const std::string& name) {
  char* const value = std::getenv(name.c_str());
  if (value == nullptr)
    return Error(ErrorCode::kInvalidArgument, "no-master-key",
                 "There is no variable " + name + " that would hold the master key.");
  const std::size_t size = std::strlen(value);
  auto key = decode_hex(as_bytes(std::string_view(value, size)), "The variable " + name);
  ::explicit_bzero(value, size);
  ::unsetenv(name.c_str());
  return key;
}

Result<SecretBytes> master_key_from_passphrase(const SecretBytes& passphrase, const std::filesystem::path& salt_file,
                                               Random& random) {
  if (passphrase.size() < 12)
    return Error(ErrorCode::kInvalidArgument, "short-passphrase", "The passphrase must have at least 12 bytes.");
  std::error_code ignored;
  if (!std::filesystem::exists(salt_file, ignored)) {
    Bytes salt(16);
    random.fill(salt);
    MIFENG_CHECK(write_file_atomic(salt_file, salt, 0600));
  }
  MIFENG_TRY(const Bytes salt, read_file(salt_file, 64));
  if (salt.size() != 16)
    return Error(ErrorCode::kInvalidArgument, "bad-salt", salt_file.string() + " must hold 16 bytes.");
  return crypto::pbkdf2_hmac_sm3(passphrase.reveal_for_computing(), salt, kPassphraseRounds, kMasterKeySize);
}

}  // namespace mifeng::vault
