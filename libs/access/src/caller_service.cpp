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

Caller caller_of(const store::CallerRow& row) {
  auto caller = made_of<Caller, "etag">(row);
  caller.etag = trust::version_of(row);
  return caller;
}

}  // namespace

Result<NewCaller> CallerService::create(const trust::Actor& actor, const std::string& name) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  MIFENG_CHECK(trust::check_text("name", name, bounds::kCallerNameMax));
  NewCaller made;
  made.key = people::random_bearer(context_.random, "mfk_");
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<NewCaller> {
    MIFENG_TRY(auto there, store::caller_by_name(tx, name));
    if (there) return Error(ErrorCode::kConflict, "caller-exists", "There is a caller \"" + name + "\" already.");
    store::CallerRow row;
    row.id = trust::new_id(context_.random, "ca-");
    row.name = name;
    row.key_sm3 = trust::sm3_hex(made.key);
    row.enabled = 1;
    row.created_ms = row.key_changed_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.create", row.id, name));
    made.caller = caller_of(row);
    return std::move(made);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<NewCaller> CallerService::new_key(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  NewCaller made;
  made.key = people::random_bearer(context_.random, "mfk_");
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<NewCaller> {
    MIFENG_TRY(auto row, store::find<store::CallerRow>(tx, id));
    if (!row) return trust::not_found("caller", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    row->key_sm3 = trust::sm3_hex(made.key);
    row->key_changed_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "caller.new-key", id));
    made.caller = caller_of(*row);
    return std::move(made);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Caller> CallerService::set_enabled(const trust::Actor& actor, const std::string& id, bool enabled) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Caller> {
    MIFENG_TRY(auto row, store::find<store::CallerRow>(tx, id));
    if (!row) return trust::not_found("caller", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    row->enabled = enabled ? 1 : 0;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, enabled ? "caller.enable" : "caller.disable", id));
    return caller_of(*row);
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Caller> CallerService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadCallers));
  MIFENG_TRY(auto row, context_.db.read([&](store::Transaction& tx) { return store::find<store::CallerRow>(tx, id); }));
  if (!row) return trust::not_found("caller", id);
  return caller_of(*row);
}

Result<trust::Page<Caller>> CallerService::list(const trust::Actor& actor, const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadCallers));
  MIFENG_TRY(const auto window, trust::window_of(page));
  MIFENG_TRY(auto slice, context_.db.read([&](store::Transaction& tx) { return store::caller_slice(tx, window); }));
  return trust::page_of<Caller>(std::move(slice), caller_of);
}

Result<void> CallerService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageCallers));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto there, store::find<store::CallerRow>(tx, id));
    if (!there) return trust::not_found("caller", id);
    MIFENG_CHECK(trust::expect(actor, *there));
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
