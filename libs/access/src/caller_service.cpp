#include "mifeng/access/caller_service.h"

#include "mifeng/access/context.h"
#include "mifeng/access/instances.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/base/bounds.h"
#include "mifeng/people/password.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"

namespace mifeng::access {
namespace {

Result<Caller> caller_of(store::Transaction& tx, const store::CallerRow& row) {
  auto caller = made_of<Caller, "keys", "etag">(row);
  MIFENG_TRY(const auto keys, store::keys_of_caller(tx, row.id));
  for (const auto& key : keys) caller.keys.push_back(made_of<CallerKey>(key));
  caller.etag = trust::version_of(row);
  return caller;
}

Result<void> check_key(const KeyWish& key) {
  MIFENG_CHECK(trust::check_text("key name", key.name, bounds::kCallerNameMax));
  constexpr std::int64_t kDay = 24LL * 3600 * 1000;
  if (key.lifetime_ms >= 0 && key.lifetime_ms <= bounds::kCallerKeyDaysMax * kDay) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-lifetime",
               "lifetime_ms: 0 for a key that does not end by itself, or at most " +
                   std::to_string(bounds::kCallerKeyDaysMax) + " days.");
}

Result<store::CallerRow> caller_to_change(store::Transaction& tx, const trust::Actor& actor, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::CallerRow>(tx, id));
  if (!row) return trust::not_found("caller", id);
  MIFENG_CHECK(trust::expect(actor, *row));
  return std::move(*row);
}

// The caller's keys are others now.
Result<void> note_keys(const Context& context, store::Transaction& tx, store::CallerRow& row) {
  row.key_changed_ms = context.clock.now_ms();
  ++row.key_changes;
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(store::next_change(tx));
  return ok();
}

Result<NewCaller> make_key(const Context& context, store::Transaction& tx, store::CallerRow& row, const KeyWish& wish) {
  NewCaller made;
  made.key = people::random_bearer(context.random, "mfk_");
  const UnixMillis now = context.clock.now_ms();
  const store::CallerKeyRow key{.id = trust::new_id(context.random, "ck-"),
                                .caller_id = row.id,
                                .name = wish.name,
                                .key_sm3 = trust::sm3_hex(made.key),
                                .created_ms = now,
                                .expires_ms = wish.lifetime_ms == 0 ? 0 : now + wish.lifetime_ms};
  MIFENG_CHECK(store::insert(tx, key));
  MIFENG_CHECK(note_keys(context, tx, row));
  made.key_id = key.id;
  MIFENG_TRY(made.caller, caller_of(tx, row));
  return made;
}

}  // namespace

