// Every allocation of what promises a Result fails once, in turn: an error comes back and never an exception.
#include <gtest/gtest.h>

#include "mifeng/base_fixture/failing_allocations.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/crypto/statement.h"

namespace mifeng::crypto {
namespace {

struct CryptoAllocationTest : ::testing::Test {
  Sm2PrivateKey key = Sm2PrivateKey::generate().value();
  Bytes message = Bytes(300, 'm');
};

TEST_F(CryptoAllocationTest, Encrypting) {
  EXPECT_GE(fail_each_allocation([&] { return error_of(key.public_key().encrypt(message)); }), 1);
}

TEST_F(CryptoAllocationTest, Decrypting) {
  const Bytes ciphertext = key.public_key().encrypt(message).value();
  fail_each_allocation([&] { return error_of(key.decrypt(ciphertext)); });
}

TEST_F(CryptoAllocationTest, Signing) {
  EXPECT_GE(fail_each_allocation([&] { return error_of(key.sign(message)); }), 1);
  EXPECT_GE(fail_each_allocation([&] { return error_of(sign_statement(key, "manifest", message)); }), 2);
}

TEST_F(CryptoAllocationTest, Verifying) {
  const Bytes signature = sign_statement(key, "manifest", message).value();
  EXPECT_GE(fail_each_allocation(
                [&] { return error_of(verify_statement(key.public_key(), "manifest", message, signature)); }),
            1);
}

// A refusal has a text, which has to be stored: what is bad stays refused, whatever the reason then is.
TEST_F(CryptoAllocationTest, RefusingWhatIsBad) {
  Bytes ciphertext = key.public_key().encrypt(message).value();
  ciphertext.back() ^= 1;
  const Bytes signature = key.sign(message).value();
  const Bytes other(10, 'o');
  for (int allowed = 0; allowed < 20; ++allowed) {
    allow_allocations(allowed);
    const bool decrypted = key.decrypt(ciphertext).has_value();
    const bool verified = key.public_key().verify(other, signature).has_value();
    const bool parsed = parse_sm2_ciphertext(other).has_value() || parse_sm2_signature(other).has_value();
    const bool is_point = Sm2PublicKey::from_point(other).has_value();
    allow_allocations(-1);
    EXPECT_FALSE(decrypted || verified || parsed || is_point) << allowed;
  }
}

TEST_F(CryptoAllocationTest, ReadingAndWritingKeys) {
  const std::string public_pem = key.public_key().to_pem().value();
  const SecretBytes private_pem = key.to_pem().value();
  EXPECT_GE(fail_each_allocation([&] { return error_of(key.public_key().to_pem()); }), 1);
  fail_each_allocation([&] { return error_of(key.to_pem()); });
  fail_each_allocation([&] { return error_of(Sm2PublicKey::from_pem(public_pem)); });
  fail_each_allocation([&] { return error_of(Sm2PublicKey::from_point(key.public_key().point())); });
  fail_each_allocation([&] { return error_of(Sm2PrivateKey::from_pem(private_pem)); });
  fail_each_allocation([&] { return error_of(Sm2PrivateKey::generate()); });
}

TEST_F(CryptoAllocationTest, MakingACipherAndAStream) {
  EXPECT_GE(fail_each_allocation([&] { return error_of(Sm4GcmProvider::create()); }), 1);
  const auto provider = Sm4GcmProvider::create().value();
  const std::array<std::uint8_t, kSm4KeySize> cipher_key{};
  EXPECT_GE(fail_each_allocation([&] { return error_of(provider->cipher(cipher_key)); }), 1);
  const auto cipher = provider->cipher(cipher_key).value();
  EXPECT_GE(fail_each_allocation([&] { return error_of(cipher->stream()); }), 1);
}

}  // namespace
}  // namespace mifeng::crypto
