#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> sign_in(Call& call) {
  json::Fields body(call.body);
  const auto name = body.string("name", {1, 64});
  const auto password = body.string("password", {1, 256});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto session, call.platform.people().sign_in(name, password, call.remote));
  return reply(json_of(session));
}

// A caller over the local socket without a bearer string has no row in the table of people.
Result<Reply> get_me(Call& call) {
  if (call.bearer.empty()) {
    people::Person local;
    local.id = local.name = local.display_name = call.actor.name;
    local.roles = call.actor.roles;
    return reply(json_of(local));
  }
  MIFENG_TRY(const auto person, call.platform.people().me(call.actor));
  return reply(json_of(person));
}

Result<Reply> sign_out(Call& call) {
  if (!call.bearer.empty()) MIFENG_CHECK(call.platform.people().sign_out(call.bearer));
  return no_content();
}

Result<Reply> change_password(Call& call) {
  json::Fields body(call.body);
  const auto old_password = body.string("old_password", {1, 256});
  const auto new_password = body.string("new_password", {12, 256});
  MIFENG_CHECK(body.finish());
  MIFENG_CHECK(call.platform.people().change_password(call.actor, call.bearer, old_password, new_password));
  return no_content();
}

constexpr Operation kOperations[] = {
    {"signIn", "POST", "/session", Access::kAnyone, sign_in, BodyKind::kJson, "", Pool::kSlow},
    {"getMe", "GET", "/session", Access::kSignedIn, get_me},
    {"signOut", "DELETE", "/session", Access::kSignedIn, sign_out},
    {"changePassword", "PUT", "/session/password", Access::kSignedIn, change_password, BodyKind::kJson, "",
     Pool::kSlow},
};

}  // namespace

std::span<const Operation> session_operations() { return kOperations; }

}  // namespace mifeng::rest