Result<NewCaller> CallerService::create(const trust::Actor& actor, const std::string& name, const KeyWish& key) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  MIFENG_CHECK(trust::check_text("name", name, bounds::kCallerNameMax));
  MIFENG_CHECK(check_key(key));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<NewCaller> {
    MIFENG_TRY(auto there, store::caller_by_name(tx, name));
    if (there) return Error(ErrorCode::kConflict, "caller-exists", "There is a caller \"" + name + "\" already.");
    store::CallerRow row;
    row.id = trust::new_id(context_.random, "ca-");
    row.name = name;
    row.enabled = 1;
    row.created_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.create", row.id, name));
    return make_key(context_, tx, row, key);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<NewCaller> CallerService::add_key(const trust::Actor& actor, const std::string& id, const KeyWish& key) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  MIFENG_CHECK(check_key(key));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<NewCaller> {
    MIFENG_TRY(auto row, caller_to_change(tx, actor, id));
    MIFENG_TRY(const auto keys, store::keys_of_caller(tx, id));
    if (keys.size() >= bounds::kCallerKeysMax)
      return Error(ErrorCode::kResourceExhausted, "too-many-caller-keys",
                   "The caller " + row.name + " has " + std::to_string(keys.size()) + " keys. End one first.");
    for (const auto& one : keys)
      if (one.name == key.name)
        return Error(ErrorCode::kConflict, "caller-key-exists",
                     "The caller " + row.name + " has a key \"" + key.name + "\" already. Call the new one otherwise.");
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.add-key", id, key.name));
    return make_key(context_, tx, row, key);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Caller> CallerService::end_key(const trust::Actor& actor, const std::string& id, const std::string& key_id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Caller> {
    MIFENG_TRY(auto row, caller_to_change(tx, actor, id));
    MIFENG_TRY(const auto key, store::find<store::CallerKeyRow>(tx, key_id));
    if (!key || key->caller_id != id) return trust::not_found("key of this caller", key_id);
    MIFENG_CHECK(store::erase<store::CallerKeyRow>(tx, key_id));
    MIFENG_CHECK(note_keys(context_, tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.end-key", id, key->name));
    return caller_of(tx, row);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<NewCaller> CallerService::new_key(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<NewCaller> {
    MIFENG_TRY(auto row, caller_to_change(tx, actor, id));
    MIFENG_TRY(const auto keys, store::keys_of_caller(tx, id));
    for (const auto& key : keys) MIFENG_CHECK(store::erase<store::CallerKeyRow>(tx, key.id));
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.new-key", id));
    return make_key(context_, tx, row, {});
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<int> CallerService::end_expired_keys() {
  const UnixMillis now = context_.clock.now_ms();
  // Nearly always there is nothing to write.
  MIFENG_TRY(const auto over,
             context_.db.read([&](store::Transaction& tx) { return store::caller_keys_ended_by(tx, now); }));
  if (over.empty()) return 0;
  MIFENG_TRY(const int ended, context_.db.write([&](store::Transaction& tx) -> Result<int> {
    MIFENG_TRY(const auto keys, store::caller_keys_ended_by(tx, now));
    for (const auto& key : keys) {
      MIFENG_TRY(auto row, store::find<store::CallerRow>(tx, key.caller_id));
      MIFENG_CHECK(store::erase<store::CallerKeyRow>(tx, key.id));
      if (row) MIFENG_CHECK(note_keys(context_, tx, *row));
      MIFENG_CHECK(context_.audit.append(tx, trust::Actor::system(), "caller.key-expired", key.caller_id, key.name));
    }
    return static_cast<int>(keys.size());
  }));
  context_.snapshots_changed.notify();
  return ended;
}

Result<Caller> CallerService::set_enabled(const trust::Actor& actor, const std::string& id, bool enabled) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Caller> {
    MIFENG_TRY(auto row, caller_to_change(tx, actor, id));
    row.enabled = enabled ? 1 : 0;
    MIFENG_CHECK(store::update(tx, row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, enabled ? "caller.enable" : "caller.disable", id));
    return caller_of(tx, row);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Caller> CallerService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadCallers));
  return context_.db.read([&](store::Transaction& tx) -> Result<Caller> {
    MIFENG_TRY(const auto row, store::find<store::CallerRow>(tx, id));
    if (!row) return trust::not_found("caller", id);
    return caller_of(tx, *row);
  });
}

Result<trust::Page<Caller>> CallerService::list(const trust::Actor& actor, const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadCallers));
  MIFENG_TRY(const auto window, trust::window_of(page));
  return context_.db.read([&](store::Transaction& tx) -> Result<trust::Page<Caller>> {
    MIFENG_TRY(const auto slice, store::caller_slice(tx, window));
    trust::Page<Caller> callers;
    callers.total = slice.total;
    for (const auto& row : slice.rows) {
      MIFENG_TRY(auto caller, caller_of(tx, row));
      callers.items.push_back(std::move(caller));
    }
    return callers;
  });
}

Result<void> CallerService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(caller_to_change(tx, actor, id));
    MIFENG_CHECK(store::erase<store::CallerRow>(tx, id));
    MIFENG_TRY(auto routes, store::all<store::RouteRow>(tx));
    for (store::RouteRow& row : routes) {
      MIFENG_TRY(Route route, route_of(row));
      if (std::erase(route.callers, id) == 0) continue;
      // An empty list means every caller; nobody meant that.
      if (route.callers.empty()) route.enabled = false;
      MIFENG_TRY(auto changed, row_of(route));
      changed.changed_ms = context_.clock.now_ms();
      MIFENG_CHECK(store::update(tx, changed));
    }
    MIFENG_CHECK(store::next_change(tx));
    return context_.audit.append(tx, actor, "caller.remove", id);
  });
  if (done) tell_gateways(context_);
  return done;
}

}  // namespace mifeng::access
