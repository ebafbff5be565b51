#include "browser.h"
#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> sign_in(Call& call) {
  json::Fields body(call.body);
  const auto name = body.string("name", {1, 64});
  const auto password = body.string("password", {1, 256});
  const bool cookie = body.optional_boolean("cookie").value_or(false);
  MIFENG_CHECK(body.finish());
  // Another site must not sign a browser in either, as whomever it likes.
  if (cookie) MIFENG_CHECK(check_same_origin(call.method, call.headers, call.tls));
  people::Entrance from{.address = call.remote, .source = call.source, .browser = cookie, .agent = {}};
  if (const std::string* agent = call.headers.find("User-Agent")) from.agent = *agent;
  MIFENG_TRY(auto session, call.platform.people().sign_in(name, password, from));
  call.known();
  if (!cookie) return reply(json_of(session));
  const std::string value = std::exchange(session.token, "");
  Reply answer = reply(json_of(session));
  answer.headers.add("Set-Cookie", set_cookie(cookie_name(call.tls, call.url), value, call.tls));
  return answer;
}

// A caller over the local socket without a bearer string has no row in the table of people.
Result<Reply> get_me(Call& call) {
  people::Person person;
  if (call.bearer.empty()) {
    person.id = person.name = person.display_name = call.actor.name;
    person.roles = call.actor.roles;
  } else {
    MIFENG_TRY(person, call.platform.people().me(call.actor));
  }
  json::Value me = json_of(person);
  json::Array permissions;
  // Of an API token only what it was given; nothing works yet for who has to change the password first.
  for (const auto permission : trust::kAllPermissions)
    if (trust::require(call.actor, permission)) permissions.emplace_back(to_string(permission));
  me.if_object()->set("permissions", std::move(permissions));
  return reply(me);
}

Result<Reply> sign_out(Call& call) {
  if (!call.bearer.empty()) MIFENG_CHECK(call.platform.people().sign_out(call.bearer));
  Reply answer = no_content();
  if (call.by_cookie) answer.headers.add("Set-Cookie", clear_cookie(cookie_name(call.tls, call.url), call.tls));
  return answer;
}

Result<Reply> list_sessions(Call& call) {
  MIFENG_TRY(const auto sessions, call.platform.people().list_sessions(call.actor, call.bearer));
  return reply(json::Object{{"items", json_list(sessions)}});
}

Result<Reply> end_session(Call& call) {
  MIFENG_CHECK(call.platform.people().end_session(call.actor, call.id()));
  return no_content();
}

Result<Reply> change_password(Call& call) {
  json::Fields body(call.body);
  const auto old_password = body.string("old_password", {1, 256});
  const auto new_password = body.string("new_password", {12, 256});
  const auto keep_tokens = body.strings("keep_tokens", {1, bounds::kIdMax}, {0, 50});
  MIFENG_CHECK(body.finish());
  MIFENG_CHECK(
      call.platform.people().change_password(call.actor, call.bearer, old_password, new_password, keep_tokens));
  return no_content();
}

constexpr Operation kOperations[] = {
    {"signIn", "POST", "/session", Access::kAnyone, sign_in, BodyKind::kJson, "", Pool::kPasswords},
    {"getMe", "GET", "/session", Access::kSignedIn, get_me},
    {"signOut", "DELETE", "/session", Access::kSignedIn, sign_out},
    {"listSessions", "GET", "/sessions", Access::kSignedIn, list_sessions},
    {"endSession", "DELETE", "/sessions/{id}", Access::kSignedIn, end_session},
    {"changePassword", "PUT", "/session/password", Access::kSignedIn, change_password, BodyKind::kJson, "",
     Pool::kPasswords},
};

}  // namespace

std::span<const Operation> session_operations() { return kOperations; }

}  // namespace mifeng::rest
