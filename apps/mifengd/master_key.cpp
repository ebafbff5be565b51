#include "master_key.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "mifeng/base/file.h"
#include "mifeng/platform/platform.h"

namespace mifeng::daemon {
namespace {

constexpr std::size_t kPassphraseMax = 4096;
constexpr std::size_t kKeySize = 32;

// The value is wiped where it stands: /proc/PID/environ shows the memory that the process was started with, whatever
// unsetenv() does to the list of it.
Result<SecretBytes> take_from_environment(const std::string& name) {
  char* const value = std::getenv(name.c_str());
  if (value == nullptr)
    return Error(ErrorCode::kInvalidArgument, "no-master-key",
                 "There is no variable " + name + " that would hold the master key.");
  const std::size_t size = std::strlen(value);
  SecretBytes key(kKeySize);
  bool good = size == 2 * kKeySize;
  for (std::size_t i = 0; good && i < kKeySize; ++i) {
    unsigned byte = 0;
    for (const char c : {value[2 * i], value[2 * i + 1]}) {
      const bool digit = c >= '0' && c <= '9', lower = c >= 'a' && c <= 'f', upper = c >= 'A' && c <= 'F';
      good = good && (digit || lower || upper);
      byte = byte * 16 + static_cast<unsigned>(digit ? c - '0' : lower ? c - 'a' + 10 : c - 'A' + 10);
    }
    key.reveal_for_writing()[i] = static_cast<std::uint8_t>(byte);
  }
  ::explicit_bzero(value, size);
  ::unsetenv(name.c_str());
  if (!good)
    return Error(ErrorCode::kInvalidArgument, "bad-master-key",
                 "The variable " + name + " must hold the master key as 64 hex digits and nothing else.");
  return key;
}

// Its first line; in locked memory all the way.
Result<SecretBytes> first_line(const SecretBytes& text) {
  const std::string_view all = as_text(text.reveal_for_use());
  const std::size_t size = std::min(all.find_first_of("\r\n"), all.size());
  SecretBytes line(size);
  std::copy_n(text.reveal_for_use().begin(), size, line.reveal_for_writing().begin());
  return line;
}

Result<SecretBytes> read_descriptor(int fd) {
  const UniqueFd owned(fd);
  SecretBytes buffer(kPassphraseMax);
  std::size_t have = 0;
  while (have < kPassphraseMax) {
    const ::ssize_t count = ::read(fd, buffer.reveal_for_writing().data() + have, kPassphraseMax - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(errno, "read the passphrase from --passphrase-fd");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  SecretBytes text(have);
  std::copy_n(buffer.reveal_for_use().begin(), have, text.reveal_for_writing().begin());
  return text;
}

}  // namespace

Result<SecretBytes> read_master_key(const Options& options, Random& random) {
  // Where there is a database its keys are wrapped under a key that exists; a new one would only hide that it is gone.
  const bool has_database = platform::has_database(options.data);
  if (!options.master_key.empty()) {
    const auto mode = has_database ? platform::MasterKeyFile::kMustExist : platform::MasterKeyFile::kCreate;
    return platform::load_master_key(options.master_key, mode, random);
  }
  if (!options.master_key_env.empty()) return take_from_environment(options.master_key_env);
  const auto salt = options.salt_file.empty() ? options.data / "salt" : options.salt_file;
  std::error_code ignored;
  if (has_database && !std::filesystem::exists(salt, ignored))
    return Error(ErrorCode::kNotFound, "no-salt",
                 "The passphrase's salt " + salt.string() +
                     " is gone; without it the keys in the database stay closed. "
                     "Restore it from a backup.");
  MIFENG_TRY(const SecretBytes text, options.passphrase_fd >= 0
                                         ? read_descriptor(options.passphrase_fd)
                                         : read_secret_file(options.passphrase_file, kPassphraseMax));
  MIFENG_TRY(const SecretBytes line, first_line(text));
  return platform::master_key_from_passphrase(line, salt, random);
}

}  // namespace mifeng::daemon
