// What a key is for, stated by the platform's identity key, and the chain from one identity key to the next
// (spec/grant.md, key statements and chains).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"

namespace mifeng::messages {

inline constexpr std::size_t kIdentityChainMax = 32;

enum class KeyPurpose { kDelivery, kOutput, kIdentity };
std::string_view to_string(KeyPurpose purpose);

// As it travels: the exact bytes of a JSON object, and the DER signature over them (purpose "key-statement").
struct KeyStatement {
  Bytes statement;
  Bytes signature;
  friend bool operator==(const KeyStatement&, const KeyStatement&) = default;
};
using KeyStatements = std::vector<KeyStatement>;

// What a statement says.
struct KeyClaims {
  KeyPurpose purpose;
  crypto::Sm2PublicKey key;
  std::uint64_t serial = 0;
  UnixMillis not_before_ms = 0;  // in force from here
  UnixMillis not_after_ms = 0;   // until before here
};

// The bytes that make_key_statement() signs; the same claims give the same bytes.
Bytes encode_key_claims(const KeyClaims& claims);
// Reads without verifying. kInvalidArgument "bad-message".
Result<KeyClaims> decode_key_claims(ByteView statement);
Result<KeyStatement> make_key_statement(const KeyClaims& claims, const crypto::Sm2PrivateKey& identity);

// The identity keys that a receiver has reason to trust: its card's, and those that follow from it.
class IdentityChain {
 public:
  // `trusted` is the key on the receiver's card. kVerificationFailed: "identity-chain" (a signature, a purpose, a
  // serial that does not rise), "chain-too-long". Statements before the one that introduces `trusted` are skipped.
  static Result<IdentityChain> verify(const crypto::Sm2PublicKey& trusted, std::span<const KeyStatement> chain);

  // The one that signs now.
  const crypto::Sm2PublicKey& current() const { return keys_.back(); }
  std::span<const crypto::Sm2PublicKey> keys() const { return keys_; }

  // Whether a key of the chain signed it and it is of this purpose: its claims, else kVerificationFailed
  // "key-statement". Whether it is in force is asked with check_in_force().
  Result<KeyClaims> verify_statement(const KeyStatement& statement, KeyPurpose purpose) const;

 private:
  explicit IdentityChain(std::vector<crypto::Sm2PublicKey> keys) : keys_(std::move(keys)) {}
  std::vector<crypto::Sm2PublicKey> keys_;
};

// kVerificationFailed "key-not-in-force".
Result<void> check_in_force(const KeyClaims& claims, UnixMillis now_ms);

}  // namespace mifeng::messages
