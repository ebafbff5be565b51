// The key that a program's secrets at rest are wrapped under, and where it comes from (spec/processes.md).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "mifeng/base/random.h"
#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"

namespace mifeng::vault {

inline constexpr std::size_t kMasterKeySize = 32;

// What a missing file means. Where something is wrapped already a new key would only hide that the old one is gone.
enum class MasterKeyFile { kMustExist, kCreate };

// A file of 32 bytes as 64 hex digits; made (0600, its folder too) where it is missing and `mode` says so, else
// kNotFound "no-master-key". kPermissionDenied "master-key-readable" where anybody but its owner may read, write or
// execute it. kInvalidArgument "bad-master-key".
Result<SecretBytes> load_master_key(const std::filesystem::path& path, MasterKeyFile mode, Random& random);
// From an environment variable, as 64 hex digits; kInvalidArgument "no-master-key" or "bad-master-key". The variable is
// gone afterwards, also where it stood: /proc/PID/environ shows the memory that the process was started with, whatever
// unsetenv() does to the list of it. Before any other thread runs.
Result<SecretBytes> take_master_key_from_environment(const std::string& name);
// PBKDF2-HMAC-SM3 of a passphrase (kInvalidArgument "short-passphrase" under 12 bytes), salt of 16 bytes from
// `salt_file` (made where missing; kInvalidArgument "bad-salt").
Result<SecretBytes> master_key_from_passphrase(const SecretBytes& passphrase, const std::filesystem::path& salt_file,
                                               Random& random);

}  // namespace mifeng::vault
