#include "mifeng/crypto/sm4_gcm.h"

#include <gcrypt.h>
#include <gtest/gtest.h>

#include "third_party.h"

namespace mifeng::crypto {
namespace {

std::unique_ptr<Sm4GcmCipher> cipher_for(Sm4GcmProvider& provider, const Bytes& key) {
  return provider.cipher(Sm4Key(key.data(), kSm4KeySize)).value();
}

TEST(Sm4Gcm, Wycheproof) {
  const auto provider = Sm4GcmProvider::create().value();
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

TEST(Sm4Gcm, ManyCiphersLiveSideBySideAndAfterOneAnother) {
  const auto provider = Sm4GcmProvider::create().value();
  const std::array<std::uint8_t, kGcmNonceSize> nonce{};
  std::vector<std::unique_ptr<Sm4GcmCipher>> ciphers;
  std::vector<Bytes> sealed;
  const Bytes plaintext(100, 0x5a);
  for (int round = 0; round < 2; ++round) {  // the second round takes contexts that were used before
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

TEST(Sm4Gcm, LargeInputInEveryAlignment) {
  const auto provider = Sm4GcmProvider::create().value();
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

// What stands behind the interface, block by block.
TEST(Sm4, ThirdPartyVectors) {
  const auto provider = Sm4GcmProvider::create().value();  // initialises the library
  const auto tests = testing::botan_vectors("sm4.vec", "Out");
  ASSERT_GE(tests.size(), 3U);
  for (const auto& test : tests) {
    const Bytes key = from_hex(test.at("Key")).value();
    const Bytes in = from_hex(test.at("In")).value();
    gcry_cipher_hd_t handle = nullptr;
    ASSERT_EQ(gcry_cipher_open(&handle, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_ECB, 0), 0U);
    ASSERT_EQ(gcry_cipher_setkey(handle, key.data(), key.size()), 0U);
    Bytes out(in.size());
    ASSERT_EQ(gcry_cipher_encrypt(handle, out.data(), out.size(), in.data(), in.size()), 0U);
    gcry_cipher_close(handle);
    EXPECT_EQ(to_hex(out), to_hex(from_hex(test.at("Out")).value()));
  }
}

}  // namespace
}  // namespace mifeng::crypto
