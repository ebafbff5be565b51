// SM2's operations by OpenSSL: the tier of processors without a kernel of ours, and the reference of the tests.
#pragma once

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"

namespace mifeng::crypto::sm2 {

Result<Bytes> sign_by_openssl(EVP_PKEY* key, ByteView message);
// `parts` is what parse_sm2_ciphertext made of `der_ciphertext`, its point on the curve.
Result<SecretBytes> decrypt_by_openssl(EVP_PKEY* key, ByteView der_ciphertext, const Sm2CiphertextParts& parts);

// kVerificationFailed "bad-signature" and "bad-root-key", for every tier the same.
Error bad_signature();
Error bad_root_key();

}  // namespace mifeng::crypto::sm2
