// Every tier of SM2 that this processor has: what one makes the other takes, and both refuse the same. With
// MIFENG_SM2_ROUNDS in the environment that many random rounds (./test long).
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"
#include "sm2/order.h"
#include "sm2/protocol.h"
#include "sm2_curve.h"

namespace mifeng::crypto {
namespace {

struct Sm2Tiers : ::testing::Test {
  Sm2Tiers() {
    for (const Sm2Tier tier : kSm2Tiers)
      if (is_supported(tier)) tiers.push_back(tier);
  }
  Bytes some(std::size_t size) {
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
  }
  static Scalar scalar_of(const std::string& hex) {
    const Bytes bytes = from_hex(hex).value();
    Scalar scalar{};
    std::copy(bytes.begin(), bytes.end(), scalar.begin());
    return scalar;
  }
  // Signed and decrypted by each tier, verified by each, and refused by each when a bit is wrong.
  void check(const Sm2PrivateKey& key) {
    const Bytes message = some(random() % 100);
    const Bytes plaintext = some(16 + random() % 80);
    const Bytes ciphertext = key.public_key().encrypt(plaintext).value();
    Bytes bad_ciphertext = ciphertext;
    bad_ciphertext[random() % bad_ciphertext.size()] ^= 0x10;
    Bytes other = message;
    other.push_back(0);
    for (const Sm2Tier signer : tiers) {
      const Bytes signature = key.sign(message, signer).value();
      Bytes bad = signature;
      bad[random() % bad.size()] ^= 0x40;
      for (const Sm2Tier verifier : tiers) {
        ASSERT_TRUE(key.public_key().verify(message, signature, verifier)) << to_hex(signature);
        ASSERT_FALSE(key.public_key().verify(message, bad, verifier)) << to_hex(bad);
        ASSERT_FALSE(key.public_key().verify(other, signature, verifier)) << to_hex(signature);
      }
      const auto opened = key.decrypt(ciphertext, signer);
      ASSERT_TRUE(opened) << to_hex(ciphertext);
      ASSERT_EQ(to_hex(opened->reveal_for_computing()), to_hex(plaintext));
      ASSERT_FALSE(key.decrypt(bad_ciphertext, signer)) << to_hex(bad_ciphertext);
    }
  }

