#include "mifeng/people/people_service.h"

#include <algorithm>

#include "mifeng/store/models.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "people_rows.h"

namespace mifeng::people {
namespace {

Result<void> check_person_name(const std::string& name) {
  // The audit log says who did it by name: the platform itself, the local socket's administrator, and a crowd.
  const bool reserved = name == "system" || name == "local" || name == "strangers";
  const bool good = !name.empty() && name.size() <= 64 && !reserved &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._@-") == std::string::npos;
  if (good) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-name",
               "name: 1 to 64 of a-z, 0-9 and . _ @ -, and none of \"system\", \"local\" and \"strangers\".");
}

Result<void> check_input(store::Transaction& tx, const PersonInput& input) {
  MIFENG_CHECK(trust::check_text("display_name", input.display_name, 200, true));
  if (input.roles.empty()) return Error(ErrorCode::kInvalidArgument, "bad-roles", "roles: name at least one.");
  const bool is_vendor = std::find(input.roles.begin(), input.roles.end(), trust::Role::kVendor) != input.roles.end();
  if (is_vendor == input.vendor_id.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-roles", "vendor_id: needed with the role vendor, and only with it.");
  if (is_vendor) {
    MIFENG_TRY(auto vendor, store::find<store::VendorRow>(tx, input.vendor_id));
    if (!vendor) return trust::not_found("vendor", input.vendor_id);
  }
  return ok();
}

bool has_administrator(const std::vector<trust::Role>& roles) {
  return std::ranges::find(roles, trust::Role::kAdministrator) != roles.end();
}

// What would outlive the token: a person who may do everything.
Result<void> check_by_session(const trust::Actor& actor, bool makes_administrator) {
  if (!makes_administrator || actor.token_id.empty()) return ok();
  return Error(ErrorCode::kPermissionDenied, "token-cannot-make-administrator",
               "Nobody becomes an administrator by an API token. Sign in with your password.");
}

Result<void> keep_an_administrator(store::Transaction& tx) {
  MIFENG_TRY(const auto left, store::enabled_administrators(tx));
  if (left > 0) return ok();
  return Error(ErrorCode::kConflict, "last-administrator",
               "This is the last enabled administrator. Make another one first.");
}

}  // namespace

PeopleService::PeopleService(const trust::Context& context, PeopleOptions options)
    : context_(context),
      state_(new State{.hasher = {options.parallel_hashes, options.rounds},
                       .token_lifetime_max_ms = options.token_lifetime_max_ms}) {}
PeopleService::~PeopleService() = default;

Result<std::optional<NewPassword>> PeopleService::ensure_administrator() {
  MIFENG_TRY(const auto people,
             context_.db.read([](store::Transaction& tx) { return store::count_rows(tx, "people", "", {}); }));
  if (people != 0) return std::optional<NewPassword>{};
  PersonInput input;
  input.name = "admin";
  input.display_name = "Administrator";
  input.roles = {trust::Role::kAdministrator};
  MIFENG_TRY(auto made, create(trust::Actor::system(), input));
  return std::optional<NewPassword>(std::move(made));
}

Result<NewPassword> PeopleService::create(const trust::Actor& actor, const PersonInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  MIFENG_CHECK(check_person_name(input.name));
  MIFENG_CHECK(check_by_session(actor, has_administrator(input.roles)));
  NewPassword made;
  made.password = random_password(context_.random);
  MIFENG_TRY(const PasswordHash hash, state_->hasher.make(made.password, context_.random));
  return context_.db.write([&](store::Transaction& tx) -> Result<NewPassword> {
    MIFENG_CHECK(check_input(tx, input));
    MIFENG_TRY(auto same, store::person_by_name(tx, input.name));
    if (same)
      return Error(ErrorCode::kConflict, "person-exists", "There is a person called \"" + input.name + "\" already.");
    store::PersonRow row;
    row.id = trust::new_id(context_.random, "pe-");
    row.name = input.name;
    row.display_name = input.display_name;
    row.roles = join_roles(input.roles);
    row.vendor_id = input.vendor_id;
    row.password_salt = hash.salt;
    row.password_hash = hash.hash;
    row.password_rounds = hash.rounds;
    row.enabled = input.enabled ? 1 : 0;
    row.must_change_password = 1;
    row.created_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "person.create", row.name, "roles:" + row.roles));
    made.person = person_of(row);
    return std::move(made);
  });
}

Result<Person> PeopleService::update(const trust::Actor& actor, const std::string& id, const PersonInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  return context_.db.write([&](store::Transaction& tx) -> Result<Person> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return trust::not_found("person", id);
    MIFENG_CHECK(check_input(tx, input));
    // Nor is one let in again that is disabled.
    const bool was_one = row->enabled != 0 && has_administrator(split_roles(row->roles));
    MIFENG_CHECK(check_by_session(actor, !was_one && input.enabled && has_administrator(input.roles)));
    row->display_name = input.display_name;
    row->roles = join_roles(input.roles);
    row->vendor_id = input.vendor_id;
    row->enabled = input.enabled ? 1 : 0;
    MIFENG_CHECK(store::update(tx, *row));
    if (!input.enabled) MIFENG_CHECK(store::erase_sessions(tx, id, ""));
    MIFENG_CHECK(keep_an_administrator(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "person.update", row->name,
                                       "roles:" + row->roles + (input.enabled ? "enabled" : "disabled")));
    return person_of(*row);
  });
}

Result<void> PeopleService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return trust::not_found("person", id);
    MIFENG_CHECK(store::erase<store::PersonRow>(tx, id));
    MIFENG_CHECK(keep_an_administrator(tx));
    return context_.audit.append(tx, actor, "person.remove", row->name);
  });
}

Result<Person> PeopleService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  MIFENG_TRY(auto row, context_.db.read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, id); }));
  if (!row) return trust::not_found("person", id);
  return person_of(*row);
}

Result<trust::Page<Person>> PeopleService::list(const trust::Actor& actor, const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  MIFENG_TRY(const auto window, trust::window_of(page));
  MIFENG_TRY(auto slice, context_.db.read([&](store::Transaction& tx) { return store::people_slice(tx, window); }));
  return trust::page_of<Person>(std::move(slice), person_of);
}

Result<NewPassword> PeopleService::reset_password(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePeople));
  NewPassword made;
  made.password = random_password(context_.random);
  MIFENG_TRY(const PasswordHash hash, state_->hasher.make(made.password, context_.random));
  auto reset = context_.db.write([&](store::Transaction& tx) -> Result<NewPassword> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return trust::not_found("person", id);
    MIFENG_CHECK(check_by_session(actor, has_administrator(split_roles(row->roles))));
    row->password_salt = hash.salt;
    row->password_hash = hash.hash;
    row->password_rounds = hash.rounds;
    row->must_change_password = 1;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(store::erase_sessions(tx, id, ""));
    MIFENG_TRY(const std::string ended, end_tokens(tx, id, {}));
    MIFENG_CHECK(context_.audit.append(tx, actor, "person.reset-password", row->name, ended));
    made.person = person_of(*row);
    return std::move(made);
  });
  // Wherever he has tried the former one: that he has to wait for no more.
  if (reset) state_->limits.forget(reset->person.name);
  return reset;
}

}  // namespace mifeng::people
