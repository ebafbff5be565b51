#include "mifeng/platform/people_service.h"

#include <algorithm>

#include "audit_log.h"
#include "core.h"
#include "mifeng/store/models.h"
#include "mifeng/store/people.h"
#include "password.h"

namespace mifeng::platform {
namespace {

constexpr UnixMillis kMinute = 60'000;
constexpr UnixMillis kLockout = 15 * kMinute;
constexpr int kFailuresBeforeLockout = 5;
constexpr UnixMillis kSessionLifetime = 12 * 60 * kMinute;
constexpr UnixMillis kSessionIdle = 60 * kMinute;
constexpr std::size_t kTokensMax = 50;  // a person's

// " administrator vendor ": a space around each.
std::string join_roles(const std::vector<Role>& roles) {
  std::string out = " ";
  for (const Role role : kAllRoles)
    if (std::find(roles.begin(), roles.end(), role) != roles.end()) out += std::string(to_string(role)) + " ";
  return out;
}
std::vector<Role> split_roles(const std::string& text) {
  std::vector<Role> roles;
  for (const Role role : kAllRoles)
    if (text.find(" " + std::string(to_string(role)) + " ") != std::string::npos) roles.push_back(role);
  return roles;
}

Person person_of(const store::PersonRow& row) {
  Person person;
  person.id = row.id;
  person.name = row.name;
  person.display_name = row.display_name;
  person.roles = split_roles(row.roles);
  person.vendor_id = row.vendor_id;
  person.enabled = row.enabled != 0;
  person.must_change_password = row.must_change_password != 0;
  person.locked_until_ms = row.locked_until_ms;
  person.created_ms = row.created_ms;
  person.last_sign_in_ms = row.last_sign_in_ms;
  return person;
}

ApiToken token_of(const store::TokenRow& row) {
  ApiToken token;
  token.id = row.id;
  token.name = row.name;
  token.person_id = row.person_id;
  token.roles = split_roles(row.roles);
  token.created_ms = row.created_ms;
  token.expires_ms = row.expires_ms;
  token.last_used_ms = row.last_used_ms;
  return token;
}

Error bad_sign_in() {
  return Error(ErrorCode::kUnauthenticated, "bad-sign-in", "Name or password is wrong, or the person is disabled.");
}
Error bad_token() {
  return Error(ErrorCode::kUnauthenticated, "bad-token", "You are not signed in, or your session or token has ended.");
}
Error locked(UnixMillis until_ms) {
  return Error(ErrorCode::kPermissionDenied, "locked",
               "Too many wrong passwords. Wait until " + format_time(until_ms) + ", or ask an administrator.");
}

Result<void> check_person_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 64 && name != "system" &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._@-") == std::string::npos;
  if (good) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-name", "name: 1 to 64 of a-z, 0-9 and . _ @ -, and not \"system\".");
}

Result<void> check_input(store::Transaction& tx, const PersonInput& input) {
  MIFENG_CHECK(check_text("display_name", input.display_name, 200, true));
  if (input.roles.empty()) return Error(ErrorCode::kInvalidArgument, "bad-roles", "roles: name at least one.");
  const bool is_vendor = std::find(input.roles.begin(), input.roles.end(), Role::kVendor) != input.roles.end();
  if (is_vendor == input.vendor_id.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-roles", "vendor_id: needed with the role vendor, and only with it.");
  if (is_vendor) {
    MIFENG_TRY(auto vendor, store::find<store::VendorRow>(tx, input.vendor_id));
    if (!vendor) return not_found("vendor", input.vendor_id);
  }
  return ok();
}

Result<void> keep_an_administrator(store::Transaction& tx) {
  MIFENG_TRY(const auto left, store::enabled_administrators(tx));
  if (left > 0) return ok();
  return Error(ErrorCode::kConflict, "last-administrator",
               "This is the last enabled administrator. Make another one first.");
}

}  // namespace

