#include "mifeng/crypto/sm2.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <iostream>

#include "mifeng/crypto/sm2_der.h"
#include "mifeng/crypto/statement.h"
#include "sm2_verify.h"
#include "test_vectors.h"

namespace mifeng::crypto {
namespace {

Sm2PrivateKey standard_key() {  // GB/T 32918.5 annex
  return Sm2PrivateKey::from_scalar(
             from_hex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8").value())
      .value();
}

Scalar scalar_of(const std::string& hex) {
  const Bytes bytes = from_hex(hex).value();
  Scalar scalar{};
  std::copy(bytes.begin(), bytes.end(), scalar.end() - static_cast<std::ptrdiff_t>(bytes.size()));
  return scalar;
}

TEST(Sm2, StandardExampleOfPublicKeyAndSignature) {  // GB/T 32918.5-2017 annex A
  const Sm2PrivateKey key = standard_key();
  EXPECT_EQ(to_hex(key.public_key().point()),
            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
            "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13");
  const Bytes signature =
      encode_sm2_signature({scalar_of("f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"),
                            scalar_of("b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa")});
  EXPECT_TRUE(key.public_key().verify(as_bytes("message digest"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("message digesT"), signature));
}

TEST(Sm2, StandardExampleOfEncryption) {  // GB/T 32918.5-2017 annex C
  const Bytes c3 = from_hex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766").value();
  const Bytes c2 = from_hex("21886ca989ca9c7d58087307ca93092d651efa").value();
  const Bytes der =
      encode_sm2_ciphertext({scalar_of("04ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"),
                             scalar_of("e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"), c3, c2});
  const auto plaintext = standard_key().decrypt(der);
  ASSERT_TRUE(plaintext) << plaintext.error().message();
  EXPECT_EQ(as_text(plaintext->reveal_for_computing()), "encryption standard");
}

TEST(Sm2, ThirdPartySignatures) {
  std::size_t run = 0;
  for (const auto& test : testing::botan_vectors("sm2_sig.vec", "Signature")) {
    if (test.at("Oid") != "1.2.156.10197.1.301" || test.at("Hash") != "SM3") {
      std::cout << "NOT RUN of botan/sm2_sig.vec: a case on the curve " << test.at("Oid") << " with " << test.at("Hash")
                << "; Mifeng uses sm2p256v1 with SM3 alone\n";
      continue;
    }
    const auto key = Sm2PrivateKey::from_scalar(from_hex(test.at("x").substr(2)).value()).value();
    const Bytes message = from_hex(test.at("Msg")).value();
    const std::string signature = test.at("Signature");
    const Bytes der = encode_sm2_signature({scalar_of(signature.substr(0, 64)), scalar_of(signature.substr(64))});
    // Its user id is another one than ours, so this goes below the public interface, through the same code.
    const std::string pem = key.public_key().to_pem().value();
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    EVP_PKEY* evp = PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
    EXPECT_TRUE(detail::verify_with_user_id(evp, test.at("Ident"), message, der));
    EXPECT_FALSE(detail::verify_with_user_id(evp, kSm2UserId, message, der));
    EVP_PKEY_free(evp);
    BIO_free(bio);
    ++run;
  }
  EXPECT_EQ(run, 1U);
}

TEST(Sm2, ThirdPartyInvalidCiphertextsAreRefused) {
  const auto tests = testing::botan_vectors("sm2_invalid.vec", "Ctext");
  EXPECT_EQ(tests.size(), 20U);
  for (const auto& test : tests) {
    const auto key = Sm2PrivateKey::from_scalar(from_hex(test.at("Key")).value()).value();
    const auto opened = key.decrypt(from_hex(test.at("Ctext")).value());
    ASSERT_FALSE(opened) << test.at("Ctext");
    EXPECT_EQ(opened.error().code(), ErrorCode::kVerificationFailed);
  }
}

TEST(Sm2, EncryptsAndDecrypts) {
  const auto key = Sm2PrivateKey::generate().value();
  for (const std::size_t size : {1U, 16U, 31U, 32U, 33U, 100U, 127U, 128U, 255U, 256U, 4096U}) {
    const Bytes plaintext(size, 0x33);
    const Bytes ciphertext = key.public_key().encrypt(plaintext).value();
    EXPECT_TRUE(parse_sm2_ciphertext(ciphertext, size));
    const auto opened = key.decrypt(ciphertext);
    ASSERT_TRUE(opened) << size;
    EXPECT_EQ(to_hex(opened->reveal_for_computing()), to_hex(plaintext));
    EXPECT_NE(key.public_key().encrypt(plaintext).value(), ciphertext);
    const auto other = Sm2PrivateKey::generate().value().decrypt(ciphertext);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().reason(), "bad-root-key");
  }
  EXPECT_EQ(key.public_key().encrypt({}).error().reason(), "bad-plaintext");
  EXPECT_EQ(key.public_key().encrypt(Bytes(4097)).error().reason(), "bad-plaintext");
}

TEST(Sm2, AnyAlteredBitOfACiphertextIsRefused) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes good = key.public_key().encrypt(Bytes(16, 1)).value();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(key.decrypt(bad)) << bit;
  }
}

TEST(Sm2, SignsAndVerifies) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes signature = key.sign(as_bytes("message")).value();
  EXPECT_TRUE(key.public_key().verify(as_bytes("message"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes("massage"), signature));
  EXPECT_FALSE(key.public_key().verify(as_bytes(""), signature));
  EXPECT_FALSE(Sm2PrivateKey::generate().value().public_key().verify(as_bytes("message"), signature));
  const auto parts = parse_sm2_signature(signature).value();
  Bytes trailing = signature;
  trailing.push_back(0);
  EXPECT_EQ(key.public_key().verify(as_bytes("message"), trailing).error().reason(), "bad-signature");
  for (const Scalar& zero : {Scalar{}}) {
    EXPECT_FALSE(key.public_key().verify(as_bytes("message"), encode_sm2_signature({zero, parts.s})));
    EXPECT_FALSE(key.public_key().verify(as_bytes("message"), encode_sm2_signature({parts.r, zero})));
  }
  const Bytes empty_signature = key.sign({}).value();
  EXPECT_TRUE(key.public_key().verify({}, empty_signature));
}

TEST(Sm2, KeysSurviveTheirFiles) {
  for (int i = 0; i < 20; ++i) {
    const auto key = Sm2PrivateKey::generate().value();
    const auto again = Sm2PrivateKey::from_pem(key.to_pem().value()).value();
    EXPECT_EQ(again.scalar(), key.scalar());
    EXPECT_EQ(again.public_key(), key.public_key());
    const std::string pem = key.public_key().to_pem().value();
    EXPECT_TRUE(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    EXPECT_EQ(Sm2PublicKey::from_pem(pem).value(), key.public_key());
    EXPECT_EQ(Sm2PublicKey::from_point(key.public_key().point()).value(), key.public_key());
    EXPECT_EQ(to_hex(key.public_key().key_id()), to_hex(sm3(key.public_key().point())).substr(0, 16));
  }
}

TEST(Sm2, CopiesAndMovesKeepTheirKey) {
  auto key = Sm2PrivateKey::generate().value();
  const Sm2PublicKey copy = key.public_key();
  Sm2PublicKey assigned = Sm2PrivateKey::generate().value().public_key();
  assigned = copy;
  const Sm2PrivateKey clone = key.clone();
  const Sm2PrivateKey moved = std::move(key);
  const Bytes signature = moved.sign(as_bytes("x")).value();
  EXPECT_TRUE(copy.verify(as_bytes("x"), signature));
  EXPECT_TRUE(assigned.verify(as_bytes("x"), signature));
  EXPECT_TRUE(copy.verify(as_bytes("y"), clone.sign(as_bytes("y")).value()));
}

TEST(Sm2, RefusesScalarsOutsideItsRange) {
  const char* n_minus_1 = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122";
  const char* n_minus_2 = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54121";
  const char* n = "fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123";
  const auto try_scalar = [](const std::string& hex) { return Sm2PrivateKey::from_scalar(from_hex(hex).value()); };
  EXPECT_TRUE(try_scalar(std::string(63, '0') + "1"));
  EXPECT_TRUE(try_scalar(n_minus_2));
  for (const std::string& bad : {std::string(n_minus_1), std::string(n), std::string(64, '0'), std::string(64, 'f'),
                                 std::string(62, '0'), std::string(66, '0')}) {
    const auto key = try_scalar(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().reason(), "bad-private-key");
  }
}

TEST(Sm2, RefusesPointsThatAreNone) {
  const auto good = standard_key().public_key().point();
  const auto refused = [](const Bytes& point) {
    const auto key = Sm2PublicKey::from_point(point);
    return !key && key.error().reason() == "bad-public-key";
  };
  Bytes point(good.begin(), good.end());
  point[64] ^= 1;
  EXPECT_TRUE(refused(point));
  point[64] ^= 1;
  EXPECT_FALSE(refused(point));
  point[0] = 0x06;  // the hybrid form
  EXPECT_TRUE(refused(point));
  EXPECT_TRUE(refused({}));
  EXPECT_TRUE(refused({0}));  // infinity
  EXPECT_TRUE(refused(Bytes(65, 0xff)));
  EXPECT_TRUE(refused(Bytes(good.begin(), good.end() - 1)));
}

TEST(Sm2, RefusesForeignKeyFiles) {
  const auto private_pem = [](const char* curve) {
    EVP_PKEY* key = EVP_EC_gen(curve);
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    PEM_write_bio_PUBKEY(bio, key);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    EVP_PKEY_free(key);
    return text;
  };
  const std::string p256 = private_pem("P-256");
  const auto other_curve = Sm2PrivateKey::from_pem(as_bytes(p256));
  ASSERT_FALSE(other_curve);
  EXPECT_EQ(other_curve.error().reason(), "bad-private-key");
  const auto other_public = Sm2PublicKey::from_pem(p256.substr(p256.find("-----BEGIN PUBLIC")));
  ASSERT_FALSE(other_public);
  EXPECT_EQ(other_public.error().reason(), "bad-public-key");
  for (const char* text : {"", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    EXPECT_FALSE(Sm2PrivateKey::from_pem(as_bytes(text)));
    EXPECT_FALSE(Sm2PublicKey::from_pem(text));
  }
}

TEST(Sm2, AnEncryptedKeyFileIsRefusedWithoutAsking) {
  const SecretBytes pem = standard_key().to_pem().value();
  BIO* in = BIO_new_mem_buf(pem.reveal_for_computing().data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
  BIO* out = BIO_new(BIO_s_mem());
  char passphrase[] = "secret";
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(), passphrase, 6, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  const auto read = Sm2PrivateKey::from_pem(as_bytes(std::string_view(data, static_cast<std::size_t>(size))));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason(), "encrypted-private-key");
  BIO_free(in);
  BIO_free(out);
  EVP_PKEY_free(key);
}

TEST(Sm2Der, RefusesEverySpellingButTheStrictOne) {
  const auto sequence = [](std::initializer_list<const char*> parts) {
    Bytes content;
    for (const char* part : parts) append(content, from_hex(part).value());
    Bytes out = {0x30, static_cast<std::uint8_t>(content.size())};
    append(out, content);
    return out;
  };
  EXPECT_TRUE(parse_sm2_signature(sequence({"020101", "02020080"})));
  EXPECT_TRUE(parse_sm2_signature(sequence({"020100", "020100"})));  // 0 is in 0..n-1; verification refuses it
  for (const auto& bad :
       {sequence({"020101"}), sequence({"020101", "020101", "020101"}), sequence({"0200", "020101"}),
        sequence({"020180", "020101"}),    // negative
        sequence({"02020001", "020101"}),  // not minimal
        sequence({"02020000", "020101"}), sequence({"02810101", "020101"}), sequence({"030101", "020101"}),
        sequence({"0220ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "020101"}),
        sequence({"022100fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123", "020101"}),  // n
        sequence({"02220100000000000000000000000000000000000000000000000000000000000000000000", "020101"}), Bytes{},
        Bytes{0x30}, Bytes{0x30, 0x80, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01, 0, 0}, Bytes{0x30, 0x81, 0x00},
        Bytes{0x30, 0x84, 0, 0, 0, 6, 2, 1, 1, 2, 1, 1}, Bytes{0x30, 7, 2, 1, 1, 2, 1, 1}}) {
    const auto parsed = parse_sm2_signature(bad);
    ASSERT_FALSE(parsed) << to_hex(bad);
    EXPECT_EQ(parsed.error().reason(), "bad-signature");
  }
  EXPECT_TRUE(parse_sm2_signature(
      sequence({"022100fffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54122", "020101"})));  // n-1
}

TEST(Statement, IsForOnePurposeAndOneDocument) {
  const auto key = Sm2PrivateKey::generate().value();
  const Bytes signature = sign_statement(key, "manifest", as_bytes("document")).value();
  EXPECT_TRUE(verify_statement(key.public_key(), "manifest", as_bytes("document"), signature));
  EXPECT_TRUE(verify_statement_digest(key.public_key(), "manifest", sm3(as_bytes("document")), signature));
  EXPECT_FALSE(verify_statement(key.public_key(), "key", as_bytes("document"), signature));
  EXPECT_FALSE(verify_statement(key.public_key(), "manifest", as_bytes("documenT"), signature));
  Bytes spelled = to_bytes("mifeng/v1/manifest");
  spelled.push_back(0);
  append(spelled, sm3(as_bytes("document")));
  EXPECT_TRUE(key.public_key().verify(spelled, signature));
}

}  // namespace
}  // namespace mifeng::crypto
