#include "mifeng/trust/key_ring.h"

#include <algorithm>

#include "mifeng/messages/gateway.h"
#include "mifeng/store/gateways.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::trust {
namespace {

vault::WrapLabel label_of(const std::string& purpose, const crypto::Sm2PublicKey& key) {
  return {.purpose = purpose, .public_key = Bytes(key.point().begin(), key.point().end())};
}

}  // namespace

std::string key_id_hex(const crypto::Sm2PublicKey& key) { return to_hex(key.key_id()); }
std::string point_base64(const crypto::Sm2PublicKey& key) { return to_base64(key.point()); }
Result<crypto::Sm2PublicKey> key_from_base64(const std::string& text) {
  MIFENG_TRY(const Bytes point, from_base64(text));
  return crypto::Sm2PublicKey::from_point(point);
}

messages::KeyStatement LoadedKey::statement() const {
  // They were checked when the row was loaded.
  return {.statement = from_base64(row.statement).value_or(Bytes{}),
          .signature = from_base64(row.signature).value_or(Bytes{})};
}

messages::KeyStatements KeySet::identity_chain() const {
  messages::KeyStatements chain;
  for (std::size_t i = 1; i < identity.size(); ++i) chain.push_back(identity[i].statement());
  return chain;
}

const crypto::Sm2PrivateKey* KeySet::delivery_key(const std::string& key_id) const {
  for (const LoadedKey& key : delivery)
    if (key.row.id == key_id && key.private_key) return &*key.private_key;
  return nullptr;
}

const crypto::Sm2PrivateKey* KeySet::reveal_for_trial(const crypto::KeyId& key_id) const {
  for (const LoadedKey& key : output)
    if (key.private_key && key.public_key.key_id() == key_id) return &*key.private_key;
  return nullptr;
}

const LoadedKey& KeySet::identity_of_card(const std::string& key_id) const {
  const auto found =
      std::find_if(identity.begin(), identity.end(), [&](const auto& key) { return key.row.id == key_id; });
  return found == identity.end() ? identity.front() : *found;
}

const LoadedKey* KeySet::delivery_of_card(const std::string& key_id) const {
  const auto found =
      std::find_if(delivery.begin(), delivery.end(), [&](const auto& key) { return key.row.id == key_id; });
  return found == delivery.end() ? nullptr : &*found;
}

const LoadedKey& KeySet::output_in_force(UnixMillis now_ms) const {
  for (auto key = output.rbegin(); key != output.rend(); ++key)
    if (key->private_key && key->row.not_before_ms <= now_ms) return *key;
  // A clock that was set back before every key: the oldest that can still be used.
  for (const LoadedKey& key : output)
    if (key.private_key) return key;
  return output.back();
}

Result<void> KeyRing::load(store::Transaction& tx) {
  auto set = std::make_shared<KeySet>();
  MIFENG_TRY(auto rows, store::keys_by_serial(tx, ""));
  for (store::KeyRow& row : rows) {
    MIFENG_TRY(auto public_key, key_from_base64(row.public_key));
    LoadedKey key{.row = row, .public_key = public_key, .private_key = std::nullopt};
    if (row.destroyed_ms == 0) {
      MIFENG_TRY(const SecretBytes scalar, wrapper_.unwrap(label_of(row.purpose, public_key), row.wrapped));
      MIFENG_TRY(auto private_key, crypto::Sm2PrivateKey::from_scalar(scalar.reveal_for_computing()));
      if (!(private_key.public_key() == public_key) || key_id_hex(public_key) != row.id)
        return Error(ErrorCode::kVerificationFailed, "wrapped-key-does-not-fit",
                     "The stored " + row.purpose + " key " + row.id +
                         " is not the private key of the public key beside it. Restore a backup.");
      key.private_key.emplace(std::move(private_key));
    }
    if (row.purpose == to_string(KeyPurpose::kIdentity)) {
      set->identity.push_back(std::move(key));
    } else if (row.purpose == to_string(KeyPurpose::kDelivery)) {
      set->delivery.push_back(std::move(key));
    } else {
      set->output.push_back(std::move(key));
    }
  }
  if (!set->identity.empty()) {
    // What the database says about keys has to rest on the identity key, as it does for everybody else.
    MIFENG_TRY(const auto chain,
               messages::IdentityChain::verify(set->identity.front().public_key, set->identity_chain()));
    for (const auto* keys : {&set->delivery, &set->output})
      for (const LoadedKey& key : *keys) {
        const bool delivery = keys == &set->delivery;
        MIFENG_TRY(const auto claims,
                   chain.verify_statement(key.statement(), delivery ? KeyPurpose::kDelivery : KeyPurpose::kOutput));
        if (!(claims.key == key.public_key))
          return Error(ErrorCode::kVerificationFailed, "wrapped-key-does-not-fit",
                       "The statement of key " + key.row.id + " is about another key. Restore a backup.");
      }
  }
  std::lock_guard lock(mutex_);
  set_ = std::move(set);
  return ok();
}

