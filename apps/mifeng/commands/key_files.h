// Reading key files that are named on the command line; what goes wrong names the file.
#pragma once

#include <string>

#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"

namespace mifeng::cli {

inline constexpr std::size_t kKeyFileSizeMax = 64 * 1024;

Result<crypto::Sm2PrivateKey> read_private_key(const std::string& path);
Result<crypto::Sm2PublicKey> read_public_key(const std::string& path);
// A public key's file, or a private key's, of which the public half is given.
Result<crypto::Sm2PublicKey> read_either_key(const std::string& path);

}  // namespace mifeng::cli
