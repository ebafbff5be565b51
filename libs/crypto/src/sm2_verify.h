// Verification under any user id, for the vectors of others; Mifeng itself knows one user id.
#pragma once

#include <string_view>

#include "mifeng/crypto/sm2.h"

namespace mifeng::crypto::detail {

Result<void> verify_with_user_id(EVP_PKEY* key, std::string_view user_id, ByteView message, ByteView der_signature);

}  // namespace mifeng::crypto::detail
