#include "mifeng/crypto/sm2.h"

#include <openssl/core_names.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstring>

#include "mifeng/base/guarded.h"
#include "mifeng/crypto/fingerprint.h"
#include "mifeng/crypto/sm3.h"
#include "openssl_handle.h"
#include "sm2/protocol.h"
#include "sm2_curve.h"

namespace mifeng::crypto {
namespace {

constexpr std::size_t kPlaintextMax = 4096;

Error bad_public_key(const char* why) {
  ERR_clear_error();
  return Error(ErrorCode::kInvalidArgument, "bad-public-key",
               std::string("not an SM2 public key (SPKI PEM on sm2p256v1): ") + why);
}
Error bad_private_key(const char* why) {
  ERR_clear_error();
  return Error(ErrorCode::kInvalidArgument, "bad-private-key",
               std::string("not an SM2 private key (unencrypted PKCS#8 PEM on sm2p256v1): ") + why);
}
detail::EvpPkey share(const detail::EvpPkey& key) {
  EVP_PKEY_up_ref(key.get());
  return detail::EvpPkey(key.get());
}

// An EVP_PKEY of type SM2 from its parts; `scalar` empty for a public key. The point must be on the curve.
detail::EvpPkey make_key(const Sm2Point& point, ByteView scalar) {
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  const Owned<BIGNUM> d(scalar.empty() ? nullptr : BN_secure_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_sm2, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  if (!scalar.empty()) {
    if (!d || BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), d.get()) == nullptr) return nullptr;
    BN_set_flags(d.get(), BN_FLG_CONSTTIME);
    if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get()) != 1) return nullptr;
  }
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, SN_sm2, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, scalar.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params.get()) !=
          1)
    return nullptr;
  return detail::EvpPkey(key);
}

// Whether a key that came from a file is on sm2p256v1 (OpenSSL reads any curve under the same PEM label).
bool is_on_sm2_curve(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == SN_sm2;
}

// The point of a key from a file; from coordinates, as the file may hold it compressed.
std::optional<Sm2Point> point_of(const EVP_PKEY* key) {
  BIGNUM* x = nullptr;
  BIGNUM* y = nullptr;
  const bool got = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1;
  const Owned<BIGNUM> owned_x(x);
  const Owned<BIGNUM> owned_y(y);
  Sm2Point point{};
  point[0] = 0x04;
  if (!got || BN_bn2binpad(x, point.data() + 1, 32) != 32 || BN_bn2binpad(y, point.data() + 33, 32) != 32)
    return std::nullopt;
  return point;
}

// Never asks a terminal for a passphrase; remembers that one was wanted.
int refuse_passphrase(char*, int, int, void* wanted) {
  *static_cast<bool*>(wanted) = true;
  return -1;
}

Owned<BIO> read_only_bio(ByteView bytes) {
  if (bytes.empty() || bytes.size() > (1 << 20)) return nullptr;
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

}  // namespace

void detail::EvpPkeyDeleter::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }

Sm2PublicKey::Sm2PublicKey(detail::EvpPkey key, const Sm2Point& point)
    : key_(std::move(key)), point_(point), key_id_{} {
  const Sm3Digest digest = sm3(point);
  std::copy_n(digest.begin(), key_id_.size(), key_id_.begin());
}

Sm2PublicKey::Sm2PublicKey(const Sm2PublicKey& other)
    : key_(share(other.key_)), point_(other.point_), key_id_(other.key_id_) {}

Sm2PublicKey& Sm2PublicKey::operator=(const Sm2PublicKey& other) {
  if (this != &other) *this = Sm2PublicKey(other);
  return *this;
}

Result<Sm2PublicKey> Sm2PublicKey::from_point(ByteView bytes) {
  return guarded([&]() -> Result<Sm2PublicKey> {
    if (bytes.size() != kSm2PointSize || bytes[0] != 0x04) return bad_public_key("a point is 65 bytes, 04 || x || y");
    Sm2Point point{};
    std::copy(bytes.begin(), bytes.end(), point.begin());
    Scalar x{};
    Scalar y{};
    std::copy_n(point.begin() + 1, 32, x.begin());
    std::copy_n(point.begin() + 33, 32, y.begin());
    if (x >= kSm2P || y >= kSm2P || !sm2_point_is_on_curve(x, y))
      return bad_public_key("the point is not on the curve");
    detail::EvpPkey key = make_key(point, {});
    if (!key) return openssl_failed("make a public key");
    return Sm2PublicKey(std::move(key), point);
  });
}

Result<Sm2PublicKey> Sm2PublicKey::from_pem(std::string_view pem) {
  return guarded([&]() -> Result<Sm2PublicKey> {
    const Owned<BIO> bio = read_only_bio(as_bytes(pem));
    if (!bio) return bad_public_key("the file is empty or over 1 MiB");
    bool wanted = false;
    const detail::EvpPkey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, refuse_passphrase, &wanted));
    if (!key) return bad_public_key("there is no readable PUBLIC KEY in it");
    if (!is_on_sm2_curve(key.get())) return bad_public_key("the key is on another curve");
    const auto point = point_of(key.get());
    if (!point) return bad_public_key("it has no point");
    return from_point(*point);
  });
}

Result<std::string> Sm2PublicKey::to_pem() const {
  return guarded([&]() -> Result<std::string> {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) return openssl_failed("write a public key");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  });
}

