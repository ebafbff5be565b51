#include "mifeng/messages/key_statement.h"

#include <algorithm>
#include <optional>

#include "fields.h"
#include "mifeng/crypto/statement.h"

namespace mifeng::messages {

namespace {

constexpr std::string_view kPurpose = "key-statement";

Error chain_error(const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, "identity-chain",
               "the platform's chain of identity keys does not lead from the key on the card: " + message +
                   ". Compare the card's fingerprint with the platform's");
}

}  // namespace

std::string_view to_string(KeyPurpose purpose) {
  switch (purpose) {
    case KeyPurpose::kDelivery: return "delivery";
    case KeyPurpose::kOutput: return "output";
    case KeyPurpose::kIdentity: return "identity";
  }
  return "";
}

Bytes encode_key_claims(const KeyClaims& claims) {
  return to_bytes(json::serialize(json::Object{{"purpose", to_string(claims.purpose)},
                                               {"key", point_text(claims.key)},
                                               {"serial", claims.serial},
                                               {"not_before_ms", claims.not_before_ms},
                                               {"not_after_ms", claims.not_after_ms}}));
}

Result<KeyClaims> decode_key_claims(ByteView statement) {
  MIFENG_TRY(const Document document, Document::parse(statement, {.bytes = 1024, .depth = 2, .values = 16}));
  Reader reader(json::Fields(document.object(), "statement"));
  const std::size_t purpose = reader.fields().word("purpose", {"delivery", "output", "identity"});
  const auto key = reader.point("key");
  const std::uint64_t serial = reader.count("serial");
  const UnixMillis not_before = reader.millis("not_before_ms");
  const UnixMillis not_after = reader.millis("not_after_ms");
  MIFENG_CHECK(reader.finish());
  constexpr KeyPurpose kPurposes[] = {KeyPurpose::kDelivery, KeyPurpose::kOutput, KeyPurpose::kIdentity};
  return KeyClaims{.purpose = kPurposes[purpose],
                   .key = *key,
                   .serial = serial,
                   .not_before_ms = not_before,
                   .not_after_ms = not_after};
}

Result<KeyStatement> make_key_statement(const KeyClaims& claims, const crypto::Sm2PrivateKey& identity) {
  KeyStatement statement{.statement = encode_key_claims(claims), .signature = {}};
  MIFENG_TRY(statement.signature, crypto::sign_statement(identity, kPurpose, statement.statement));
  return statement;
}

Result<IdentityChain> IdentityChain::verify(const crypto::Sm2PublicKey& trusted, std::span<const KeyStatement> chain) {
  if (chain.size() > kIdentityChainMax)
    return Error(ErrorCode::kVerificationFailed, "chain-too-long",
                 "the platform's chain of identity keys has more than " + std::to_string(kIdentityChainMax) + " keys");
  std::vector<KeyClaims> claims;
  std::size_t first = 0;  // the first statement that the trusted key has to sign
  for (const KeyStatement& statement : chain) {
    auto decoded = decode_key_claims(statement.statement);
    if (!decoded) return chain_error("a statement cannot be read");
    claims.push_back(std::move(*decoded));
    if (claims.back().key == trusted) first = claims.size();
  }
  std::vector<crypto::Sm2PublicKey> keys{trusted};
  std::optional<std::uint64_t> serial;
  for (std::size_t i = first; i < chain.size(); ++i) {
    if (claims[i].purpose != KeyPurpose::kIdentity) return chain_error("a statement is for another purpose");
    if (serial && claims[i].serial <= *serial) return chain_error("a serial does not rise");
    if (!crypto::verify_statement(keys.back(), kPurpose, chain[i].statement, chain[i].signature))
      return chain_error("a signature does not fit");
    serial = claims[i].serial;
    keys.push_back(claims[i].key);
  }
  return IdentityChain(std::move(keys));
}

Result<KeyClaims> IdentityChain::verify_statement(const KeyStatement& statement, KeyPurpose purpose) const {
  const bool is_signed = std::any_of(keys_.rbegin(), keys_.rend(), [&](const crypto::Sm2PublicKey& key) {
    return crypto::verify_statement(key, kPurpose, statement.statement, statement.signature).has_value();
  });
  const auto error = [&](const std::string& why) {
    return Error(ErrorCode::kVerificationFailed, "key-statement",
                 "the statement of the " + std::string(to_string(purpose)) + " key " + why);
  };
  if (!is_signed) return error("was not signed by this platform's identity key");
  auto claims = decode_key_claims(statement.statement);
  if (!claims) return error("cannot be read");
  if (claims->purpose != purpose) return error("is for another purpose");
  return std::move(*claims);
}

Result<void> check_in_force(const KeyClaims& claims, UnixMillis now_ms) {
  if (now_ms >= claims.not_before_ms && now_ms < claims.not_after_ms) return ok();
  return Error(ErrorCode::kVerificationFailed, "key-not-in-force",
               "the " + std::string(to_string(claims.purpose)) + " key is in force from " +
                   format_time(claims.not_before_ms) + " until " + format_time(claims.not_after_ms) + ", and it is " +
                   format_time(now_ms));
}

}  // namespace mifeng::messages
