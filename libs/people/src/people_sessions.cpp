// Signing in and out, who a bearer token is, and changing one's own password.
#include <algorithm>

#include "mifeng/base/phrase.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"
#include "people_rows.h"

namespace mifeng::people {
namespace {

constexpr UnixMillis kMinute = 60'000;
constexpr UnixMillis kSessionLifetime = 12 * 60 * kMinute;
constexpr UnixMillis kSessionIdle = 60 * kMinute;
constexpr UnixMillis kBrowserSessionMax = 7 * 24 * 60 * kMinute;
constexpr std::size_t kAgentMax = 200;

Error bad_sign_in() {
  return Error(ErrorCode::kUnauthenticated, "bad-sign-in",
               phrase("Name or password is wrong, or the person is disabled."));
}

// Printable ASCII alone: it came from a stranger, and is shown to people.
std::string shown_agent(const std::string& agent) {
  std::string shown = agent.substr(0, kAgentMax);
  std::ranges::replace_if(
      shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return shown;
}

// What a use changes, to the minute.
void renew(store::SessionRow& session, UnixMillis now) {
  session.last_used_ms = now;
  if (session.browser == 0) return;
  session.expires_ms =
      std::max(session.expires_ms, std::min(now + kSessionLifetime, session.created_ms + kBrowserSessionMax));
}

}  // namespace

Result<Session> PeopleService::sign_in(const std::string& name, const std::string& password, const Entrance& from) {
  if (password.size() > 256 || name.size() > 64) return bad_sign_in();
  const std::string& place = from.source.empty() ? from.address : from.source;
  SignInLimits& limits = state_->limits;
  if (auto may = limits.begin(place, name, context_.clock.now_ms()); !may) {
    context_.audit.count_stranger("person.sign-in", from.address);
    return std::move(may).error();
  }
  auto session = try_password(name, password, from);
  if (session) {
    limits.right(place, name);
  } else if (session.error().reason() != "bad-sign-in") {
    limits.undo(place, name);
  }
  return session;
}

// The same work whether there is such a person or not.
Result<Session> PeopleService::try_password(const std::string& name, const std::string& password,
                                            const Entrance& from) {
  MIFENG_TRY(auto before, context_.db.read([&](store::Transaction& tx) { return store::person_by_name(tx, name); }));
  PasswordHash hash;
  if (before && before->enabled != 0)
    hash = {.salt = before->password_salt,
            .hash = before->password_hash,
            .rounds = static_cast<int>(before->password_rounds)};
  MIFENG_TRY(const bool fits, state_->hasher.matches(password, hash));
  const auto refuse = [&]() {
    context_.audit.append_stranger(before ? before->name : "unknown person", "person.sign-in", from.address,
                                   bad_sign_in(), from.address);
    return bad_sign_in();
  };
  if (!fits) return refuse();
  auto session = context_.db.write([&](store::Transaction& tx) -> Result<Session> {
    const UnixMillis now = context_.clock.now_ms();
    // Read again: the password may have been changed, or the person disabled, while we computed.
    MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, before->id));
    if (!row || row->enabled == 0 || row->password_hash != before->password_hash) return bad_sign_in();
    row->last_sign_in_ms = now;
    MIFENG_CHECK(store::update(tx, *row));
    Session made;
    made.token = random_bearer(context_.random, "mfs_");
    made.expires_ms = now + kSessionLifetime;
    made.person = person_of(*row);
    MIFENG_CHECK(store::insert(tx, store::SessionRow{.token_sm3 = trust::sm3_hex(made.token),
                                                     .id = trust::new_id(context_.random, "se-"),
                                                     .person_id = row->id,
                                                     .browser = from.browser ? 1 : 0,
                                                     .agent = shown_agent(from.agent),
                                                     .address = from.address,
                                                     .created_ms = now,
                                                     .expires_ms = made.expires_ms,
                                                     .last_used_ms = now}));
    MIFENG_CHECK(context_.audit.append(
        tx, trust::AuditEvent{.actor = row->name, .action = "person.sign-in", .subject = from.address}));
    return made;
  });
  if (!session && session.error().reason() == "bad-sign-in") return refuse();
  return session;
}

Result<trust::Actor> PeopleService::authenticate(const std::string& bearer, const std::string& address, Use use) {
  if (bearer.size() < 20 || bearer.size() > 100) return bad_token();
  const std::string sm3 = trust::sm3_hex(bearer);
  const UnixMillis now = context_.clock.now_ms();
  trust::Actor actor;
  actor.address = address;
  bool touch = false;
  auto found = context_.db.read([&](store::Transaction& tx) -> Result<void> {
    std::string person_id;
    std::optional<std::vector<trust::Role>> only;
    if (bearer.starts_with("mft_")) {
      MIFENG_TRY(auto token, store::token_by_sm3(tx, sm3));
      if (!token) return bad_token();
      const UnixMillis until = std::min(token->expires_ms, token->created_ms + state_->token_lifetime_max_ms);
      if (until <= now) return bad_token();
      person_id = token->person_id;
      only = split_roles(token->roles);
      actor.token_id = token->id;
      actor.until_ms = until;
      touch = token->last_used_ms + kMinute <= now;
    } else {
      MIFENG_TRY(auto session, store::find<store::SessionRow>(tx, sm3));
      if (!session || session->expires_ms <= now || session->last_used_ms + kSessionIdle <= now) return bad_token();
      person_id = session->person_id;
      actor.until_ms = std::min(session->expires_ms, session->last_used_ms + kSessionIdle);
      touch = use == Use::kWork && session->last_used_ms + kMinute <= now;
    }
    MIFENG_TRY(auto person, store::find<store::PersonRow>(tx, person_id));
    if (!person || person->enabled == 0) return bad_token();
    actor.id = person->id;
    actor.name = person->name;
    actor.vendor_id = person->vendor_id;
    actor.must_change_password = person->must_change_password != 0;
    for (const trust::Role role : split_roles(person->roles))
      if (!only || std::find(only->begin(), only->end(), role) != only->end()) actor.roles.push_back(role);
    return ok();
  });
  if (!found) return std::move(found).error();
  if (touch) {
    const auto touched = context_.db.write([&](store::Transaction& tx) -> Result<void> {
      if (actor.token_id.empty()) {
        MIFENG_TRY(auto session, store::find<store::SessionRow>(tx, sm3));
        if (!session) return bad_token();
        renew(*session, now);
        MIFENG_CHECK(store::update(tx, *session));
      } else {
        MIFENG_TRY(auto token, store::find<store::TokenRow>(tx, actor.token_id));
        if (!token) return bad_token();
        token->last_used_ms = now;
        MIFENG_CHECK(store::update(tx, *token));
      }
      return ok();
    });
    // It is only noted for later. Where nothing can be written, as on a full disk, people still get in to look.
    if (!touched && touched.error().code() != ErrorCode::kResourceExhausted &&
        touched.error().code() != ErrorCode::kUnavailable)
      return touched.error();
  }
  return actor;
}