std::string Sm2PublicKey::fingerprint() const { return in_groups(sm3(point_)); }

Result<Bytes> Sm2PublicKey::encrypt(ByteView plaintext) const {
  return guarded([&]() -> Result<Bytes> {
    if (plaintext.empty() || plaintext.size() > kPlaintextMax)
      return Error(ErrorCode::kInvalidArgument, "bad-plaintext", "SM2 encrypts 1 to 4096 bytes; seal what is larger");
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    std::size_t size = 0;
    if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
        EVP_PKEY_encrypt(context.get(), nullptr, &size, plaintext.data(), plaintext.size()) != 1)
      return openssl_failed("encrypt with SM2");
    Bytes out(size);  // an upper bound until now
    if (EVP_PKEY_encrypt(context.get(), out.data(), &size, plaintext.data(), plaintext.size()) != 1)
      return openssl_failed("encrypt with SM2");
    out.resize(size);
    return out;
  });
}

Result<Sm2PrivateKey> Sm2PrivateKey::generate() {
  return guarded([&]() -> Result<Sm2PrivateKey> {
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, SN_sm2, nullptr));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_generate(context.get(), &made) != 1)
      return openssl_failed("make an SM2 key pair");
    const detail::EvpPkey key(made);
    BIGNUM* d = nullptr;
    if (EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1)
      return openssl_failed("make an SM2 key pair");
    const Owned<BIGNUM> owned(d);
    Secret<32> scalar;
    if (BN_bn2binpad(d, scalar.reveal_for_writing().data(), 32) != 32) return openssl_failed("make an SM2 key pair");
    return from_scalar(scalar.reveal_for_computing());
  });
}

Result<Sm2PrivateKey> Sm2PrivateKey::from_scalar(ByteView bytes) {
  return guarded([&]() -> Result<Sm2PrivateKey> {
    if (bytes.size() != 32) return bad_private_key("a scalar is 32 bytes");
    Secret<32> scalar{std::span<const std::uint8_t, 32>(bytes.data(), 32)};
    // 1 <= d <= n-2 (GB/T 32918.1 clause 6.1). The bound is compared without branches on the secret's digits: borrow of
    // (n-1) - 1 - d, over bytes from the last.
    int borrow = 0;
    unsigned any = 0;
    for (std::size_t i = 32; i-- > 0;) {
      const int limit = kSm2N[i] - (i == 31 ? 2 : 0);
      borrow = (limit - bytes[i] - borrow) < 0 ? 1 : 0;
      any |= bytes[i];
    }
    if (borrow != 0 || any == 0) return bad_private_key("the scalar is not in 1..n-2");
    const auto point = sm2_multiply_base(bytes);
    if (!point) return openssl_failed("compute a public key");
    detail::EvpPkey key = make_key(*point, bytes);
    if (!key) return openssl_failed("make a private key");
    MIFENG_TRY(Sm2PublicKey public_key, Sm2PublicKey::from_point(*point));
    Secret<32> inverse;
    sm2::invert_one_plus(scalar.reveal_for_computing(), inverse.reveal_for_writing());
    return Sm2PrivateKey(std::move(key), std::move(scalar), std::move(inverse), std::move(public_key));
  });
}

Result<Sm2PrivateKey> Sm2PrivateKey::from_pem(ByteView pem) {
  return guarded([&]() -> Result<Sm2PrivateKey> {
    const Owned<BIO> bio = read_only_bio(pem);
    if (!bio) return bad_private_key("the file is empty or over 1 MiB");
    bool wanted = false;
    const detail::EvpPkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_passphrase, &wanted));
    if (wanted) {
      ERR_clear_error();
      return Error(ErrorCode::kInvalidArgument, "encrypted-private-key",
                   "the private key is encrypted; decrypt it first: openssl pkey -in KEY.pem -out PLAIN.pem");
    }
    if (!key) return bad_private_key("there is no readable PRIVATE KEY in it");
    if (!is_on_sm2_curve(key.get())) return bad_private_key("the key is on another curve");
    BIGNUM* d = nullptr;
    if (EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1)
      return bad_private_key("it has no private part");
    const Owned<BIGNUM> owned(d);
    Secret<32> scalar;
    if (BN_bn2binpad(d, scalar.reveal_for_writing().data(), 32) != 32)
      return bad_private_key("the scalar is too large");
    MIFENG_TRY(Sm2PrivateKey made, from_scalar(scalar.reveal_for_computing()));
    // A file may carry a public key of its own, and then it is the one that people see.
    const auto point = point_of(key.get());
    if (!point || *point != made.public_key().point()) return bad_private_key("its public key is another key's");
    return made;
  });
}

Sm2PrivateKey Sm2PrivateKey::clone() const {
  return Sm2PrivateKey(share(key_), scalar_.clone(), inverse_.clone(), public_key_);
}

Result<SecretBytes> Sm2PrivateKey::to_pem() const {
  return guarded([&]() -> Result<SecretBytes> {
    const Owned<BIO> bio(BIO_new(BIO_s_secmem()));  // wipes its memory when it is freed
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
      return openssl_failed("write a private key");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return SecretBytes(as_bytes(std::string_view(data, static_cast<std::size_t>(size))));
  });
}

}  // namespace mifeng::crypto
