#include "mifeng/crypto/sm4_gcm.h"

#include <gtest/gtest.h>

#include "sm4_gcm_gcrypt.h"
#include "test_vectors.h"

namespace mifeng::crypto {
namespace {

std::unique_ptr<Sm4GcmCipher> cipher_for(Sm4GcmProvider& provider, const Bytes& key) {
  return provider.cipher(Sm4Key(key.data(), kSm4KeySize)).value();
}

// Every way to compute it that this processor has, and the reference that the tiers are held against.
class Sm4Gcm : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "libgcrypt") provider = create_gcrypt_provider().value();
    for (const Sm4Tier tier : kSm4Tiers)
      if (GetParam() == to_string(tier)) provider = Sm4GcmProvider::create(tier).value();
    ASSERT_NE(provider, nullptr);
  }
  std::unique_ptr<Sm4GcmProvider> provider;
};

std::vector<std::string> provider_names() {
  std::vector<std::string> names{"libgcrypt"};
  for (const Sm4Tier tier : kSm4Tiers)
    if (is_supported(tier)) names.emplace_back(to_string(tier));
  return names;
}
INSTANTIATE_TEST_SUITE_P(Each, Sm4Gcm, ::testing::ValuesIn(provider_names()), [](const auto& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST_P(Sm4Gcm, Wycheproof) {
  const auto document = testing::wycheproof("sm4_gcm_test.json");
  std::size_t valid = 0;
  std::size_t invalid = 0;
  for (const auto& group : document.at("testGroups").as_array()) {
    if (group.at("ivSize").as_int64() != 96 || group.at("tagSize").as_int64() != 128) continue;  // none that we use
    for (const auto& test : group.at("tests").as_array()) {
      SCOPED_TRACE(test.at("tcId").as_int64());
      const Bytes nonce = testing::hex_of(test, "iv");
      const Bytes additional = testing::hex_of(test, "aad");
      const Bytes plaintext = testing::hex_of(test, "msg");
      const Bytes ciphertext = testing::hex_of(test, "ct");
      const Bytes tag = testing::hex_of(test, "tag");
      ASSERT_EQ(nonce.size(), kGcmNonceSize);
      ASSERT_EQ(tag.size(), kGcmTagSize);
      const GcmNonce iv(nonce.data(), kGcmNonceSize);
      const auto cipher = cipher_for(*provider, testing::hex_of(test, "key"));
      Bytes opened(ciphertext.size(), 0xee);
      const bool fits = cipher->open(iv, additional, ciphertext, opened, ConstGcmTag(tag.data(), kGcmTagSize));
      if (test.at("result").as_string() == "valid") {
        ++valid;
        EXPECT_TRUE(fits);
        EXPECT_EQ(opened, plaintext);
        Bytes in_place = plaintext;
        std::array<std::uint8_t, kGcmTagSize> made{};
        cipher->seal(iv, additional, in_place, in_place, made);
        EXPECT_EQ(in_place, ciphertext);
        EXPECT_EQ(to_hex(made), to_hex(tag));
        EXPECT_TRUE(cipher->open(iv, additional, in_place, in_place, made));
        EXPECT_EQ(in_place, plaintext);
      } else {
        ++invalid;
        EXPECT_FALSE(fits);
        EXPECT_EQ(opened, Bytes(ciphertext.size(), 0)) << "unverified plaintext was left";
      }
    }
  }
  EXPECT_GE(valid, 30U);
  EXPECT_GE(invalid, 20U);
}

TEST_P(Sm4Gcm, ManyCiphersLiveSideBySideAndAfterOneAnother) {
  const std::array<std::uint8_t, kGcmNonceSize> nonce{};
  std::vector<std::unique_ptr<Sm4GcmCipher>> ciphers;
  std::vector<Bytes> sealed;
  const Bytes plaintext(100, 0x5a);
  for (int round = 0; round < 2; ++round) {  // the second round takes memory that was used before
    ciphers.clear();
    for (std::uint8_t i = 0; i < 50; ++i) ciphers.push_back(cipher_for(*provider, Bytes(16, i)));
    for (std::size_t i = 0; i < 50; ++i) {
      Bytes out(plaintext.size() + kGcmTagSize);
      ciphers[i]->seal(nonce, {}, plaintext, MutableBytes(out).first(plaintext.size()),
                       GcmTag(out.data() + plaintext.size(), kGcmTagSize));
      if (round == 0) {
        sealed.push_back(out);
      } else {
        EXPECT_EQ(out, sealed[i]);
      }
    }
  }
  EXPECT_NE(sealed[0], sealed[1]);
}

TEST_P(Sm4Gcm, LargeInputInEveryAlignment) {
  const auto cipher = cipher_for(*provider, Bytes(16, 9));
  const std::array<std::uint8_t, kGcmNonceSize> nonce{1};
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 255U, 256U, 4096U, 65536U, 1000003U}) {
    for (const std::size_t offset : {0U, 1U, 7U}) {
      Bytes room(size + offset + kGcmTagSize, 3);
      const MutableBytes text = MutableBytes(room).subspan(offset, size);
      const GcmTag tag(room.data() + offset + size, kGcmTagSize);
      cipher->seal(nonce, as_bytes("aad"), text, text, tag);
      EXPECT_TRUE(size == 0 || Bytes(text.begin(), text.end()) != Bytes(size, 3));
      ASSERT_TRUE(cipher->open(nonce, as_bytes("aad"), text, text, tag));
      EXPECT_EQ(Bytes(text.begin(), text.end()), Bytes(size, 3));
    }
  }
}

}  // namespace
}  // namespace mifeng::crypto
