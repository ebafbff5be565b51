// The platform's private keys while it runs: loaded from their wrapped rows, handed out as one immutable set.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/platform/key_service.h"
#include "mifeng/store/grants.h"

namespace mifeng::platform {

struct Core;

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
  // Of the card that a package was made for. An identity key that is not named, or not known, is the first, on which
  // all later ones rest; nullptr for a delivery key that is not known.
  const LoadedKey& identity_of_card(const std::string& key_id) const;
  const LoadedKey* delivery_of_card(const std::string& key_id) const;
  // The newest whose time has begun.
  const LoadedKey& output_in_force(UnixMillis now_ms) const;
};

class KeyRing {
 public:
  explicit KeyRing(Core& core) : core_(core) {}
  // Reads and unwraps every key in `tx`, and makes it the set from now on.
  Result<void> load(store::Transaction& tx);
  // shared_ptr: the set outlives a rotation for those who still use it.
  std::shared_ptr<const KeySet> get() const;

  // A new key pair of this purpose, wrapped, stated by the identity key in force (none: it is the first identity key).
  Result<store::KeyRow> make(store::Transaction& tx, KeyPurpose purpose, UnixMillis not_before_ms,
                             UnixMillis not_after_ms, const KeySet* signers);
  // The same key under a new statement: what stands under the former identity key is stated again by the new one.
  Result<void> restate(store::Transaction& tx, const LoadedKey& key, const KeySet& signers);

 private:
  Core& core_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeySet> set_;
};

std::string key_id_hex(const crypto::Sm2PublicKey& key);
std::string point_base64(const crypto::Sm2PublicKey& key);
Result<crypto::Sm2PublicKey> key_from_base64(const std::string& text);

}  // namespace mifeng::platform
