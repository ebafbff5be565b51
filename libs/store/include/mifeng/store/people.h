// People 人员, their sessions and API tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct PersonRow {
  std::string id{};
  std::string name{};
  std::string display_name{};
  std::string roles{};
  std::string vendor_id{};
  std::string password_salt{};
  std::string password_hash{};
  std::int64_t password_rounds = 0;
  std::int64_t enabled = 0;
  std::int64_t must_change_password = 0;
  std::int64_t failed_sign_ins = 0;
  std::int64_t locked_until_ms = 0;
  std::int64_t created_ms = 0;
  std::int64_t last_sign_in_ms = 0;
};
template <>
struct Table<PersonRow> {
  static constexpr const char* name = "people";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",
                                            "name",
                                            "display_name",
                                            "roles",
                                            "vendor_id",
                                            "password_salt",
                                            "password_hash",
                                            "password_rounds",
                                            "enabled",
                                            "must_change_password",
                                            "failed_sign_ins",
                                            "locked_until_ms",
                                            "created_ms",
                                            "last_sign_in_ms"};
  static auto tie(PersonRow& r) {
    return std::tie(r.id, r.name, r.display_name, r.roles, r.vendor_id, r.password_salt, r.password_hash,
                    r.password_rounds, r.enabled, r.must_change_password, r.failed_sign_ins, r.locked_until_ms,
                    r.created_ms, r.last_sign_in_ms);
  }
};

struct SessionRow {
  std::string token_sm3{};
  std::string person_id{};
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  std::int64_t last_used_ms = 0;
};
template <>
struct Table<SessionRow> {
  static constexpr const char* name = "sessions";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"token_sm3", "person_id", "created_ms", "expires_ms", "last_used_ms"};
  static auto tie(SessionRow& r) {
    return std::tie(r.token_sm3, r.person_id, r.created_ms, r.expires_ms, r.last_used_ms);
  }
};

struct TokenRow {
  std::string id{};
  std::string token_sm3{};
  std::string name{};
  std::string person_id{};
  std::string roles{};
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;
  std::int64_t last_used_ms = 0;
};
template <>
struct Table<TokenRow> {
  static constexpr const char* name = "tokens";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",    "token_sm3",  "name",       "person_id",
                                            "roles", "created_ms", "expires_ms", "last_used_ms"};
  static auto tie(TokenRow& r) {
    return std::tie(r.id, r.token_sm3, r.name, r.person_id, r.roles, r.created_ms, r.expires_ms, r.last_used_ms);
  }
};

Result<std::optional<PersonRow>> person_by_name(Transaction& tx, const std::string& name);
Result<Slice<PersonRow>> people_slice(Transaction& tx, const Window& window);
Result<std::int64_t> enabled_administrators(Transaction& tx);
// Every session of the person but the one with `keep_token_sm3` (empty: none is kept).
Result<void> erase_sessions(Transaction& tx, const std::string& person_id, const std::string& keep_token_sm3);
Result<std::int64_t> erase_ended_sessions(Transaction& tx, std::int64_t expired_before_ms,
                                          std::int64_t unused_since_ms);
Result<std::optional<TokenRow>> token_by_sm3(Transaction& tx, const std::string& token_sm3);
Result<std::vector<TokenRow>> tokens_of(Transaction& tx, const std::string& person_id);  // empty: everybody's
Result<void> erase_tokens(Transaction& tx, const std::string& person_id);

}  // namespace mifeng::store
