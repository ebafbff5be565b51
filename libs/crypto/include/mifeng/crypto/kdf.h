// Keys from keys and from passwords: HKDF-SM3 (RFC 5869), PBKDF2-HMAC-SM3 (RFC 8018).
#pragma once

#include <cstdint>

#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/hmac_sm3.h"

namespace mifeng::crypto {

Secret<kSm3Size> hkdf_sm3_extract(ByteView salt, ByteView input_key);
// Fills `out`, at most 255 * 32 bytes (RFC 5869 section 2.3); more is a programmer error.
void hkdf_sm3_expand(const HmacSm3Key& prk, ByteView info, MutableBytes out);
// Both steps.
SecretBytes hkdf_sm3(ByteView salt, ByteView input_key, ByteView info, std::size_t size);

// `rounds` at least 1. 600,000 rounds of one 32-byte block cost about 0.3 s: never on an event loop.
SecretBytes pbkdf2_hmac_sm3(ByteView password, ByteView salt, std::uint32_t rounds, std::size_t size);

}  // namespace mifeng::crypto
