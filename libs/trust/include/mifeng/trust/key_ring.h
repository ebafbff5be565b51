// The platform's private keys while it runs: loaded from their wrapped rows, handed out as one immutable set.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/card.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_service.h"

namespace mifeng::vault {
class Wrapper;
}

namespace mifeng::trust {

class AuditLog;

struct LoadedKey {
  store::KeyRow row{};
  crypto::Sm2PublicKey public_key;
  std::optional<crypto::Sm2PrivateKey> private_key;  // none once destroyed
  messages::KeyStatement statement() const;
};

// Whoever began with a set ends with it, so a rotation in between changes nothing for him.
struct KeySet {
  std::vector<LoadedKey> identity, delivery, output;  // by rising serial

  const crypto::Sm2PrivateKey& identity_key() const { return *identity.back().private_key; }
  // From the first identity key on, as receivers want it.
  messages::KeyStatements identity_chain() const;
  const LoadedKey& delivery_in_force() const { return delivery.back(); }
  // nullptr where it is unknown or destroyed.
  const crypto::Sm2PrivateKey* delivery_key(const std::string& key_id) const;
  // The output key that a model's answer was sealed to, for opening the answer to a trial (libs/trials) and for nothing
  // else that the platform does; nullptr where it is unknown or destroyed.
  const crypto::Sm2PrivateKey* reveal_for_trial(const crypto::KeyId& key_id) const;
  // Of the card that a package was made for. An identity key that is not named, or not known, is the first, on which
  // all later ones rest; nullptr for a delivery key that is not known.
  const LoadedKey& identity_of_card(const std::string& key_id) const;
  const LoadedKey* delivery_of_card(const std::string& key_id) const;
  // For which a guard's token has to be, where it proves itself by one. It names the first identity key, on which all
  // later ones rest: a rotation must not make another rendering of what runs.
  std::string token_audience() const { return "mifeng/" + identity.front().row.id; }
  // The newest whose time has begun.
  const LoadedKey& output_in_force(UnixMillis now_ms) const;
};

// How long what rests on a key lives, and so how long the key has to.
struct KeyOptions {
  std::string platform;  // its name, on the card
  UnixMillis lease_ms;
  UnixMillis snapshot_lifetime_ms;
  UnixMillis output_key_lifetime_ms;
  UnixMillis delivery_key_grace_ms;  // for packages that were made for a former card
};

class KeyRing {
 public:
  KeyRing(const vault::Wrapper& wrapper, const Clock& clock, KeyOptions options)
      : wrapper_(wrapper), clock_(clock), options_(std::move(options)) {}
  const KeyOptions& options() const { return options_; }
  // Reads and unwraps every key in `tx`, and makes it the set from now on.
  Result<void> load(store::Transaction& tx);
  // shared_ptr: the set outlives a rotation for those who still use it.
  std::shared_ptr<const KeySet> get() const;

  // A new key pair of this purpose, wrapped, stated by the identity key in force (none: it is the first identity key).
  Result<store::KeyRow> make(store::Transaction& tx, KeyPurpose purpose, UnixMillis not_before_ms,
                             UnixMillis not_after_ms, const KeySet* signers);
  // An output key that lives for as long as what it seals may be on its way. Where there are as many as a snapshot
  // holds, the oldest that is not in force goes: answers that are still on their way to it are lost, and gateways take
  // their snapshots.
  Result<store::KeyRow> make_output(store::Transaction& tx, AuditLog& audit, UnixMillis not_before_ms,
                                    const KeySet& signers);
  // The private half of `row`, also where snapshots were kept that hold it.
  Result<void> destroy(store::Transaction& tx, AuditLog& audit, store::KeyRow row);
  // Whether a key was destroyed of which the database's log may still have traces; asked once.
  bool take_traces() { return traces_.exchange(false); }
  void leave_traces() { traces_ = true; }
  // How long an output key may be named and used after its successor has begun: leases run out, then snapshots.
  UnixMillis output_overlap_ms() const { return options_.lease_ms + options_.snapshot_lifetime_ms; }
  // spec/platform-card.md, as of now.
  messages::PlatformCard card() const;
  // The same key under a new statement: what stands under the former identity key is stated again by the new one.
  Result<void> restate(store::Transaction& tx, const LoadedKey& key, const KeySet& signers);

 private:
  const vault::Wrapper& wrapper_;
  const Clock& clock_;
  const KeyOptions options_;
  std::atomic<bool> traces_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> set_;
};

std::string key_id_hex(const crypto::Sm2PublicKey& key);
std::string point_base64(const crypto::Sm2PublicKey& key);
Result<crypto::Sm2PublicKey> key_from_base64(const std::string& text);

}  // namespace mifeng::trust
