// Secrets at rest: SM4-GCM under a key that HKDF-SM3 derives from the master key.
#pragma once

#include <string>

#include "mifeng/base/random.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::trust {

// What a wrapped secret is bound to. Another purpose or public key and it does not open: no row can be put in another's
// place.
struct WrapLabel {
  std::string purpose;     // "identity", "delivery", "output", "audit"
  std::string public_key;  // hex of the point; empty where there is none
};

// Layout of what is wrapped: version (1) = 1 || salt (16) || nonce (12) || ciphertext || tag (16), as base64. The SM4
// key is HKDF-SM3(salt, master key, "mifeng/v1/wrap/" || purpose)[0..16); the additional data are
// "mifeng/v1/wrap" LF purpose LF "1" LF public key.
class Wrapper {
 public:
  // kInvalidArgument "short-master-key" under 32 bytes.
  static Result<std::unique_ptr<Wrapper>> create(SecretBytes master_key, crypto::Sm4GcmProvider& provider,
                                                 Random& random);
  Result<std::string> wrap(const WrapLabel& label, const SecretBytes& secret) const;
  // kVerificationFailed "wrapped-key-does-not-fit".
  Result<SecretBytes> unwrap(const WrapLabel& label, const std::string& wrapped) const;

 private:
  Wrapper(SecretBytes master_key, crypto::Sm4GcmProvider& provider, Random& random)
      : master_key_(std::move(master_key)), provider_(provider), random_(random) {}
  Result<std::unique_ptr<crypto::Sm4GcmCipher>> cipher(const WrapLabel& label, ByteView salt) const;

  SecretBytes master_key_;
  crypto::Sm4GcmProvider& provider_;
  Random& random_;
};

}  // namespace mifeng::trust