struct PeopleService::State {
  PasswordHasher hasher;
};

PeopleService::PeopleService(Core& core)
    : core_(core), state_(new State{.hasher = {core.options.parallel_hashes, core.options.password_rounds}}) {}
PeopleService::~PeopleService() = default;

Result<std::optional<NewPassword>> PeopleService::ensure_administrator() {
  MIFENG_TRY(const auto people,
             core_.db->read([](store::Transaction& tx) { return store::count_rows(tx, "people", "", {}); }));
  if (people != 0) return std::optional<NewPassword>{};
  PersonInput input;
  input.name = "admin";
  input.display_name = "Administrator";
  input.roles = {Role::kAdministrator};
  MIFENG_TRY(auto made, create(Actor::system(), input));
  return std::optional<NewPassword>(std::move(made));
}

Result<NewPassword> PeopleService::create(const Actor& actor, const PersonInput& input) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  MIFENG_CHECK(check_person_name(input.name));
  NewPassword made;
  made.password = random_password(core_.random);
  MIFENG_TRY(const PasswordHash hash, state_->hasher.make(made.password, core_.random));
  return core_.db->write([&](store::Transaction& tx) -> Result<NewPassword> {
    MIFENG_CHECK(check_input(tx, input));
    MIFENG_TRY(auto same, store::person_by_name(tx, input.name));
    if (same)
      return Error(ErrorCode::kConflict, "person-exists", "There is a person called \"" + input.name + "\" already.");
    store::PersonRow row;
    row.id = new_id(core_, "pe-");
    row.name = input.name;
    row.display_name = input.display_name;
    row.roles = join_roles(input.roles);
    row.vendor_id = input.vendor_id;
    row.password_salt = hash.salt;
    row.password_hash = hash.hash;
    row.password_rounds = hash.rounds;
    row.enabled = input.enabled ? 1 : 0;
    row.must_change_password = 1;
    row.created_ms = core_.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(audit(core_, tx, actor, "person.create", row.name, "roles:" + row.roles));
    made.person = person_of(row);
    return std::move(made);
  });
}

Result<Session> PeopleService::sign_in(const std::string& name, const std::string& password,
                                       const std::string& address) {
  if (password.size() > 256 || name.size() > 64) return bad_sign_in();
  MIFENG_TRY(auto before, core_.db->read([&](store::Transaction& tx) { return store::person_by_name(tx, name); }));
  PasswordHash hash;
  if (before && before->enabled != 0)
    hash = {.salt = before->password_salt,
            .hash = before->password_hash,
            .rounds = static_cast<int>(before->password_rounds)};
  // Locked people cost nothing, so that an attacker cannot keep the pool busy with them.
  if (before && before->locked_until_ms > core_.clock.now_ms()) return locked(before->locked_until_ms);
  MIFENG_TRY(const bool fits, state_->hasher.matches(password, hash));
  if (!before) {
    audit_refusal(core_, "unknown person", "person.sign-in", address, bad_sign_in());
    return bad_sign_in();
  }
  std::optional<Error> refused;
  auto session = core_.db->write([&](store::Transaction& tx) -> Result<Session> {
    const UnixMillis now = core_.clock.now_ms();
    Session made;
    // Read again: another attempt may have locked it, or the password may have been changed, while we computed.
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, before->id));
    if (!row) return bad_sign_in();
    if (row->locked_until_ms > now) {
      refused = locked(row->locked_until_ms);
      return made;
    }
    if (!fits || row->enabled == 0 || row->password_hash != before->password_hash) {
      ++row->failed_sign_ins;
      if (row->failed_sign_ins >= kFailuresBeforeLockout) {
        row->failed_sign_ins = 0;
        row->locked_until_ms = now + kLockout;
      }
      MIFENG_CHECK(store::update(tx, *row));
      refused = bad_sign_in();
      // Stored although the sign-in is refused: so it is no error of this transaction.
      MIFENG_CHECK(
          core_.audit->append(tx, AuditEvent{.actor = row->name,
                                             .action = "person.sign-in",
                                             .subject = address,
                                             .outcome = row->locked_until_ms > now ? "locked" : "bad-sign-in"}));
      return made;
    }
    row->failed_sign_ins = 0;
    row->locked_until_ms = 0;
    row->last_sign_in_ms = now;
    MIFENG_CHECK(store::update(tx, *row));
    made.token = random_bearer(core_.random, "mfs_");
    made.expires_ms = now + kSessionLifetime;
    made.person = person_of(*row);
    MIFENG_CHECK(store::insert(tx, store::SessionRow{.token_sm3 = sm3_hex(made.token),
                                                     .person_id = row->id,
                                                     .created_ms = now,
                                                     .expires_ms = made.expires_ms,
                                                     .last_used_ms = now}));
    MIFENG_CHECK(
        core_.audit->append(tx, AuditEvent{.actor = row->name, .action = "person.sign-in", .subject = address}));
    return made;
  });
  if (!session) return std::move(session).error();
  if (refused) return *refused;
  return session;
}

