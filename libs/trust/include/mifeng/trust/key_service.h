// The platform's own keys: identity, delivery, output; the platform card; rotation.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/subscribers.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {

class KeyRing;

using messages::KeyPurpose;
Result<KeyPurpose> parse_key_purpose(std::string_view text);
enum class KeyState { kFuture, kInForce, kRetired, kDestroyed };
std::string_view to_string(KeyState state);  // "future", "in-force", "retired", "destroyed"

MIFENG_LISTED(KeyInfo,
              text(id),  // key id, 16 hex digits
              word(KeyPurpose, purpose), word(KeyState, state), number(serial), text(public_key_pem), text(fingerprint),
              text(statement_base64),  // exact bytes that were signed; empty for the first identity key
              text(signature_base64),
              text(signed_by),  // key id of the identity key
              number(not_before_ms), number(not_after_ms), number(destroyed_ms));

class KeyService {
 public:
  // `changed`: is told of each change that gateways have to know.
  KeyService(const Context& context, KeyRing& keys, Subscribers& changed)
      : context_(context), keys_(keys), changed_(changed), started_ms_(context.clock.now_ms()) {}

  // Makes what is missing of the three key pairs. Loads the rest: every private key is unwrapped and its public key
  // computed again; kVerificationFailed "wrapped-key-does-not-fit" for a row that was changed or moved, or another
  // master key.
  Result<void> load_or_create();

  // spec/platform-card.md: the file's exact text. kReadCard.
  Result<std::string> card(const Actor& actor);
  Result<std::string> identity_fingerprint(const Actor& actor);

  Result<std::vector<KeyInfo>> list(const Actor& actor);
  // identity: in force at once, signed by the old one. delivery: in force at once, the old one is kept while an
  // accepted version needs it. output: in force one snapshot lifetime from now, when every gateway that may still serve
  // has it; or at once, for an emergency: the one that was on its way is never used then, and a gateway that has not
  // heard of the new one answers 502 until it has. kInvalidArgument "not-at-once" for the other two.
  enum class Effect { kOnceKnown, kAtOnce };
  Result<KeyInfo> rotate(const Actor& actor, KeyPurpose purpose, Effect effect = Effect::kOnceKnown);
  // Rotates an output key that is about to end, destroys what is due. Called by the housekeeping; returns how many keys
  // were made or destroyed.
  Result<int> housekeep();

 private:
  Result<void> remove_traces();  // of destroyed keys, in the database's log

  const Context& context_;
  KeyRing& keys_;
  Subscribers& changed_;
  const UnixMillis started_ms_;
};

}  // namespace mifeng::trust
