// SM4-GCM by libgcrypt, which ours is tested and measured against; no part of the library. (OpenSSL 3.0 has no
// SM4-GCM.)
#pragma once

#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::crypto {

// Initialises libgcrypt, unless somebody has. kInternal "no-sm4-gcm" where it has no SM4.
Result<std::unique_ptr<Sm4GcmProvider>> create_gcrypt_provider();

}  // namespace mifeng::crypto