std::shared_ptr<const KeySet> KeyRing::get() const {
  std::lock_guard lock(mutex_);
  return set_;
}

Result<store::KeyRow> KeyRing::make(store::Transaction& tx, KeyPurpose purpose, UnixMillis not_before_ms,
                                    UnixMillis not_after_ms, const KeySet* signers) {
  MIFENG_TRY(auto former, store::keys_by_serial(tx, std::string(to_string(purpose))));
  MIFENG_TRY(const auto private_key, crypto::Sm2PrivateKey::generate());
  const crypto::Sm2PublicKey& public_key = private_key.public_key();
  store::KeyRow row;
  row.id = key_id_hex(public_key);
  row.purpose = std::string(to_string(purpose));
  row.serial = former.empty() ? 1 : former.back().serial + 1;
  row.public_key = point_base64(public_key);
  row.not_before_ms = not_before_ms;
  row.not_after_ms = not_after_ms;
  row.created_ms = clock_.now_ms();
  MIFENG_TRY(row.wrapped,
             wrapper_.wrap(label_of(row.purpose, public_key), SecretBytes(private_key.scalar().reveal_for_copying())));
  if (signers != nullptr) {
    const messages::KeyClaims claims{.purpose = purpose,
                                     .key = public_key,
                                     .serial = static_cast<std::uint64_t>(row.serial),
                                     .not_before_ms = not_before_ms,
                                     .not_after_ms = not_after_ms};
    MIFENG_TRY(const auto statement, messages::make_key_statement(claims, signers->identity_key()));
    row.statement = to_base64(statement.statement);
    row.signature = to_base64(statement.signature);
    row.signed_by = signers->identity.back().row.id;
  }
  MIFENG_CHECK(store::insert(tx, row));
  return row;
}

Result<void> KeyRing::destroy(store::Transaction& tx, AuditLog& audit, store::KeyRow row) {
  row.wrapped.clear();
  row.destroyed_ms = clock_.now_ms();
  MIFENG_CHECK(store::update(tx, row));
  if (row.purpose == to_string(KeyPurpose::kOutput)) MIFENG_CHECK(store::forget_snapshots(tx));
  // If the transaction is undone, there is nothing that the log should not have, and emptying it does no harm.
  leave_traces();
  return audit.append(tx, Actor::system(), "key.destroy", row.purpose + " " + row.id);
}

Result<store::KeyRow> KeyRing::make_output(store::Transaction& tx, AuditLog& audit, UnixMillis not_before_ms,
                                           const KeySet& signers) {
  MIFENG_TRY(auto live, store::keys_by_serial(tx, std::string(to_string(KeyPurpose::kOutput))));
  std::erase_if(live, [](const store::KeyRow& row) { return row.destroyed_ms != 0; });
  const UnixMillis now = clock_.now_ms();
  const auto in_force =
      std::find_if(live.rbegin(), live.rend(), [&](const store::KeyRow& row) { return row.not_before_ms <= now; });
  std::size_t count = live.size();
  for (const store::KeyRow& row : live) {
    if (count < messages::kOutputKeysMax) break;
    if (in_force != live.rend() && row.id == in_force->id) continue;
    MIFENG_CHECK(destroy(tx, audit, row));
    --count;
  }
  return make(tx, KeyPurpose::kOutput, not_before_ms,
              not_before_ms + options_.output_key_lifetime_ms + options_.snapshot_lifetime_ms + 2 * output_overlap_ms(),
              &signers);
}

messages::PlatformCard KeyRing::card() const {
  const auto set = get();
  return {.platform = options_.platform,
          .identity = set->identity.back().public_key,
          .delivery = set->delivery_in_force().statement(),
          .output = set->output_in_force(clock_.now_ms()).statement()};
}

Result<void> KeyRing::restate(store::Transaction& tx, const LoadedKey& key, const KeySet& signers) {
  MIFENG_TRY(const auto claims, messages::decode_key_claims(key.statement().statement));
  MIFENG_TRY(const auto statement, messages::make_key_statement(claims, signers.identity_key()));
  store::KeyRow row = key.row;
  row.statement = to_base64(statement.statement);
  row.signature = to_base64(statement.signature);
  row.signed_by = signers.identity.back().row.id;
  MIFENG_CHECK(store::update(tx, row));
  return ok();
}

}  // namespace mifeng::trust