Result<Actor> PeopleService::authenticate(const std::string& bearer, const std::string& address) {
  if (bearer.size() < 20 || bearer.size() > 100) return bad_token();
  const std::string sm3 = sm3_hex(bearer);
  const UnixMillis now = core_.clock.now_ms();
  Actor actor;
  actor.address = address;
  bool touch = false;
  auto found = core_.db->read([&](store::Transaction& tx) -> Result<void> {
    std::string person_id;
    std::optional<std::vector<Role>> only;
    if (bearer.starts_with("mft_")) {
      MIFENG_TRY(auto token, store::token_by_sm3(tx, sm3));
      if (!token || (token->expires_ms != 0 && token->expires_ms <= now)) return bad_token();
      person_id = token->person_id;
      only = split_roles(token->roles);
      actor.token_id = token->id;
      touch = token->last_used_ms + kMinute <= now;
    } else {
      MIFENG_TRY(auto session, store::find<store::SessionRow>(tx, sm3));
      if (!session || session->expires_ms <= now || session->last_used_ms + kSessionIdle <= now) return bad_token();
      person_id = session->person_id;
      touch = session->last_used_ms + kMinute <= now;
    }
    MIFENG_TRY(auto person, store::find<store::PersonRow>(tx, person_id));
    if (!person || person->enabled == 0) return bad_token();
    actor.id = person->id;
    actor.name = person->name;
    actor.vendor_id = person->vendor_id;
    actor.must_change_password = person->must_change_password != 0;
    for (const Role role : split_roles(person->roles))
      if (!only || std::find(only->begin(), only->end(), role) != only->end()) actor.roles.push_back(role);
    return ok();
  });
  if (!found) return std::move(found).error();
  if (touch) {
    MIFENG_DO(core_.db->write([&](store::Transaction& tx) -> Result<void> {
      if (actor.token_id.empty()) {
        MIFENG_TRY(auto session, store::find<store::SessionRow>(tx, sm3));
        if (!session) return bad_token();
        session->last_used_ms = now;
        MIFENG_CHECK(store::update(tx, *session));
      } else {
        MIFENG_TRY(auto token, store::find<store::TokenRow>(tx, actor.token_id));
        if (!token) return bad_token();
        token->last_used_ms = now;
        MIFENG_CHECK(store::update(tx, *token));
      }
      return ok();
    }));
  }
  return actor;
}

Result<std::int64_t> PeopleService::end_sessions() {
  const UnixMillis now = core_.clock.now_ms();
  return core_.db->write(
      [&](store::Transaction& tx) { return store::erase_ended_sessions(tx, now, now - kSessionIdle); });
}

