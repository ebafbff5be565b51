#include "master_key.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "mifeng/os/file.h"
#include "mifeng/platform/platform.h"
#include "mifeng/vault/master_key.h"

namespace mifeng::daemon {
namespace {

constexpr std::size_t kPassphraseMax = 4096;

// Its first line; in locked memory all the way.
Result<SecretBytes> first_line(const SecretBytes& text) {
  const std::string_view all = as_text(text.reveal_for_parsing());
  const std::size_t size = std::min(all.find_first_of("\r\n"), all.size());
  SecretBytes line(size);
  std::copy_n(text.reveal_for_copying().begin(), size, line.reveal_for_writing().begin());
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
  std::copy_n(buffer.reveal_for_copying().begin(), have, text.reveal_for_writing().begin());
  return text;
}

}  // namespace

Result<SecretBytes> read_master_key(const Options& options, Random& random) {
  // Where there is a database its keys are wrapped under a key that exists; a new one would only hide that it is gone.
  const bool has_database = platform::has_database(options.data);
  if (!options.master_key.empty()) {
    const auto mode = has_database ? vault::MasterKeyFile::kMustExist : vault::MasterKeyFile::kCreate;
    return vault::load_master_key(options.master_key, mode, random);
  }
  if (!options.master_key_env.empty()) return vault::take_master_key_from_environment(options.master_key_env);
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
  return vault::master_key_from_passphrase(line, salt, random);
}

}  // namespace mifeng::daemon
