#include "mifeng/trust/key_service.h"

#include "mifeng/messages/card.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"

namespace mifeng::trust {
namespace {

constexpr UnixMillis kYear = 365LL * 24 * 3600 * 1000;

KeyState state_of(const store::KeyRow& row, const store::KeyRow* successor, UnixMillis now_ms) {
  if (row.destroyed_ms != 0) return KeyState::kDestroyed;
  if (row.not_before_ms > now_ms) return KeyState::kFuture;
  if (successor != nullptr && successor->not_before_ms <= now_ms) return KeyState::kRetired;
  return KeyState::kInForce;
}

}  // namespace

Result<KeyPurpose> parse_key_purpose(std::string_view text) {
  for (const auto purpose : {KeyPurpose::kIdentity, KeyPurpose::kDelivery, KeyPurpose::kOutput})
    if (to_string(purpose) == text) return purpose;
  return Error(ErrorCode::kInvalidArgument, "unknown-key-purpose", "A key is for identity, delivery or output.");
}

std::string_view to_string(KeyState state) {
  switch (state) {
    case KeyState::kFuture: return "future";
    case KeyState::kInForce: return "in-force";
    case KeyState::kRetired: return "retired";
    case KeyState::kDestroyed: return "destroyed";
  }
  return "";
}

Result<void> KeyService::load_or_create() {
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    const UnixMillis now = context_.clock.now_ms();
    MIFENG_CHECK(keys_.load(tx));
    const auto missing = [&](KeyPurpose purpose) {
      const auto set = keys_.get();
      return purpose == KeyPurpose::kIdentity   ? set->identity.empty()
             : purpose == KeyPurpose::kDelivery ? set->delivery.empty()
                                                : set->output.empty();
    };
    if (missing(KeyPurpose::kIdentity)) {
      if (!missing(KeyPurpose::kDelivery) || !missing(KeyPurpose::kOutput))
        return Error(ErrorCode::kVerificationFailed, "identity-key-missing",
                     "The identity key is gone from the database while others are there. Restore a backup.");
      MIFENG_TRY(const auto row, keys_.make(tx, KeyPurpose::kIdentity, now, now + 20 * kYear, nullptr));
      MIFENG_CHECK(context_.audit.append(tx, Actor::system(), "key.create", "identity " + row.id));
      MIFENG_CHECK(keys_.load(tx));
    }
    if (missing(KeyPurpose::kDelivery)) {
      MIFENG_TRY(const auto row, keys_.make(tx, KeyPurpose::kDelivery, now, now + 10 * kYear, keys_.get().get()));
      MIFENG_CHECK(context_.audit.append(tx, Actor::system(), "key.create", "delivery " + row.id));
    }
    if (missing(KeyPurpose::kOutput)) {
      MIFENG_TRY(const auto row, keys_.make_output(tx, context_.audit, now, *keys_.get()));
      MIFENG_CHECK(context_.audit.append(tx, Actor::system(), "key.create", "output " + row.id));
    }
    return keys_.load(tx);
  });
}

Result<std::string> KeyService::card(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadCard));
  return messages::encode_card(keys_.card());
}

Result<std::string> KeyService::identity_fingerprint(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadCard));
  return keys_.get()->identity.back().public_key.fingerprint();
}

Result<std::vector<KeyInfo>> KeyService::list(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadKeys));
  const auto set = keys_.get();
  const UnixMillis now = context_.clock.now_ms();
  std::vector<KeyInfo> infos;
  const std::pair<KeyPurpose, const std::vector<LoadedKey>*> all[] = {{KeyPurpose::kIdentity, &set->identity},
                                                                      {KeyPurpose::kDelivery, &set->delivery},
                                                                      {KeyPurpose::kOutput, &set->output}};
  for (const auto& [purpose, keys] : all)
    for (std::size_t i = 0; i < keys->size(); ++i) {
      const LoadedKey& key = (*keys)[i];
      auto info =
          made_of<KeyInfo, "purpose", "state", "public_key_pem", "fingerprint", "statement_base64", "signature_base64">(
              key.row);
      info.purpose = purpose;
      info.state = state_of(key.row, i + 1 < keys->size() ? &(*keys)[i + 1].row : nullptr, now);
      MIFENG_TRY(info.public_key_pem, key.public_key.to_pem());
      info.fingerprint = key.public_key.fingerprint();
      info.statement_base64 = key.row.statement;
      info.signature_base64 = key.row.signature;
      infos.push_back(std::move(info));
    }
  return infos;
}

