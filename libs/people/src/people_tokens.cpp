// API tokens.
#include <algorithm>

#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "people_rows.h"

namespace mifeng::people {
namespace {

constexpr std::size_t kTokensMax = 50;  // a person's
constexpr UnixMillis kDay = 24LL * 3600 * 1000;

ApiToken token_of(const store::TokenRow& row) {
  auto token = made_of<ApiToken, "roles">(row);
  token.roles = split_roles(row.roles);
  return token;
}

}  // namespace

Result<std::string> end_tokens(store::Transaction& tx, const std::string& person_id,
                               const std::vector<std::string>& keep_ids) {
  MIFENG_TRY(const auto tokens, store::tokens_of(tx, person_id));
  for (const std::string& id : keep_ids)
    if (std::ranges::find(tokens, id, &store::TokenRow::id) == tokens.end()) return trust::not_found("API token", id);
  std::string ended;
  for (const auto& token : tokens) {
    if (std::ranges::find(keep_ids, token.id) != keep_ids.end()) continue;
    MIFENG_CHECK(store::erase<store::TokenRow>(tx, token.id));
    ended += (ended.empty() ? "API tokens ended: " : ", ") + token.id;
  }
  return ended;
}

Result<NewApiToken> PeopleService::create_token(const trust::Actor& actor, const std::string& name,
                                                const std::vector<trust::Role>& roles, UnixMillis lifetime_ms) {
  if (!actor.token_id.empty())
    return Error(ErrorCode::kPermissionDenied, "token-cannot-make-token",
                 "An API token cannot make others. Sign in with your password.");
  if (actor.must_change_password) MIFENG_CHECK(require(actor, trust::Permission::kReadCard));  // says what to do first
  MIFENG_CHECK(trust::check_text("name", name, 64));
  const UnixMillis longest = state_->token_lifetime_max_ms;
  if (lifetime_ms < 0 || lifetime_ms > longest)
    return Error(ErrorCode::kInvalidArgument, "bad-lifetime",
                 "lifetime: at most " + std::to_string(longest / kDay) + " days here (0: as long as that).");
  for (const trust::Role role : roles)
    if (!actor.has(role))
      return Error(ErrorCode::kPermissionDenied, "not-your-role",
                   "You cannot give a token the role " + std::string(to_string(role)) + ", which you do not have.");
  NewApiToken made;
  made.token = random_bearer(context_.random, "mft_");
  return context_.db.write([&](store::Transaction& tx) -> Result<NewApiToken> {
    MIFENG_TRY(auto others, store::tokens_of(tx, actor.id));
    if (others.size() >= kTokensMax)
      return Error(ErrorCode::kResourceExhausted, "too-many-tokens", "Remove an API token first: 50 is the limit.");
    store::TokenRow row;
    row.id = trust::new_id(context_.random, "to-");
    row.token_sm3 = trust::sm3_hex(made.token);
    row.name = name;
    row.person_id = actor.id;
    row.roles = join_roles(roles.empty() ? actor.roles : roles);
    row.created_ms = context_.clock.now_ms();
    row.expires_ms = row.created_ms + (lifetime_ms == 0 ? longest : lifetime_ms);
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "token.create", row.id, name + ", roles:" + row.roles));
    made.info = token_of(row);
    return std::move(made);
  });
}

Result<std::vector<ApiToken>> PeopleService::list_tokens(const trust::Actor& actor) {
  MIFENG_TRY(auto rows, context_.db.read([&](store::Transaction& tx) {
    return store::tokens_of(tx, require(actor, trust::Permission::kManagePeople) ? "" : actor.id);
  }));
  std::vector<ApiToken> tokens;
  for (const auto& row : rows) tokens.push_back(token_of(row));
  return tokens;
}

Result<void> PeopleService::remove_token(const trust::Actor& actor, const std::string& id) {
  return context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::TokenRow>(tx, id));
    // Somebody else's token looks like none to a person who may not manage people.
    if (!row || (row->person_id != actor.id && !require(actor, trust::Permission::kManagePeople)))
      return trust::not_found("API token", id);
    MIFENG_CHECK(store::erase<store::TokenRow>(tx, id));
    return context_.audit.append(tx, actor, "token.remove", id, row->name);
  });
}

}  // namespace mifeng::people
