// The operations of the keys: the checks of what comes from outside, and which tier does the rest.
#include <openssl/rand.h>

#include <algorithm>

#include "mifeng/base/guarded.h"
#include "sm2/openssl.h"
#include "sm2/order.h"
#include "sm2/protocol.h"
#include "sm2_verify.h"

namespace mifeng::crypto {
namespace {

// A nonce in 1..n-1 from the generator for secrets that OpenSSL's own SM2 draws from. What is not in that range is
// thrown away, so that the branch says nothing of the nonce that is used.
Result<void> draw_nonce(Secret<32>& nonce) {
  Scalar drawn{};
  bool is_good = false;
  for (int i = 0; i < 64 && !is_good; ++i) {
    if (RAND_priv_bytes(drawn.data(), static_cast<int>(drawn.size())) != 1) break;
    is_good = sm2::is_in_range(drawn.data());
  }
  std::copy(drawn.begin(), drawn.end(), nonce.reveal_for_writing().begin());
  wipe(drawn.data(), drawn.size());
  if (!is_good) return Error(ErrorCode::kInternal, "openssl-failed", "OpenSSL could not give random bytes");
  return ok();
}

Result<void> check_point(const sm2::Kernel& kernel, const Sm2CiphertextParts& parts) {
  if (kernel.is_on_curve(sm2::join(parts.x, parts.y).data())) return ok();
  return check_sm2_point(parts.x, parts.y);  // says what is wrong, in its words
}

}  // namespace

Result<void> Sm2PublicKey::verify(ByteView message, ByteView der_signature, Sm2Tier tier) const {
  return guarded([&]() -> Result<void> {
    const sm2::Kernel* kernel = sm2::kernel_of(tier);
    if (kernel == nullptr) return detail::verify_with_user_id(key_.get(), kSm2UserId, message, der_signature);
    MIFENG_TRY(const Sm2SignatureParts parts, parse_sm2_signature(der_signature));
    if (!sm2::verify(*kernel, point_, sm2::message_digest(point_, kSm2UserId, message), parts))
      return sm2::bad_signature();
    return ok();
  });
}

Result<SecretBytes> Sm2PrivateKey::decrypt(ByteView der_ciphertext, Sm2Tier tier) const {
  return guarded([&]() -> Result<SecretBytes> {
    MIFENG_TRY(const Sm2CiphertextParts parts, parse_sm2_ciphertext(der_ciphertext));
    const sm2::Kernel* kernel = sm2::kernel_of(tier);
    if (kernel == nullptr) {
      MIFENG_CHECK(check_sm2_point(parts.x, parts.y));
      return sm2::decrypt_by_openssl(key_.get(), der_ciphertext, parts);
    }
    MIFENG_CHECK(check_point(*kernel, parts));
    SecretBytes plaintext(parts.c2.size());
    if (!sm2::decrypt(*kernel, scalar_.reveal_for_computing(), parts, plaintext.reveal_for_writing()))
      return sm2::bad_root_key();
    return plaintext;
  });
}

Result<Bytes> Sm2PrivateKey::sign(ByteView message, Sm2Tier tier) const {
  return guarded([&]() -> Result<Bytes> {
    const sm2::Kernel* kernel = sm2::kernel_of(tier);
    if (kernel == nullptr) return sm2::sign_by_openssl(key_.get(), message);
    const Sm3Digest digest = sm2::message_digest(public_key_.point(), kSm2UserId, message);
    Secret<32> nonce;
    Sm2SignatureParts parts;
    do {
      MIFENG_CHECK(draw_nonce(nonce));
    } while (
        !sm2::sign_with_nonce(*kernel, inverse_.reveal_for_computing(), digest, nonce.reveal_for_computing(), parts));
    return encode_sm2_signature(parts);
  });
}

}  // namespace mifeng::crypto
