#include "token_keys.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <functional>
#include <memory>

#include "mifeng/base/bytes.h"

namespace mifeng::kubernetes {
namespace {

using json::Array;
using json::Object;

constexpr UnixMillis kNow = 1'800'000'000'000;

std::string base64url(ByteView bytes) {
  std::string text = to_base64(bytes);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}
std::string base64url(const Object& object) {
  const std::string text = json::serialize(object);
  return base64url(as_bytes(text));
}

// A cluster's key, with what it publishes of it.
struct Signer {
  std::shared_ptr<EVP_PKEY> key;
  std::string algorithm;
  std::size_t half = 0;  // bytes of each number of an EC signature

  static Signer rsa(const char* algorithm, unsigned bits = 2048) {
    return {std::shared_ptr<EVP_PKEY>(EVP_RSA_gen(bits), EVP_PKEY_free), algorithm};
  }
  static Signer curve(const char* algorithm, const char* name, std::size_t half) {
    return {std::shared_ptr<EVP_PKEY>(EVP_EC_gen(name), EVP_PKEY_free), algorithm, half};
  }
  std::string number(const char* name, std::size_t size = 0) const {
    BIGNUM* got = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &got), 1);
    Bytes bytes(size == 0 ? static_cast<std::size_t>(BN_num_bytes(got)) : size);
    BN_bn2binpad(got, bytes.data(), static_cast<int>(bytes.size()));
    BN_free(got);
    return base64url(bytes);
  }
  Object published() const {
    if (half == 0)
      return {
          {"kty", "RSA"}, {"kid", "one"}, {"n", number(OSSL_PKEY_PARAM_RSA_N)}, {"e", number(OSSL_PKEY_PARAM_RSA_E)}};
    const char* curve = half == 32 ? "P-256" : half == 48 ? "P-384" : "P-521";
    return {{"kty", "EC"},
            {"kid", "one"},
            {"crv", curve},
            {"x", number(OSSL_PKEY_PARAM_EC_PUB_X, half)},
            {"y", number(OSSL_PKEY_PARAM_EC_PUB_Y, half)}};
  }
  Bytes sign(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::size_t size = 0;
    const std::string digest = "SHA" + algorithm.substr(2);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    EXPECT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, digest.c_str(), nullptr, nullptr, key.get(), nullptr), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), nullptr, &size, data, text.size()), 1);
    Bytes signature(size);
    EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size, data, text.size()), 1);
    signature.resize(size);
    if (half == 0) return signature;
    const unsigned char* from = signature.data();
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &from, static_cast<long>(size));
    Bytes raw(2 * half);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw.data(), static_cast<int>(half));
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw.data() + half, static_cast<int>(half));
    ECDSA_SIG_free(pair);
    return raw;
  }
  std::string token(const Object& claims, const std::string& named = "") const {
    const Object header{{"alg", named.empty() ? algorithm : named}, {"kid", "one"}};
    const std::string text = base64url(header) + "." + base64url(claims);
    return text + "." + base64url(sign(text));
  }
};

Object keys_of(std::initializer_list<Object> keys) {
  Array list;
  for (const Object& key : keys) list.emplace_back(key);
  return {{"keys", std::move(list)}};
}

// As kubelet gets one for a pod.
Object claims() {
  return {{"aud", Array{"mifeng/key-1"}},
          {"exp", kNow / 1000 + 600},
          {"iat", kNow / 1000},
          {"iss", "https://kubernetes.default.svc"},
          {"kubernetes.io", Object{{"namespace", "models"},
                                   {"pod", Object{{"name", "mf-digits-1"}, {"uid", "pod-uid"}}},
                                   {"serviceaccount", Object{{"name", "mifeng-model"}, {"uid", "account-uid"}}}}},
          {"nbf", kNow / 1000},
          {"sub", "system:serviceaccount:models:mifeng-model"}};
}

TEST(TokenKeys, WhatThePublishedKeysHaveSignedIsRead) {
  for (const Signer& signer : {Signer::rsa("RS256"), Signer::rsa("RS512"), Signer::curve("ES256", "P-256", 32),
                               Signer::curve("ES384", "P-384", 48), Signer::curve("ES512", "P-521", 66)}) {
    const auto read =
        read_token(signer.token(claims()), keys_of({Signer::rsa("RS256").published(), signer.published()}));
    ASSERT_TRUE(read) << signer.algorithm << ": " << read.error().message();
    EXPECT_EQ(read->user, "system:serviceaccount:models:mifeng-model");
    EXPECT_EQ(read->pod + " " + read->pod_uid + " " + read->account_uid, "mf-digits-1 pod-uid account-uid");
    EXPECT_TRUE(check_token(*read, "https://kubernetes.default.svc", "mifeng/key-1", kNow));
  }
}

TEST(TokenKeys, NobodyElsesSignatureCounts) {
  const Signer ours = Signer::rsa("RS256"), other = Signer::rsa("RS256"), curve = Signer::curve("ES256", "P-256", 32);
  const Object published = keys_of({ours.published()});
  const std::string good = ours.token(claims());
  const std::size_t end = good.rfind('.');
  Object changed = claims();
  changed.set("sub", "system:serviceaccount:models:other");
  const std::string forged = good.substr(0, good.find('.')) + "." + base64url(changed) + good.substr(end);
  const Object none{{"alg", "none"}};
  for (const std::string& token :
       {other.token(claims()), curve.token(claims()), curve.token(claims(), "RS256"), ours.token(claims(), "RS512"),
        ours.token(claims(), "HS256"), forged, good.substr(0, end), good.substr(0, end + 1), good + "=", std::string(),
        std::string("a.b.c"), base64url(none) + "." + base64url(claims()) + ".", std::string(20'000, 'a')}) {
    const auto read = read_token(token, published);
    ASSERT_FALSE(read) << token;
    EXPECT_EQ(read.error().reason(), "token-refused");
  }
  EXPECT_TRUE(read_token(good, published));
  EXPECT_FALSE(read_token(good, keys_of({})));
  EXPECT_FALSE(read_token(good, {}));
  const Signer small = Signer::rsa("RS256", 1024);
  EXPECT_FALSE(read_token(small.token(claims()), keys_of({small.published()})));
}

TEST(TokenKeys, IssuerAudienceAndTimeAreLookedAt) {
  const Signer signer = Signer::rsa("RS256");
  const Object published = keys_of({signer.published()});
  struct Case {
    const char* said;
    std::function<void(Object&)> change;
  };
  for (const Case& one : {Case{"issuer", [](Object& c) { c.set("iss", "https://elsewhere"); }},
                          Case{"issuer", [](Object& c) { c.erase("iss"); }},
                          Case{"not for this platform", [](Object& c) { c.set("aud", Array{"https://kubernetes"}); }},
                          Case{"not for this platform", [](Object& c) { c.set("aud", Array{}); }},
                          Case{"not for this platform", [](Object& c) { c.erase("aud"); }},
                          Case{"expired", [](Object& c) { c.set("exp", kNow / 1000); }},
                          Case{"expired", [](Object& c) { c.erase("exp"); }},
                          Case{"not in force", [](Object& c) { c.set("nbf", kNow / 1000 + 120); }}}) {
    Object said = claims();
    one.change(said);
    const auto read = read_token(signer.token(said), published);
    ASSERT_TRUE(read);
    const auto checked = check_token(*read, "https://kubernetes.default.svc", "mifeng/key-1", kNow);
    ASSERT_FALSE(checked) << one.said;
    EXPECT_NE(checked.error().message().find(one.said), std::string::npos) << checked.error().message();
  }
}

}  // namespace
}  // namespace mifeng::kubernetes