Result<KeyInfo> KeyService::rotate(const Actor& actor, KeyPurpose purpose, Effect effect) {
  MIFENG_CHECK(require(actor, Permission::kManageKeys));
  if (effect == Effect::kAtOnce && purpose != KeyPurpose::kOutput)
    return Error(ErrorCode::kInvalidArgument, "not-at-once",
                 "now: for output keys alone; a new identity or delivery key is in force at once anyway.");
  auto made = context_.db.write([&](store::Transaction& tx) -> Result<std::string> {
    const UnixMillis now = context_.clock.now_ms();
    const auto set = keys_.get();
    store::KeyRow row;
    switch (purpose) {
      case KeyPurpose::kIdentity: {
        if (set->identity.size() > messages::kIdentityChainMax)
          return Error(ErrorCode::kResourceExhausted, "chain-too-long",
                       "The identity key was changed 32 times; more than that no receiver follows.");
        MIFENG_TRY(row, keys_.make(tx, purpose, now, now + 20 * kYear, set.get()));
        MIFENG_CHECK(keys_.load(tx));
        const auto renewed = keys_.get();
        for (const auto* keys : {&renewed->delivery, &renewed->output})
          for (const LoadedKey& key : *keys)
            if (key.private_key) MIFENG_CHECK(keys_.restate(tx, key, *renewed));
        break;
      }
      case KeyPurpose::kDelivery: {
        MIFENG_TRY(row, keys_.make(tx, purpose, now, now + 10 * kYear, set.get()));
        break;
      }
      case KeyPurpose::kOutput: {
        const UnixMillis after = effect == Effect::kAtOnce ? 0 : keys_.options().snapshot_lifetime_ms;
        MIFENG_TRY(row, keys_.make_output(tx, context_.audit, now + after, *set));
        break;
      }
    }
    MIFENG_CHECK(context_.audit.append(tx, actor, "key.rotate", std::string(to_string(purpose)) + " " + row.id,
                                       effect == Effect::kAtOnce ? "at once" : ""));
    MIFENG_TRY(const auto change, store::next_change(tx));
    (void)change;
    MIFENG_CHECK(keys_.load(tx));
    return row.id;
  });
  if (!made) {
    // What was loaded inside the transaction may never have been stored.
    MIFENG_CHECK(context_.db.read([&](store::Transaction& tx) { return keys_.load(tx); }));
    return std::move(made).error();
  }
  changed_.notify();
  Actor reader = Actor::system();
  MIFENG_TRY(auto infos, list(reader));
  for (KeyInfo& info : infos)
    if (info.id == *made) return std::move(info);
  return not_found("key", *made);
}

// Somebody may be reading just now: then the next housekeeping tries again.
Result<void> KeyService::remove_traces() {
  if (!keys_.take_traces()) return ok();
  const auto emptied = context_.db.empty_log();
  if (emptied && *emptied) return ok();
  keys_.leave_traces();
  if (!emptied && emptied.error().reason() != "database-busy") return emptied.error();
  return ok();
}

Result<int> KeyService::housekeep() {
  MIFENG_CHECK(remove_traces());
  const auto set = keys_.get();
  const UnixMillis now = context_.clock.now_ms();
  const KeyOptions& options = keys_.options();
  const store::KeyRow& newest = set->output.back().row;
  const bool make_next = newest.not_before_ms + options.output_key_lifetime_ms - options.snapshot_lifetime_ms <= now;
  std::vector<store::KeyRow> due;
  // In the first lease period after our start guards may still be sealing to a key that nobody could renew meanwhile.
  if (now >= started_ms_ + options.lease_ms)
    for (std::size_t i = 0; i + 1 < set->output.size(); ++i)
      if (set->output[i].private_key && set->output[i + 1].row.not_before_ms + keys_.output_overlap_ms() <= now)
        due.push_back(set->output[i].row);
  std::vector<std::pair<store::KeyRow, UnixMillis>> delivery_candidates;  // and when the next one began
  for (std::size_t i = 0; i + 1 < set->delivery.size(); ++i)
    if (set->delivery[i].private_key && set->delivery[i + 1].row.not_before_ms + options.delivery_key_grace_ms <= now)
      delivery_candidates.emplace_back(set->delivery[i].row, set->delivery[i + 1].row.not_before_ms);
  if (!make_next && due.empty() && delivery_candidates.empty()) return 0;
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<int> {
    int changed = 0;
    if (make_next) {
      const UnixMillis begin =
          std::max(now + options.snapshot_lifetime_ms, newest.not_before_ms + options.output_key_lifetime_ms);
      MIFENG_TRY(const auto row, keys_.make_output(tx, context_.audit, begin, *set));
      MIFENG_CHECK(context_.audit.append(tx, Actor::system(), "key.create", "output " + row.id));
      ++changed;
    }
    for (const auto& [row, until] : delivery_candidates) {
      MIFENG_TRY(const auto versions, store::models_sealed_to(tx, row.id));
      // A gateway seals its reports to the key on the card that it was invited with.
      MIFENG_TRY(const auto gateways, store::gateways_invited_before(tx, until));
      if (versions == 0 && gateways == 0) due.push_back(row);
    }
    for (store::KeyRow& row : due) {
      MIFENG_CHECK(keys_.destroy(tx, context_.audit, std::move(row)));
      ++changed;
    }
    if (changed != 0) {
      MIFENG_TRY(const auto change, store::next_change(tx));
      (void)change;
    }
    return changed;
  });
  if (!done) return std::move(done).error();
  MIFENG_CHECK(context_.db.read([&](store::Transaction& tx) { return keys_.load(tx); }));
  if (*done != 0) changed_.notify();
  MIFENG_CHECK(remove_traces());
  return *done;
}

}  // namespace mifeng::trust