Result<void> PeopleService::sign_out(const std::string& bearer) {
  return core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::erase<store::SessionRow>(tx, sm3_hex(bearer)));
    return ok();
  });
}

Result<Person> PeopleService::me(const Actor& actor) {
  MIFENG_TRY(auto row,
             core_.db->read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, actor.id); }));
  if (!row) return bad_token();
  return person_of(*row);
}

Result<void> PeopleService::change_password(const Actor& actor, const std::string& current_bearer,
                                            const std::string& old_password, const std::string& new_password) {
  if (!actor.token_id.empty())
    return Error(ErrorCode::kPermissionDenied, "token-cannot-change-password",
                 "A password is changed while signed in with it, not with an API token.");
  MIFENG_CHECK(check_new_password(new_password, actor.name));
  if (old_password == new_password)
    return Error(ErrorCode::kInvalidArgument, "weak-password", "The new password must be another one.");
  MIFENG_TRY(auto before,
             core_.db->read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, actor.id); }));
  if (!before) return bad_token();
  const UnixMillis now = core_.clock.now_ms();
  if (before->locked_until_ms > now) return locked(before->locked_until_ms);
  MIFENG_TRY(const bool fits,
             state_->hasher.matches(old_password, {.salt = before->password_salt,
                                                   .hash = before->password_hash,
                                                   .rounds = static_cast<int>(before->password_rounds)}));
  PasswordHash hash;
  if (fits) {
    MIFENG_TRY(hash, state_->hasher.make(new_password, core_.random));
  }
  bool refused = false;
  MIFENG_DO(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, actor.id));
    if (!row) return bad_token();
    if (!fits || row->password_hash != before->password_hash) {
      // Guessing here counts like guessing at the door.
      refused = true;
      if (++row->failed_sign_ins >= kFailuresBeforeLockout) {
        row->failed_sign_ins = 0;
        row->locked_until_ms = now + kLockout;
      }
      MIFENG_CHECK(store::update(tx, *row));
      return ok();
    }
    row->password_salt = hash.salt;
    row->password_hash = hash.hash;
    row->password_rounds = hash.rounds;
    row->must_change_password = 0;
    row->failed_sign_ins = 0;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(store::erase_sessions(tx, row->id, sm3_hex(current_bearer)));
    return audit(core_, tx, actor, "person.change-password", row->name);
  }));
  if (refused) return bad_sign_in();
  return ok();
}

Result<Person> PeopleService::update(const Actor& actor, const std::string& id, const PersonInput& input) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  return core_.db->write([&](store::Transaction& tx) -> Result<Person> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return not_found("person", id);
    MIFENG_CHECK(check_input(tx, input));
    row->display_name = input.display_name;
    row->roles = join_roles(input.roles);
    row->vendor_id = input.vendor_id;
    row->enabled = input.enabled ? 1 : 0;
    MIFENG_CHECK(store::update(tx, *row));
    if (!input.enabled) MIFENG_CHECK(store::erase_sessions(tx, id, ""));
    MIFENG_CHECK(keep_an_administrator(tx));
    MIFENG_CHECK(audit(core_, tx, actor, "person.update", row->name,
                       "roles:" + row->roles + (input.enabled ? "enabled" : "disabled")));
    return person_of(*row);
  });
}

Result<void> PeopleService::remove(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  return core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return not_found("person", id);
    MIFENG_CHECK(store::erase<store::PersonRow>(tx, id));
    MIFENG_CHECK(keep_an_administrator(tx));
    return audit(core_, tx, actor, "person.remove", row->name);
  });
}

Result<Person> PeopleService::get(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  MIFENG_TRY(auto row, core_.db->read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, id); }));
  if (!row) return not_found("person", id);
  return person_of(*row);
}

Result<Page<Person>> PeopleService::list(const Actor& actor, const PageRequest& page) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  MIFENG_TRY(const auto window, window_of(page));
  MIFENG_TRY(auto slice, core_.db->read([&](store::Transaction& tx) { return store::people_slice(tx, window); }));
  return page_of<Person>(std::move(slice), person_of);
}

