// People 人员, their sessions and API tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {

MIFENG_RECORD(PersonRow, "people", 1, text(id), text(name), text(display_name), text(roles), text(vendor_id),
              text(password_salt), text(password_hash), number(password_rounds), number(enabled),
              number(must_change_password), number(created_ms), number(last_sign_in_ms));

MIFENG_RECORD(SessionRow, "sessions", 1, text(token_sm3), text(id), text(person_id), number(browser), text(agent),
              text(address), number(created_ms), number(expires_ms), number(last_used_ms));

MIFENG_RECORD(TokenRow, "tokens", 1, text(id), text(token_sm3), text(name), text(person_id), text(roles),
              number(created_ms), number(expires_ms), number(last_used_ms));

Result<std::optional<PersonRow>> person_by_name(Transaction& tx, const std::string& name);
Result<Slice<PersonRow>> people_slice(Transaction& tx, const Window& window);
Result<std::int64_t> enabled_administrators(Transaction& tx, const std::string& but_name = "");
Result<std::vector<SessionRow>> sessions_of(Transaction& tx, const std::string& person_id);  // newest first
// Every session of the person but the one with `keep_token_sm3` (empty: none is kept).
Result<void> erase_sessions(Transaction& tx, const std::string& person_id, const std::string& keep_token_sm3);
Result<std::int64_t> erase_ended_sessions(Transaction& tx, std::int64_t expired_before_ms,
                                          std::int64_t unused_since_ms);
Result<std::optional<TokenRow>> token_by_sm3(Transaction& tx, const std::string& token_sm3);
Result<std::vector<TokenRow>> tokens_of(Transaction& tx, const std::string& person_id);  // empty: everybody's

}  // namespace mifeng::store
