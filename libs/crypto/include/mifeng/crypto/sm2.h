// SM2 on sm2p256v1 (GB/T 32918-2016) with SM3: encryption as GM/T 0009 DER in C1C3C2 order, signatures as DER with the
// user id 1234567812345678 (GM/T 0009 clause 10). Signing, verifying and decrypting are our own where the processor has
// the instructions (Sm2Tier), the rest is OpenSSL 3's; what comes from outside passes sm2_der.h first. Keys are PKCS#8
// and SPKI PEM that `openssl pkey` reads and writes.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"

typedef struct evp_pkey_st EVP_PKEY;

namespace mifeng::crypto {

inline constexpr std::string_view kSm2UserId = "1234567812345678";
inline constexpr std::size_t kSm2PointSize = 65;

using Sm2Point = std::array<std::uint8_t, kSm2PointSize>;  // 04 || x || y
using KeyId = std::array<std::uint8_t, 8>;                 // the first 8 bytes of SM3(04 || x || y)

// How a signature is made and verified, and a ciphertext decrypted. The results are the same; neither signing nor
// decrypting takes a time that depends on a secret.
enum class Sm2Tier {
  kOpenSsl,  // any processor
  kMulx,     // BMI2 and AVX2 of x86-64
};
inline constexpr Sm2Tier kSm2Tiers[] = {Sm2Tier::kOpenSsl, Sm2Tier::kMulx};

const char* to_string(Sm2Tier tier);  // "mulx"
// Whether this processor (and its operating system) can.
bool is_supported(Sm2Tier tier);
// The last of kSm2Tiers that is.
Sm2Tier best_sm2_tier();

namespace detail {
struct EvpPkeyDeleter {
  void operator()(EVP_PKEY* key) const;
};
using EvpPkey = std::unique_ptr<EVP_PKEY, EvpPkeyDeleter>;
}  // namespace detail

// Immutable; a copy shares the key (a reference count inside OpenSSL). Threads may share one.
class Sm2PublicKey {
 public:
  // 65 bytes 04 || x || y. kInvalidArgument "bad-public-key" for another form, for a point off the curve.
  static Result<Sm2PublicKey> from_point(ByteView point);
  // SPKI PEM ("-----BEGIN PUBLIC KEY-----"). kInvalidArgument "bad-public-key".
  static Result<Sm2PublicKey> from_pem(std::string_view pem);

  Sm2PublicKey(Sm2PublicKey&&) noexcept = default;
  Sm2PublicKey& operator=(Sm2PublicKey&&) noexcept = default;
  Sm2PublicKey(const Sm2PublicKey& other);
  Sm2PublicKey& operator=(const Sm2PublicKey& other);

  Result<std::string> to_pem() const;
  const Sm2Point& point() const { return point_; }
  const KeyId& key_id() const { return key_id_; }
  // SM3(04 || x || y) as upper-case hex in groups of four, to be compared by telephone.
  std::string fingerprint() const;

  // DER. kInvalidArgument "bad-plaintext" for an empty one or one over 4096 bytes.
  Result<Bytes> encrypt(ByteView plaintext) const;
  // kVerificationFailed "bad-signature", whatever is wrong with it.
  Result<void> verify(ByteView message, ByteView der_signature) const {
    return verify(message, der_signature, best_sm2_tier());
  }
  // For tests and measurements: by a tier that is supported.
  Result<void> verify(ByteView message, ByteView der_signature, Sm2Tier tier) const;

  friend bool operator==(const Sm2PublicKey& a, const Sm2PublicKey& b) { return a.point_ == b.point_; }

 private:
  friend class Sm2PrivateKey;
  Sm2PublicKey(detail::EvpPkey key, const Sm2Point& point);
  detail::EvpPkey key_;
  Sm2Point point_;
  KeyId key_id_;
};

// Cheap to move. Never copied by accident: clone() says that it happens. Threads may share one.
class Sm2PrivateKey {
 public:
  static Result<Sm2PrivateKey> generate();
  // 32 bytes big-endian in 1..n-2 (GB/T 32918.1 clause 6.1). kInvalidArgument "bad-private-key".
  static Result<Sm2PrivateKey> from_scalar(ByteView scalar);
  // Unencrypted PKCS#8 PEM. kInvalidArgument "bad-private-key"; an encrypted one is "encrypted-private-key".
  static Result<Sm2PrivateKey> from_pem(ByteView pem);
  static Result<Sm2PrivateKey> from_pem(const SecretBytes& pem) { return from_pem(pem.reveal_for_parsing()); }

  Sm2PrivateKey(Sm2PrivateKey&&) noexcept = default;
  Sm2PrivateKey& operator=(Sm2PrivateKey&&) noexcept = default;

  Sm2PrivateKey clone() const;
  Result<SecretBytes> to_pem() const;
  const Secret<32>& scalar() const { return scalar_; }
  const Sm2PublicKey& public_key() const { return public_key_; }

  // kVerificationFailed: "bad-recipient-der", "bad-point", "bad-root-key" (C3 does not fit).
  Result<SecretBytes> decrypt(ByteView der_ciphertext) const { return decrypt(der_ciphertext, best_sm2_tier()); }
  Result<Bytes> sign(ByteView message) const { return sign(message, best_sm2_tier()); }  // DER
  // For tests and measurements: by a tier that is supported.
  Result<SecretBytes> decrypt(ByteView der_ciphertext, Sm2Tier tier) const;
  Result<Bytes> sign(ByteView message, Sm2Tier tier) const;

 private:
  Sm2PrivateKey(detail::EvpPkey key, Secret<32> scalar, Secret<32> inverse, Sm2PublicKey public_key)
      : key_(std::move(key)),
        scalar_(std::move(scalar)),
        inverse_(std::move(inverse)),
        public_key_(std::move(public_key)) {}
  detail::EvpPkey key_;
  Secret<32> scalar_;
  Secret<32> inverse_;  // 1/(1+d) modulo n, a factor of every signature
  Sm2PublicKey public_key_;
};

}  // namespace mifeng::crypto
