// The messages between a guard and the platform (spec/grant.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/sha256.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/messages/tools.h"

namespace mifeng::messages {

struct GrantRequest {
  std::string deployment;
  std::string unit;  // its name, as the engine gave it
  std::optional<std::string> pod_uid;
  std::optional<SecretBytes> token;
  std::string nonce;
  crypto::Sm2PublicKey receive_key;
  crypto::Sm2PublicKey signing_key;
  crypto::Sm3Digest payload_header_sm3;
  std::string guard_version;
};

struct Grant {
  std::string deployment;
  std::string instance_id;
  std::string vendor;
  std::string model;
  std::string version;
  crypto::Sm2PublicKey vendor_key;
  Secret<16> payload_root_key;
  std::uint64_t segments_size =
      0;  // of the file that follows the payload's header: what was submitted, and nothing else
  crypto::Sha256Digest segments_sha256{};
  crypto::Sm2PublicKey output_key;
  KeyStatement output_key_statement;
  KeyStatements identity_chain;
  UnixMillis platform_time_ms = 0;
  std::int64_t lease_ms = 0;
  std::int64_t renew_ms = 0;
  bool listed = false;
  UnixMillis gateways_confirm_by_ms = 0;
};

struct EventCount {
  std::string event_class;
  std::uint64_t count = 0;
};

struct Renewal {
  std::string deployment;
  std::string instance_id;
  std::uint64_t counter = 0;  // from 1, rises
  crypto::Sm2PublicKey receive_key;
  std::vector<EventCount> events;
  std::uint64_t calls = 0;
  // The model is to start once more, for the so-many-th time (2 to kModelStartsMax): the unit is to be proved anew.
  std::optional<std::uint32_t> start{};
  std::optional<SecretBytes> token{};  // only with `start`: by which the unit proves itself anew
};
inline constexpr std::uint32_t kModelStartsMax = 1'000'000'000;

enum class RenewedStatus { kRenewed, kUnknown, kRevoked };

struct Renewed {
  RenewedStatus status = RenewedStatus::kUnknown;
  KeyStatements identity_chain;
  // Only with kRenewed.
  struct Terms {
    crypto::Sm2PublicKey output_key;
    KeyStatement output_key_statement;
    UnixMillis platform_time_ms = 0;
    std::int64_t lease_ms = 0;
    std::int64_t renew_ms = 0;
    bool listed = false;
    std::optional<std::uint32_t> start{};  // that of the renewal, where the model may start
  };
  std::optional<Terms> terms;
};

// --- Plaintexts. decode_...() refuses what spec/grant.md refuses: kInvalidArgument "bad-message". ---
SecretBytes encode_grant_request(const GrantRequest& message);
SecretBytes encode_grant(const Grant& message);
SecretBytes encode_renewal(const Renewal& message);
SecretBytes encode_renewed(const Renewed& message);
Result<GrantRequest> decode_grant_request(ByteView json);
Result<Grant> decode_grant(ByteView json);
Result<Renewal> decode_renewal(ByteView json);
Result<Renewed> decode_renewed(ByteView json);

// --- Guard to platform. ---
// What a guard that proves itself by a token prints on a line of its own before it sends `stream`: "mifeng-request "
// and the stream's SM3 in hex.
std::string request_line(ByteView stream);
Result<Bytes> seal_grant_request(const GrantRequest& message, const crypto::Sm2PublicKey& delivery_key,
                                 const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools);
// Verifies that the key which the request introduces signed it, and that its two keys differ ("bad-signature").
Result<GrantRequest> open_grant_request(ByteView stream, std::string_view deployment, std::string_view nonce,
                                        const crypto::Sm2PrivateKey& delivery_key, const SealingTools& tools);

Result<Bytes> seal_renewal(const Renewal& message, std::string_view nonce, const crypto::Sm2PublicKey& delivery_key,
                           const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools);
// `instance_key` is the signing key recorded for the instance that parties_of().signer names. Where no instance has
// that key pass none: nothing but `receive_key` may then be used, to seal the answer `unknown`.
Result<Renewal> open_renewal(ByteView stream, std::string_view deployment, std::string_view nonce,
                             const crypto::Sm2PrivateKey& delivery_key, const crypto::Sm2PublicKey* instance_key,
                             const SealingTools& tools);

// --- Platform to guard. `nonce` is that of the request or renewal. ---
Result<Bytes> seal_grant(const Grant& message, std::string_view nonce, const crypto::Sm2PublicKey& receive_key,
                         const crypto::Sm2PrivateKey& identity_key, const SealingTools& tools);
// Checks chain, signature, output key and its statement. `card_identity` is the identity key on the receiver's card.
Result<Grant> open_grant(ByteView stream, std::string_view deployment, std::string_view nonce,
                         const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                         const SealingTools& tools);

Result<Bytes> seal_renewed(const Renewed& message, std::string_view deployment, std::string_view nonce,
                           const crypto::Sm2PublicKey& receive_key, const crypto::Sm2PrivateKey& identity_key,
                           const SealingTools& tools);
Result<Renewed> open_renewed(ByteView stream, std::string_view deployment, std::string_view nonce,
                             const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                             const SealingTools& tools);

}  // namespace mifeng::messages
