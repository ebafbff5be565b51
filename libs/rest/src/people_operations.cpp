#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<std::vector<trust::Role>> roles_of(json::Fields& body) {
  std::vector<trust::Role> roles;
  for (const std::string& word : body.strings("roles", {1, 32}, {0, 5})) {
    MIFENG_TRY(const auto role, trust::parse_role(word));
    roles.push_back(role);
  }
  if (!body.has("roles")) body.refuse("roles", "is missing");
  return roles;
}

Result<people::PersonInput> person_input(Call& call) {
  json::Fields body(call.body);
  people::PersonInput input;
  input.name = body.string("name", {1, 64});
  input.display_name = body.optional_string("display_name", {0, 200}).value_or("");
  input.vendor_id = body.optional_string("vendor_id", {0, 63}).value_or("");
  input.enabled = body.optional_boolean("enabled").value_or(true);
  MIFENG_TRY(input.roles, roles_of(body));
  MIFENG_CHECK(body.finish());
  return input;
}

Result<Reply> list_people(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.people().list(call.actor, request));
  return reply(json_page(page, request));
}

Result<Reply> create_person(Call& call) {
  MIFENG_TRY(const auto input, person_input(call));
  MIFENG_TRY(const auto made, call.platform.people().create(call.actor, input));
  return reply(json_of(made), 201);
}

Result<Reply> get_person(Call& call) {
  MIFENG_TRY(const auto person, call.platform.people().get(call.actor, call.id()));
  return reply(json_of(person));
}

Result<Reply> update_person(Call& call) {
  MIFENG_TRY(const auto input, person_input(call));
  MIFENG_TRY(const auto person, call.platform.people().update(call.actor, call.id(), input));
  return reply(json_of(person));
}

Result<Reply> delete_person(Call& call) {
  MIFENG_CHECK(call.platform.people().remove(call.actor, call.id()));
  return no_content();
}

Result<Reply> reset_password(Call& call) {
  MIFENG_TRY(const auto made, call.platform.people().reset_password(call.actor, call.id()));
  return reply(json_of(made));
}

Result<Reply> list_tokens(Call& call) {
  MIFENG_TRY(const auto tokens, call.platform.people().list_tokens(call.actor));
  return reply(json::Object{{"items", json_list(tokens)}});
}

Result<Reply> create_token(Call& call) {
  json::Fields body(call.body);
  const auto name = body.string("name", {1, 64});
  const auto lifetime_ms = body.optional_integer("lifetime_ms", 0, 316'224'000'000).value_or(0);
  MIFENG_TRY(const auto roles, roles_of(body));
  MIFENG_CHECK(body.finish());
  // The local administrator of the Unix socket is nobody who could be disabled, and with him his tokens.
  if (call.actor.id == kLocalActor)
    return Error(ErrorCode::kPermissionDenied, "token-needs-a-person",
                 "An API token belongs to a person: sign in first (`mifeng login`), and make it as that person.");
  MIFENG_TRY(const auto made, call.platform.people().create_token(call.actor, name, roles, lifetime_ms));
  return reply(json_of(made), 201);
}

Result<Reply> delete_token(Call& call) {
  MIFENG_CHECK(call.platform.people().remove_token(call.actor, call.id()));
  return no_content();
}

constexpr auto kManage = Permission::kManagePeople;
constexpr Operation kOperations[] = {
    {"listPeople", "GET", "/people", kManage, list_people, BodyKind::kNone, "page page_size"},
    {"createPerson", "POST", "/people", kManage, create_person, BodyKind::kJson, "", Pool::kPasswords},
    {"getPerson", "GET", "/people/{id}", kManage, get_person},
    {"updatePerson", "PUT", "/people/{id}", kManage, update_person, BodyKind::kJson},
    {"deletePerson", "DELETE", "/people/{id}", kManage, delete_person},
    {"resetPassword", "POST", "/people/{id}/password", kManage, reset_password, BodyKind::kNone, "", Pool::kPasswords},
    {"listTokens", "GET", "/tokens", Access::kSignedIn, list_tokens},
    {"createToken", "POST", "/tokens", Access::kSignedIn, create_token, BodyKind::kJson},
    {"deleteToken", "DELETE", "/tokens/{id}", Access::kSignedIn, delete_token},
};

}  // namespace

std::span<const Operation> people_operations() { return kOperations; }

}  // namespace mifeng::rest
