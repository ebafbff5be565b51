// Secrets at rest: SM4-GCM under a key that HKDF-SM3 derives from the master key.
#pragma once

#include <memory>
#include <string>

#include "mifeng/base/random.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::vault {

// What a wrapped secret is bound to. Another purpose or public key and it does not open: no secret can be put in
// another's place.
struct WrapLabel {
  std::string purpose;  // "identity", "delivery", "output", "audit", "cluster-access/ID"; "receive", "sign"
  Bytes public_key;     // the point; empty where there is none
};

// Whose secrets they are. Both stand on disks, so both stay; neither opens what the other wrapped.
enum class WrapForm {
  // Layout: 1 (a byte, the version) || salt (16) || nonce (12) || ciphertext || tag (16). HKDF's info is
  // "mifeng/v1/wrap/" || purpose; the additional data are "mifeng/v1/wrap" LF purpose LF "1" LF public key in hex.
  kPlatform,
  // Layout: salt (16) || nonce (12) || ciphertext || tag (16). HKDF's info is "mifeng/v1/gateway-key/" || purpose; the
  // additional data are info || 0 (a byte) || public key.
  kGateway,
};

// What is wrapped comes and goes as base64. The SM4 key is HKDF-SM3(salt, master key, info)[0..16).
class Wrapper {
 public:
  // kInvalidArgument "short-master-key" under 32 bytes. Keeps `provider` and `random`.
  static Result<std::unique_ptr<Wrapper>> create(SecretBytes master_key, WrapForm form,
                                                 crypto::Sm4GcmProvider& provider, Random& random);
  Result<std::string> wrap(const WrapLabel& label, const SecretBytes& secret) const;
  // kVerificationFailed "wrapped-key-does-not-fit".
  Result<SecretBytes> unwrap(const WrapLabel& label, const std::string& wrapped) const;

 private:
  struct Layout;

  Wrapper(SecretBytes master_key, const Layout& layout, crypto::Sm4GcmProvider& provider, Random& random)
      : master_key_(std::move(master_key)), layout_(layout), provider_(provider), random_(random) {}
  static const Layout& layout_of(WrapForm form);
  Result<std::unique_ptr<crypto::Sm4GcmCipher>> cipher(const WrapLabel& label, ByteView salt) const;

  SecretBytes master_key_;
  const Layout& layout_;
  crypto::Sm4GcmProvider& provider_;
  Random& random_;
};

}  // namespace mifeng::vault
