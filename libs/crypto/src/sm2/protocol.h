// SM2's signature (GB/T 32918.2) and decryption (GB/T 32918.4) over a kernel.
#pragma once

#include <span>
#include <string_view>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"
#include "mifeng/crypto/sm3.h"
#include "sm2/kernel.h"

namespace mifeng::crypto::sm2 {

// The kernel of a tier that this processor has; null where that is OpenSSL, which brings its own protocol.
const Kernel* kernel_of(Sm2Tier tier);

// SM3(Z || M), where Z binds the user id (below 8192 bytes) and the key: GB/T 32918.2 clauses 5.5 and 6.1, A1 and A2.
Sm3Digest message_digest(const Sm2Point& signer, std::string_view user_id, ByteView message);

// 1/(1+d) modulo n, as secret as d. `scalar` in 1..n-2.
void invert_one_plus(std::span<const std::uint8_t, 32> scalar, std::span<std::uint8_t, 32> out);

// Clause 6.1, A4 to A6, for one nonce in 1..n-1. False where another has to be drawn (r = 0, r + k = n, s = 0). No
// branch depends on a secret.
[[nodiscard]] bool sign_with_nonce(const Kernel& kernel, std::span<const std::uint8_t, 32> inverse,
                                   const Sm3Digest& digest, std::span<const std::uint8_t, 32> nonce,
                                   Sm2SignatureParts& out);

// Clause 7.1, B1, B2, B5 to B7. `point` is on the curve.
[[nodiscard]] bool verify(const Kernel& kernel, const Sm2Point& point, const Sm3Digest& digest,
                          const Sm2SignatureParts& signature);

// GB/T 32918.4 clause 7.1, B3 to B6, of a C1 on the curve (its cofactor is 1: it is no point of a small order). `out`
// as long as C2. False where C3 does not fit or the key stream is zero; `out` is then wiped.
[[nodiscard]] bool decrypt(const Kernel& kernel, std::span<const std::uint8_t, 32> scalar,
                           const Sm2CiphertextParts& ciphertext, MutableBytes out);

// The same without the end, and without a branch on a secret: `out` is not to be shown where this is false.
[[nodiscard]] bool decrypt_unwiped(const Kernel& kernel, std::span<const std::uint8_t, 32> scalar,
                                   const Sm2CiphertextParts& ciphertext, MutableBytes out);

// 64 bytes x || y.
std::array<std::uint8_t, 64> join(const Scalar& x, const Scalar& y);

}  // namespace mifeng::crypto::sm2
