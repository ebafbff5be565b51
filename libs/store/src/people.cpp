#include "mifeng/store/people.h"

namespace mifeng::store {

Result<std::optional<PersonRow>> person_by_name(Transaction& tx, const std::string& name) {
  return select_one<PersonRow>(tx, "WHERE name = :name", {name});
}

Result<Slice<PersonRow>> people_slice(Transaction& tx, const Window& window) {
  return select_slice<PersonRow>(tx, "", {}, "name", window);
}

Result<std::int64_t> enabled_administrators(Transaction& tx, const std::string& but_name) {
  // Roles stand with a space around each, so that one is never found inside another.
  return count_rows(tx, "people", "WHERE enabled = 1 AND roles LIKE :role AND name <> :but",
                    {std::string("% administrator %"), but_name});
}

Result<std::vector<SessionRow>> sessions_of(Transaction& tx, const std::string& person_id) {
  return select<SessionRow>(tx, "WHERE person_id = :person ORDER BY created_ms DESC, id", {person_id});
}

Result<void> erase_sessions(Transaction& tx, const std::string& person_id, const std::string& keep_token_sm3) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM sessions WHERE person_id = :person AND token_sm3 <> :keep",
                       {person_id, keep_token_sm3}));
  return ok();
}

Result<std::int64_t> erase_ended_sessions(Transaction& tx, std::int64_t expired_before_ms,
                                          std::int64_t unused_since_ms) {
  return run_sql(tx, "DELETE FROM sessions WHERE expires_ms <= :expired OR last_used_ms <= :unused",
                 {expired_before_ms, unused_since_ms});
}

Result<std::optional<TokenRow>> token_by_sm3(Transaction& tx, const std::string& token_sm3) {
  return select_one<TokenRow>(tx, "WHERE token_sm3 = :sm3", {token_sm3});
}

Result<std::vector<TokenRow>> tokens_of(Transaction& tx, const std::string& person_id) {
  if (person_id.empty()) return select<TokenRow>(tx, "ORDER BY person_id, name, id", {});
  return select<TokenRow>(tx, "WHERE person_id = :person ORDER BY name, id", {person_id});
}

}  // namespace mifeng::store