Result<std::int64_t> PeopleService::end_sessions() {
  const UnixMillis now = context_.clock.now_ms();
  return context_.db.write(
      [&](store::Transaction& tx) { return store::erase_ended_sessions(tx, now, now - kSessionIdle); });
}

Result<void> PeopleService::sign_out(const std::string& bearer) {
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::erase<store::SessionRow>(tx, trust::sm3_hex(bearer)));
    return ok();
  });
}

Result<Person> PeopleService::me(const trust::Actor& actor) {
  MIFENG_TRY(auto row,
             context_.db.read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, actor.id); }));
  if (!row) return bad_token();
  return person_of(*row);
}

Result<std::vector<SessionInfo>> PeopleService::list_sessions(const trust::Actor& actor,
                                                              const std::string& current_bearer) {
  MIFENG_TRY(const auto rows,
             context_.db.read([&](store::Transaction& tx) { return store::sessions_of(tx, actor.id); }));
  const UnixMillis now = context_.clock.now_ms();
  const std::string current = current_bearer.empty() ? "" : trust::sm3_hex(current_bearer);
  std::vector<SessionInfo> sessions;
  for (const auto& row : rows) {
    // What has ended stays in the table until the housekeeping comes by.
    if (row.expires_ms <= now || row.last_used_ms + kSessionIdle <= now) continue;
    auto info = made_of<SessionInfo, "current">(row);
    info.current = row.token_sm3 == current;
    sessions.push_back(std::move(info));
  }
  return sessions;
}

Result<void> PeopleService::end_session(const trust::Actor& actor, const std::string& id) {
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto rows, store::sessions_of(tx, actor.id));
    const auto found = std::ranges::find(rows, id, &store::SessionRow::id);
    if (found == rows.end()) return trust::not_found("session", id);
    MIFENG_CHECK(store::erase<store::SessionRow>(tx, found->token_sm3));
    return context_.audit.append(tx, actor, "session.end", id, found->address);
  });
}

Result<void> PeopleService::change_password(const trust::Actor& actor, const std::string& current_bearer,
                                            const std::string& old_password, const std::string& new_password,
                                            const std::vector<std::string>& keep_tokens) {
  if (!actor.token_id.empty())
    return Error(ErrorCode::kPermissionDenied, "token-cannot-change-password",
                 "A password is changed while signed in with it, not with an API token.");
  MIFENG_CHECK(check_new_password(new_password, actor.name));
  if (old_password == new_password)
    return Error(ErrorCode::kInvalidArgument, "weak-password", "The new password must be another one.");
  MIFENG_TRY(auto before,
             context_.db.read([&](store::Transaction& tx) { return store::find<store::PersonRow>(tx, actor.id); }));
  if (!before) return bad_token();
  // Guessing here is held up like guessing at the door, and by nobody else's guesses.
  SignInLimits& limits = state_->limits;
  MIFENG_CHECK(limits.begin(SignInLimits::kSignedIn, actor.name, context_.clock.now_ms()));
  auto done = [&]() -> Result<void> {
    MIFENG_TRY(const bool fits,
               state_->hasher.matches(old_password, {.salt = before->password_salt,
                                                     .hash = before->password_hash,
                                                     .rounds = static_cast<int>(before->password_rounds)}));
    if (!fits) return bad_sign_in();
    MIFENG_TRY(const PasswordHash hash, state_->hasher.make(new_password, context_.random));
    return context_.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(auto row, store::find<store::PersonRow>(tx, actor.id));
      if (!row) return bad_token();
      if (row->password_hash != before->password_hash) return bad_sign_in();
      row->password_salt = hash.salt;
      row->password_hash = hash.hash;
      row->password_rounds = hash.rounds;
      row->must_change_password = 0;
      MIFENG_CHECK(store::update(tx, *row));
      MIFENG_CHECK(store::erase_sessions(tx, row->id, trust::sm3_hex(current_bearer)));
      MIFENG_TRY(const std::string ended, end_tokens(tx, row->id, keep_tokens));
      return context_.audit.append(tx, actor, "person.change-password", row->name, ended);
    });
  }();
  if (done) {
    limits.right(SignInLimits::kSignedIn, actor.name);
  } else if (done.error().reason() != "bad-sign-in") {
    limits.undo(SignInLimits::kSignedIn, actor.name);
  }
  return done;
}

}  // namespace mifeng::people
