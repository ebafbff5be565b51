// botan/sm2_enc.vec is on the test curve of GB/T 32918.4, and OpenSSL's SM2 keys are on sm2p256v1 alone: so what of
// decryption does not depend on the curve is run on these vectors (our DER parser, the key derivation and C3), around
// arithmetic of OpenSSL's curve layer; and the same steps on sm2p256v1 give what decrypt() gives.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <functional>
#include <iostream>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"
#include "mifeng/crypto/sm3.h"
#include "test_vectors.h"

namespace mifeng::crypto {
namespace {

struct Deleter {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_free(point); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

Owned<BIGNUM> number(const std::string& hex) {
  BIGNUM* made = nullptr;
  EXPECT_GT(BN_hex2bn(&made, hex.starts_with("0x") ? hex.c_str() + 2 : hex.c_str()), 0);
  return Owned<BIGNUM>(made);
}
Owned<BIGNUM> number(ByteView bytes) {
  return Owned<BIGNUM>(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Owned<EC_GROUP> group_of(const std::map<std::string, std::string>& test) {
  Owned<EC_GROUP> group(EC_GROUP_new_curve_GFp(number(test.at("P")).get(), number(test.at("A")).get(),
                                               number(test.at("B")).get(), nullptr));
  const Owned<EC_POINT> base(EC_POINT_new(group.get()));
  EXPECT_EQ(EC_POINT_set_affine_coordinates(group.get(), base.get(), number(test.at("xG")).get(),
                                            number(test.at("yG")).get(), nullptr),
            1);
  EXPECT_EQ(EC_GROUP_set_generator(group.get(), base.get(), number(test.at("Order")).get(), BN_value_one()), 1);
  return group;
}

using Hash = std::function<Bytes(ByteView)>;

Bytes our_sm3(ByteView data) {
  const Sm3Digest digest = sm3(data);
  return Bytes(digest.begin(), digest.end());
}
Bytes sha256(ByteView data) {
  Bytes digest(SHA256_DIGEST_LENGTH);
  SHA256(data.data(), data.size(), digest.data());
  return digest;
}

// GB/T 32918.4 clause 5.4.3: Z = x2 || y2, blocks HASH(Z || counter).
Bytes key_stream(const Hash& hash, ByteView z, std::size_t size) {
  Bytes out;
  for (std::uint32_t counter = 1; out.size() < size; ++counter) {
    Bytes block(z.begin(), z.end());
    append_be(block, counter);
    append(out, hash(block));
  }
  out.resize(size);
  return out;
}

struct Decrypted {
  Bytes message;
  bool c3_fits = false;
};

// GB/T 32918.4 clause 7.1: (x2, y2) = d * C1, M = C2 ^ KDF(x2 || y2), C3 = HASH(x2 || M || y2).
Decrypted decrypt_on(const EC_GROUP* group, const BIGNUM* d, const Sm2CiphertextParts& parts,
                     const Hash& hash = our_sm3) {
  const Owned<EC_POINT> c1(EC_POINT_new(group));
  const Owned<EC_POINT> shared(EC_POINT_new(group));
  EXPECT_EQ(EC_POINT_set_affine_coordinates(group, c1.get(), number(parts.x).get(), number(parts.y).get(), nullptr), 1);
  EXPECT_EQ(EC_POINT_mul(group, shared.get(), nullptr, c1.get(), d, nullptr), 1);
  const Owned<BIGNUM> x(BN_new());
  const Owned<BIGNUM> y(BN_new());
  EXPECT_EQ(EC_POINT_get_affine_coordinates(group, shared.get(), x.get(), y.get(), nullptr), 1);
  Bytes z(64);
  EXPECT_EQ(BN_bn2binpad(x.get(), z.data(), 32), 32);
  EXPECT_EQ(BN_bn2binpad(y.get(), z.data() + 32, 32), 32);
  const ByteView both(z);
  Decrypted result{.message = key_stream(hash, z, parts.c2.size())};
  for (std::size_t i = 0; i < parts.c2.size(); ++i) result.message[i] ^= parts.c2[i];
  Bytes hashed;
  append(hashed, both.first(32));
  append(hashed, result.message);
  append(hashed, both.last(32));
  const Bytes c3 = hash(hashed);
  result.c3_fits = std::equal(c3.begin(), c3.end(), parts.c3.begin(), parts.c3.end());
  return result;
}

TEST(Sm2OtherCurve, ThirdPartyCiphertexts) {
  std::size_t with_sm3 = 0, with_sha256 = 0;
  for (const auto& test : testing::botan_vectors("sm2_enc.vec", "Ciphertext")) {
    const Bytes der = from_hex(test.at("Ciphertext")).value();
    const auto parts = parse_sm2_ciphertext(der);
    ASSERT_TRUE(parts) << test.at("Ciphertext");
    EXPECT_EQ(encode_sm2_ciphertext(*parts), der);
    EXPECT_FALSE(check_sm2_point(parts->x, parts->y));  // not on our curve: decrypt() would refuse it as such
    const bool other = test.contains("Hash") && test.at("Hash") == "SHA-256";
    const Decrypted decrypted =
        decrypt_on(group_of(test).get(), number(test.at("x")).get(), *parts, other ? sha256 : our_sm3);
    EXPECT_EQ(to_hex(decrypted.message), to_hex(from_hex(test.at("Msg")).value()));
    EXPECT_TRUE(decrypted.c3_fits);
    ++(other ? with_sha256 : with_sm3);
  }
  EXPECT_GE(with_sm3, 4u);
  EXPECT_EQ(with_sha256, 1u);
  std::cout << "NOT RUN of botan/sm2_enc.vec: OpenSSL's own SM2 decryption, as its SM2 keys are on sm2p256v1 alone and "
            << "the file is on the test curve of GB/T 32918.4. RUN: DER, key derivation and C3 of all "
            << with_sm3 + with_sha256 << " cases.\n";
}

TEST(Sm2OtherCurve, TheSameStepsOnOurCurveGiveWhatDecryptGives) {
  const Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_sm2));
  const auto key = Sm2PrivateKey::generate().value();
  const Owned<BIGNUM> d = number(key.scalar().reveal_for_computing());
  for (const std::size_t size : {1u, 16u, 32u, 33u, 200u}) {
    const Bytes message(size, static_cast<std::uint8_t>(size));
    const Bytes der = key.public_key().encrypt(message).value();
    const Decrypted decrypted = decrypt_on(group.get(), d.get(), parse_sm2_ciphertext(der).value());
    EXPECT_TRUE(decrypted.c3_fits);
    EXPECT_EQ(decrypted.message, message);
    const SecretBytes opened = key.decrypt(der).value();
    EXPECT_EQ(to_hex(opened.reveal_for_computing()), to_hex(message));
  }
}

}  // namespace
}  // namespace mifeng::crypto