  std::vector<Sm2Tier> tiers;
  std::mt19937 random{20263};
};

TEST_F(Sm2Tiers, AgreeOnRandomKeysAndMessages) {
  const char* rounds = std::getenv("MIFENG_SM2_ROUNDS");
  const long count = rounds == nullptr ? 500 : std::atol(rounds);
  ASSERT_GT(count, 0);
  auto key = Sm2PrivateKey::generate().value();
  for (long i = 0; i < count; ++i) {
    if (i % 4 == 3) key = Sm2PrivateKey::generate().value();
    ASSERT_NO_FATAL_FAILURE(check(key));
  }
}

TEST_F(Sm2Tiers, AgreeOnKeysAtTheBounds) {
  for (const bool from_above : {false, true})
    for (int i = 1; i < 70; ++i) {
      Scalar d{};
      d[31] = static_cast<std::uint8_t>(i);
      if (from_above) sm2::store(sm2::negate_modulo_n(sm2::number_of(d.data())), d.data());
      const auto key = Sm2PrivateKey::from_scalar(d);
      if (from_above && i == 1) {
        EXPECT_FALSE(key);  // n - 1
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(check(*key)) << to_hex(d);
    }
}

TEST_F(Sm2Tiers, RefuseTheSameSignatures) {
  const auto key = Sm2PrivateKey::generate().value();
  const auto parts = parse_sm2_signature(key.sign(as_bytes("m")).value()).value();
  const auto negated = [](const Scalar& scalar) {
    Scalar out{};
    sm2::store(sm2::negate_modulo_n(sm2::number_of(scalar.data())), out.data());
    return out;
  };
  const Scalar zero{};
  Scalar one{};
  one[31] = 1;
  for (const Sm2Tier tier : tiers) {
    EXPECT_TRUE(key.public_key().verify(as_bytes("m"), encode_sm2_signature(parts), tier));
    for (const Sm2SignatureParts& bad :
         {Sm2SignatureParts{zero, parts.s}, Sm2SignatureParts{parts.r, zero}, Sm2SignatureParts{zero, zero},
          Sm2SignatureParts{parts.r, negated(parts.r)},  // t = 0
          Sm2SignatureParts{one, negated(one)}, Sm2SignatureParts{one, one}, Sm2SignatureParts{parts.s, parts.r},
          Sm2SignatureParts{kSm2N, parts.s}, Sm2SignatureParts{parts.r, kSm2N}}) {
      const auto verified = key.public_key().verify(as_bytes("m"), encode_sm2_signature(bad), tier);
      ASSERT_FALSE(verified) << to_string(tier);
      EXPECT_EQ(verified.error().reason(), "bad-signature");
    }
  }
}

// A signature whose s G + t P is infinity, with e = r, so that an x of 0 would pass: s = -t d, t = r + s, so
// s (1 + d) = -r d.
TEST_F(Sm2Tiers, InfinityIsNoSignature) {
  if (!is_supported(Sm2Tier::kMulx)) return;
  const auto key = Sm2PrivateKey::generate().value();
  const Sm3Digest digest = sm2::message_digest(key.public_key().point(), kSm2UserId, as_bytes("m"));
  Scalar inverse{};
  sm2::invert_one_plus(key.scalar().reveal_for_computing(), inverse);
  const sm2::Number r = sm2::number_of(digest.data());
  const sm2::Number rd = sm2::multiply_modulo_n(r, sm2::number_of(key.scalar().reveal_for_computing().data()));
  const sm2::Number s = sm2::negate_modulo_n(sm2::multiply_modulo_n(rd, sm2::number_of(inverse.data())));
  Sm2SignatureParts parts;
  sm2::store(r, parts.r.data());
  sm2::store(s, parts.s.data());
  std::array<std::uint8_t, 64> sum{};
  Scalar t{};
  sm2::store(sm2::add_modulo_n(r, s), t.data());
  sm2::kernel_of(Sm2Tier::kMulx)
      ->multiply_both(parts.s.data(), key.public_key().point().data() + 1, t.data(), sum.data());
  EXPECT_EQ(sum, (std::array<std::uint8_t, 64>{}));
  for (const Sm2Tier tier : tiers)
    EXPECT_FALSE(key.public_key().verify(as_bytes("m"), encode_sm2_signature(parts), tier)) << to_string(tier);
}

TEST_F(Sm2Tiers, StandardExampleOfSigning) {  // GB/T 32918.5-2017 annex A, with its nonce
  if (!is_supported(Sm2Tier::kMulx)) return;
  const sm2::Kernel& kernel = *sm2::kernel_of(Sm2Tier::kMulx);
  const auto key =
      Sm2PrivateKey::from_scalar(scalar_of("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")).value();
  const Scalar nonce = scalar_of("59276e27d506861a16680f3ad9c02dccef3cc1fa3cdbe4ce6d54b80deac1bc21");
  Scalar inverse{};
  sm2::invert_one_plus(key.scalar().reveal_for_computing(), inverse);
  const Sm3Digest digest = sm2::message_digest(key.public_key().point(), kSm2UserId, as_bytes("message digest"));
  EXPECT_EQ(to_hex(digest), "f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640");
  Sm2SignatureParts parts;
  ASSERT_TRUE(sm2::sign_with_nonce(kernel, inverse, digest, nonce, parts));
  EXPECT_EQ(to_hex(parts.r), "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3");
  EXPECT_EQ(to_hex(parts.s), "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa");

  // Digests that make r = 0 and r + k = n for this nonce: another one has to be drawn.
  const sm2::Number k = sm2::number_of(nonce.data());
  const sm2::Number x =
      sm2::add_modulo_n(sm2::number_of(parts.r.data()), sm2::negate_modulo_n(sm2::number_of(digest.data())));
  Sm3Digest bad{};
  sm2::store(sm2::negate_modulo_n(x), bad.data());
  EXPECT_FALSE(sm2::sign_with_nonce(kernel, inverse, bad, nonce, parts));
  sm2::store(sm2::negate_modulo_n(sm2::add_modulo_n(x, k)), bad.data());
  EXPECT_FALSE(sm2::sign_with_nonce(kernel, inverse, bad, nonce, parts));
  // s = 0: (k + r) / (1 + d) = r, so r = k / d.
  Scalar d_less_one{};
  const auto minus_one = sm2::negate_modulo_n({{1, 0, 0, 0}});
  sm2::store(sm2::add_modulo_n(sm2::number_of(key.scalar().reveal_for_computing().data()), minus_one),
             d_less_one.data());
  Scalar d_inverse{};
  sm2::invert_one_plus(d_less_one, d_inverse);
  const sm2::Number r = sm2::multiply_modulo_n(k, sm2::number_of(d_inverse.data()));
  sm2::store(sm2::add_modulo_n(r, sm2::negate_modulo_n(x)), bad.data());
  EXPECT_FALSE(sm2::sign_with_nonce(kernel, inverse, bad, nonce, parts));
}

// GB/T 32918.4 clause 7.1, B4: a ciphertext that is its plaintext, everything else in it right.
TEST_F(Sm2Tiers, AKeyStreamOfZerosIsRefused) {
  if (!is_supported(Sm2Tier::kMulx)) return;
  const sm2::Kernel& kernel = *sm2::kernel_of(Sm2Tier::kMulx);
  const auto key = Sm2PrivateKey::generate().value();
  int zeros = 0;
  for (unsigned i = 1; i < 5000; ++i) {
    Scalar k{};
    k[30] = static_cast<std::uint8_t>(i >> 8);
    k[31] = static_cast<std::uint8_t>(i);
    std::array<std::uint8_t, 64> c1{};
    std::array<std::uint8_t, 64> shared{};
    kernel.multiply_base(k.data(), c1.data());
    kernel.multiply(key.public_key().point().data() + 1, k.data(), shared.data());
    const Sm3Digest stream = Sm3().update(shared).update(from_hex("00000001").value()).finish();
    if (i > 8 && stream[0] != 0) continue;
    zeros += stream[0] == 0 ? 1 : 0;
    const Bytes plaintext = {0x5a};
    const Bytes c2 = {static_cast<std::uint8_t>(0x5a ^ stream[0])};
    const Sm3Digest c3 =
        Sm3().update(ByteView(shared).first(32)).update(plaintext).update(ByteView(shared).last(32)).finish();
    Scalar x{};
    Scalar y{};
    std::copy_n(c1.begin(), 32, x.begin());
    std::copy_n(c1.begin() + 32, 32, y.begin());
    const Bytes der = encode_sm2_ciphertext({x, y, c3, c2});
    for (const Sm2Tier tier : tiers) EXPECT_EQ(key.decrypt(der, tier).has_value(), stream[0] != 0) << to_string(tier);
  }
  EXPECT_GT(zeros, 0);
}

TEST_F(Sm2Tiers, RefuseCiphertextsOffTheCurve) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes good = key.public_key().encrypt(Bytes(16, 1)).value();
  auto parts = parse_sm2_ciphertext(good).value();
  parts.y[31] ^= 1;
  for (const Sm2Tier tier : tiers) {
    EXPECT_TRUE(key.decrypt(good, tier));
    EXPECT_EQ(key.decrypt(encode_sm2_ciphertext(parts), tier).error().reason(), "bad-point");
  }
}

}  // namespace
}  // namespace mifeng::crypto