Result<NewPassword> PeopleService::reset_password(const Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, Permission::kManagePeople));
  NewPassword made;
  made.password = random_password(core_.random);
  MIFENG_TRY(const PasswordHash hash, state_->hasher.make(made.password, core_.random));
  return core_.db->write([&](store::Transaction& tx) -> Result<NewPassword> {
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, id));
    if (!row) return not_found("person", id);
    row->password_salt = hash.salt;
    row->password_hash = hash.hash;
    row->password_rounds = hash.rounds;
    row->must_change_password = 1;
    row->failed_sign_ins = 0;
    row->locked_until_ms = 0;
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(store::erase_sessions(tx, id, ""));
    MIFENG_CHECK(audit(core_, tx, actor, "person.reset-password", row->name));
    made.person = person_of(*row);
    return std::move(made);
  });
}

Result<NewApiToken> PeopleService::create_token(const Actor& actor, const std::string& name,
                                                const std::vector<Role>& roles, UnixMillis lifetime_ms) {
  if (!actor.token_id.empty())
    return Error(ErrorCode::kPermissionDenied, "token-cannot-make-token",
                 "An API token cannot make others. Sign in with your password.");
  if (actor.must_change_password) MIFENG_CHECK(require(actor, Permission::kReadCard));  // says what to do first
  MIFENG_CHECK(check_text("name", name, 64));
  if (lifetime_ms < 0 || lifetime_ms > 10LL * 365 * 24 * 60 * kMinute)
    return Error(ErrorCode::kInvalidArgument, "bad-lifetime", "lifetime: 0 (for ever) to ten years.");
  for (const Role role : roles)
    if (!actor.has(role))
      return Error(ErrorCode::kPermissionDenied, "not-your-role",
                   "You cannot give a token the role " + std::string(to_string(role)) + ", which you do not have.");
  NewApiToken made;
  made.token = random_bearer(core_.random, "mft_");
  return core_.db->write([&](store::Transaction& tx) -> Result<NewApiToken> {
    MIFENG_TRY(auto others, store::tokens_of(tx, actor.id));
    if (others.size() >= kTokensMax)
      return Error(ErrorCode::kResourceExhausted, "too-many-tokens", "Remove an API token first: 50 is the limit.");
    store::TokenRow row;
    row.id = new_id(core_, "to-");
    row.token_sm3 = sm3_hex(made.token);
    row.name = name;
    row.person_id = actor.id;
    row.roles = join_roles(roles.empty() ? actor.roles : roles);
    row.created_ms = core_.clock.now_ms();
    row.expires_ms = lifetime_ms == 0 ? 0 : row.created_ms + lifetime_ms;
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(audit(core_, tx, actor, "token.create", row.id, name + ", roles:" + row.roles));
    made.info = token_of(row);
    return std::move(made);
  });
}

Result<std::vector<ApiToken>> PeopleService::list_tokens(const Actor& actor) {
  MIFENG_TRY(auto rows, core_.db->read([&](store::Transaction& tx) {
    return store::tokens_of(tx, require(actor, Permission::kManagePeople) ? "" : actor.id);
  }));
  std::vector<ApiToken> tokens;
  for (const auto& row : rows) tokens.push_back(token_of(row));
  return tokens;
}

Result<void> PeopleService::remove_token(const Actor& actor, const std::string& id) {
  return core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::TokenRow>(tx, id));
    // Somebody else's token looks like none to who may not manage people.
    if (!row || (row->person_id != actor.id && !require(actor, Permission::kManagePeople)))
      return not_found("API token", id);
    MIFENG_CHECK(store::erase<store::TokenRow>(tx, id));
    return audit(core_, tx, actor, "token.remove", id, row->name);
  });
}

}  // namespace mifeng::platform
