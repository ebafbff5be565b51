// SM3, HMAC-SM3, HKDF and PBKDF2 against published vectors and against OpenSSL.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstdio>
#include <random>

#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/crypto/kdf.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/crypto/sm3_many.h"
#include "sm3_compress.h"
#include "sm3_lanes.h"
#include "test_vectors.h"

namespace mifeng::crypto {
namespace {

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return bytes;
}

TEST(Sm3, StandardExamples) {  // GB/T 32905 annex A
  EXPECT_EQ(to_hex(sm3(as_bytes("abc"))), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += "abcd";
  EXPECT_EQ(to_hex(sm3(as_bytes(sixteen))), "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

TEST(Sm3, ThirdPartyVectors) {
  const auto tests = testing::botan_vectors("sm3.vec", "Out");
  ASSERT_GE(tests.size(), 50U);
  for (const auto& test : tests) {
    const Bytes in = from_hex(test.at("In")).value();
    EXPECT_EQ(to_hex(sm3(in)), to_hex(from_hex(test.at("Out")).value()));
  }
}

TEST(Sm3, EveryLengthAndEveryCutGivesWhatOpenSslGives) {
  std::mt19937 random(1);
  for (std::size_t size = 0; size <= 4096; ++size) {
    const Bytes data = counted(size);
    Sm3Digest expected{};
    ASSERT_EQ(EVP_Digest(data.data(), data.size(), expected.data(), nullptr, EVP_sm3(), nullptr), 1);
    EXPECT_EQ(sm3(data), expected) << size;
    Sm3 pieces;
    for (std::size_t at = 0; at < size;) {
      const std::size_t take = std::min<std::size_t>(1 + random() % (size < 300 ? 70 : 700), size - at);
      pieces.update(ByteView(data).subspan(at, take));
      at += take;
    }
    EXPECT_EQ(pieces.finish(), expected) << size;
  }
}

TEST(Sm3, RandomLengthsTo1MiBGiveWhatOpenSslGives) {
  std::mt19937 random(3);
  Bytes data((1 << 20) + 64);
  for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
  for (int i = 0; i < 60; ++i) {
    const ByteView message = ByteView(data).subspan(random() % 64, random() % (std::size_t{1} << (10 + i % 11)));
    Sm3Digest expected{};
    ASSERT_EQ(EVP_Digest(message.data(), message.size(), expected.data(), nullptr, EVP_sm3(), nullptr), 1);
    EXPECT_EQ(sm3(message), expected) << message.size();
  }
}

TEST(Sm3, EveryCompressionOfThisProcessorGivesTheSame) {
  std::mt19937 random(4);
  Bytes data(64 * 50 + 64);
  for (auto& byte : data) byte = static_cast<std::uint8_t>(random());
  const auto compressions = supported_sm3_compressions();
  std::printf("compressions of SM3 tested: %zu, widths of many: %zu\n", compressions.size(),
              supported_sm3_lanes().size());
  for (std::size_t i = 0; i < 64 * 51; ++i) {
    const std::size_t blocks = i / 64;
    const std::uint8_t* from = data.data() + i % 64;  // at every address
    std::array<std::uint32_t, 8> expected{1, 2, 3, 4, 5, 6, 7, 0xffffffff};
    compressions.back()(expected.data(), from, blocks);
    for (const Sm3Compress compress : compressions) {
      std::array<std::uint32_t, 8> state{1, 2, 3, 4, 5, 6, 7, 0xffffffff};
      compress(state.data(), from, blocks);
      EXPECT_EQ(state, expected) << blocks;
    }
  }
}

TEST(Sm3, ACopyIsAForkOfTheHash) {
  Sm3 common;
  common.update(counted(100));
  Sm3 fork = common;
  fork.update(as_bytes("more"));
  Bytes whole = counted(100);
  EXPECT_EQ(common.finish(), sm3(whole));
  append(whole, "more");
  EXPECT_EQ(fork.finish(), sm3(whole));
}

TEST(Sm3, ManyAtOnceGiveWhatOneByOneGives) {
  std::mt19937 random(2);
  for (const std::size_t piece : {64U, 128U, 1088U, 4096U}) {
    for (std::size_t count = 0; count <= 70; ++count) {
      Bytes data(count * piece);
      for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(random());
      std::vector<Sm3Digest> expected(count);
      for (std::size_t i = 0; i < count; ++i) expected[i] = sm3(ByteView(data).subspan(i * piece, piece));
      std::vector<Sm3Digest> digests(count);
      sm3_many(data, piece, digests);
      EXPECT_EQ(digests, expected) << count << " pieces of " << piece;
      for (Sm3Lanes lanes : supported_sm3_lanes()) {
        lanes.worthwhile = 1;  // idle lanes too
        std::vector<Sm3Digest> made(count);
        sm3_many(std::span(&lanes, 1), data, piece, made);
        EXPECT_EQ(made, expected) << lanes.count << " lanes, " << count << " pieces of " << piece;
      }
    }
  }
}

TEST(HmacSm3, Wycheproof) {
  std::size_t valid = 0;
  std::size_t invalid = 0;
  const auto document = testing::wycheproof("hmac_sm3_test.json");
  for (const auto& group : document.at("testGroups").as_array()) {
    const auto tag_size = static_cast<std::size_t>(group.at("tagSize").as_int64() / 8);
    for (const auto& test : group.at("tests").as_array()) {
      SCOPED_TRACE(test.at("tcId").as_int64());
      const Sm3Digest mac = hmac_sm3(testing::hex_of(test, "key"), testing::hex_of(test, "msg"));
      const Bytes tag = testing::hex_of(test, "tag");
      const bool fits = equal_in_constant_time(ByteView(mac).first(tag_size), tag);
      const bool expected = test.at("result").as_string() == "valid";
      EXPECT_EQ(fits, expected);
      ++(expected ? valid : invalid);
    }
  }
  EXPECT_GE(valid, 40U);
  EXPECT_GE(invalid, 80U);
}

TEST(HmacSm3, AKeyServesManyMacsAndAClone) {
  const HmacSm3Key key(as_bytes("key"));
  const HmacSm3Key clone = key.clone();
  const Sm3Digest first = HmacSm3(key).update(as_bytes("a")).update(as_bytes("b")).finish();
  EXPECT_EQ(first, hmac_sm3(as_bytes("key"), as_bytes("ab")));
  EXPECT_EQ(HmacSm3(clone).update(as_bytes("ab")).finish(), first);
  EXPECT_NE(HmacSm3(key).update(as_bytes("ac")).finish(), first);
}

TEST(Kdf, HkdfIsOpenSsls) {
  EVP_KDF* kdf = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  ASSERT_NE(kdf, nullptr);
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 100U, 8160U}) {
    EVP_KDF_CTX* context = EVP_KDF_CTX_new(kdf);
    Bytes key = counted(20);
    Bytes salt = counted(40);
    Bytes info = counted(150);
    char digest[] = "SM3";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key.data(), key.size()),
                                 OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
                                 OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
                                 OSSL_PARAM_construct_end()};
    Bytes expected(size);
    ASSERT_EQ(EVP_KDF_derive(context, expected.data(), expected.size(), params), 1);
    EVP_KDF_CTX_free(context);
    const SecretBytes ours = hkdf_sm3(salt, key, info, size);
    EXPECT_EQ(to_hex(ours.reveal_for_computing()), to_hex(expected));
  }
  EVP_KDF_free(kdf);
}

TEST(Kdf, Pbkdf2IsOpenSsls) {
  const Bytes salt = counted(16);
  for (const std::size_t size : {16U, 32U, 50U, 64U}) {
    for (const int rounds : {1, 2, 1000}) {
      Bytes expected(size);
      ASSERT_EQ(PKCS5_PBKDF2_HMAC("a password", 10, salt.data(), static_cast<int>(salt.size()), rounds, EVP_sm3(),
                                  static_cast<int>(size), expected.data()),
                1);
      const SecretBytes ours = pbkdf2_hmac_sm3(as_bytes("a password"), salt, static_cast<std::uint32_t>(rounds), size);
      EXPECT_EQ(to_hex(ours.reveal_for_computing()), to_hex(expected));
    }
  }
}

}  // namespace
}  // namespace mifeng::crypto
