#include "token_keys.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "mifeng/base/bytes.h"
#include "mifeng/cluster/json_path.h"

namespace mifeng::kubernetes {
namespace {

using cluster::text_at;

constexpr std::size_t kTokenMax = 16'384;  // as in a grant request
constexpr std::size_t kKeysMax = 64;
constexpr int kRsaBitsMin = 2048, kRsaBitsMax = 16'384;
constexpr UnixMillis kClocksApart = 60'000;  // the cluster's and ours, for the begin of a token that is new

struct Deleter {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
  void operator()(OSSL_PARAM* params) const { OSSL_PARAM_free(params); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

Error refused_token(const std::string& why) {
  return Error(ErrorCode::kPermissionDenied, "token-refused",
               "the cluster's published keys do not bear the token out: " + why);
}

// What a signature's algorithm means.
struct Algorithm {
  const char* name;
  const char* digest;
  const char* key_type;
  const char* curve;       // of an EC key, as a JWK names it
  const char* group;       // and as OpenSSL does
  std::size_t field_size;  // bytes of each half of an EC signature
};
constexpr Algorithm kAlgorithms[] = {{"RS256", "SHA256", "RSA", "", "", 0},
                                     {"RS384", "SHA384", "RSA", "", "", 0},
                                     {"RS512", "SHA512", "RSA", "", "", 0},
                                     {"ES256", "SHA256", "EC", "P-256", "prime256v1", 32},
                                     {"ES384", "SHA384", "EC", "P-384", "secp384r1", 48},
                                     {"ES512", "SHA512", "EC", "P-521", "secp521r1", 66}};

const Algorithm* algorithm_of(const std::string& name) {
  const auto* found = std::find_if(std::begin(kAlgorithms), std::end(kAlgorithms),
                                   [&](const Algorithm& one) { return name == one.name; });
  return found == std::end(kAlgorithms) ? nullptr : found;
}

// RFC 7515: base64 with another alphabet and without padding.
std::optional<Bytes> from_base64url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  while (plain.size() % 4 != 0) plain += '=';
  auto bytes = from_base64(plain);
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

Owned<BIGNUM> number_at(const json::Object& key, const char* name) {
  const auto bytes = from_base64url(text_at(key, name));
  if (!bytes || bytes->empty() || bytes->size() > 4096) return nullptr;
  return Owned<BIGNUM>(BN_bin2bn(bytes->data(), static_cast<int>(bytes->size()), nullptr));
}

Owned<EVP_PKEY> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> params(OSSL_PARAM_BLD_to_param(builder));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return Owned<EVP_PKEY>(key);
}

Owned<EVP_PKEY> rsa_key(const json::Object& jwk) {
  const auto modulus = number_at(jwk, "n"), exponent = number_at(jwk, "e");
  if (!modulus || !exponent || BN_num_bits(modulus.get()) < kRsaBitsMin || BN_num_bits(modulus.get()) > kRsaBitsMax)
    return nullptr;
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1)
    return nullptr;
  return key_from("RSA", builder.get());
}

Owned<EVP_PKEY> curve_key(const json::Object& jwk, const Algorithm& algorithm) {
  const auto x = from_base64url(text_at(jwk, "x")), y = from_base64url(text_at(jwk, "y"));
  if (text_at(jwk, "crv") != algorithm.curve || !x || !y || x->size() != algorithm.field_size ||
      y->size() != algorithm.field_size)
    return nullptr;
  Bytes point{4};
  point.insert(point.end(), x->begin(), x->end());
  point.insert(point.end(), y->begin(), y->end());
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, algorithm.group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
    return nullptr;
  return key_from("EC", builder.get());
}

// The two halves of an EC signature, as OpenSSL reads them; empty where they are none.
Bytes der_of(const Bytes& signature, std::size_t field_size) {
  if (signature.size() != 2 * field_size) return {};
  const int size = static_cast<int>(field_size);
  Owned<BIGNUM> r(BN_bin2bn(signature.data(), size, nullptr)), s(BN_bin2bn(signature.data() + size, size, nullptr));
  const Owned<ECDSA_SIG> pair(ECDSA_SIG_new());
  if (!r || !s || !pair || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();
  (void)s.release();
  Bytes der(static_cast<std::size_t>(std::max(0, i2d_ECDSA_SIG(pair.get(), nullptr))));
  unsigned char* end = der.data();
  if (der.empty() || i2d_ECDSA_SIG(pair.get(), &end) <= 0) return {};
  return der;
}

bool has_signed(const json::Object& jwk, const Algorithm& algorithm, std::string_view text, const Bytes& signature) {
  if (text_at(jwk, "kty") != algorithm.key_type) return false;
  const bool is_rsa = algorithm.field_size == 0;
  const auto key = is_rsa ? rsa_key(jwk) : curve_key(jwk, algorithm);
  const Bytes signed_by = is_rsa ? signature : der_of(signature, algorithm.field_size);
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const bool good =
      key && context && !signed_by.empty() &&
      EVP_DigestVerifyInit_ex(context.get(), nullptr, algorithm.digest, nullptr, nullptr, key.get(), nullptr) == 1 &&
      EVP_DigestVerify(context.get(), signed_by.data(), signed_by.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  ERR_clear_error();
  return good;
}

// By the key that the header names, or where it names none by any.
bool is_signed(const json::Object& header, const json::Object& keys, std::string_view text, const Bytes& signature) {
  const Algorithm* algorithm = algorithm_of(text_at(header, "alg"));
  const json::Value* list = keys.find("keys");
  const json::Array* all = list == nullptr ? nullptr : list->if_array();
  if (algorithm == nullptr || all == nullptr || all->size() > kKeysMax) return false;
  const std::string id = text_at(header, "kid");
  return std::any_of(all->begin(), all->end(), [&](const json::Value& one) {
    const json::Object* jwk = one.if_object();
    return jwk != nullptr && (id.empty() || text_at(*jwk, "kid") == id) &&
           has_signed(*jwk, *algorithm, text, signature);
  });
}

Result<json::Object> part_of(std::string_view text) {
  const auto bytes = from_base64url(text);
  if (!bytes) return refused_token("it is not what a token looks like");
  auto object = json::parse_object(as_text(*bytes));
  if (!object) return refused_token("it is not what a token looks like");
  return std::move(*object);
}

}  // namespace

Result<TokenClaims> read_token(std::string_view token, const json::Object& keys) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (token.size() > kTokenMax || second == std::string_view::npos)
    return refused_token("it is not what a token looks like");
  MIFENG_TRY(const json::Object header, part_of(token.substr(0, first)));
  MIFENG_TRY(const json::Object said, part_of(token.substr(first + 1, second - first - 1)));
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature || !is_signed(header, keys, token.substr(0, second), *signature))
    return refused_token("none of them has signed it");
  constexpr const char* kOfKubernetes = "kubernetes.io";
  return TokenClaims{.issuer = text_at(said, "iss"),
                     .user = text_at(said, "sub"),
                     .audiences = cluster::texts_at(said, "aud"),
                     .not_before_ms = cluster::integer_at(said, "nbf") * 1000,
                     .expires_ms = cluster::integer_at(said, "exp") * 1000,
                     .account_uid = text_at(said, kOfKubernetes, "serviceaccount", "uid"),
                     .pod = text_at(said, kOfKubernetes, "pod", "name"),
                     .pod_uid = text_at(said, kOfKubernetes, "pod", "uid")};
}

Result<void> check_token(const TokenClaims& claims, const std::string& issuer, const std::string& audience,
                         UnixMillis now_ms) {
  if (issuer.empty() || claims.issuer != issuer) return refused_token("its issuer is " + claims.issuer);
  if (audience.empty() ||
      std::find(claims.audiences.begin(), claims.audiences.end(), audience) == claims.audiences.end())
    return refused_token("it is not for this platform");
  if (claims.expires_ms <= now_ms) return refused_token("it has expired");
  if (claims.not_before_ms > now_ms + kClocksApart) return refused_token("it is not in force yet");
  return ok();
}

}  // namespace mifeng::kubernetes
