// What the parts of PeopleService share: how its rows look, and what is said to somebody who is not signed in.
#pragma once

#include <string>
#include <vector>

#include "mifeng/people/password.h"
#include "mifeng/people/people_service.h"
#include "mifeng/store/people.h"
#include "sign_in_limits.h"

namespace mifeng::people {

// " administrator vendor ": a space around each.
std::string join_roles(const std::vector<trust::Role>& roles);
std::vector<trust::Role> split_roles(const std::string& text);
Person person_of(const store::PersonRow& row);
Error bad_token();
// Every API token of the person but these; names them in what it gives, for the audit log.
Result<std::string> end_tokens(store::Transaction& tx, const std::string& person_id,
                               const std::vector<std::string>& keep_ids);

struct PeopleService::State {
  PasswordHasher hasher;
  UnixMillis token_lifetime_max_ms;
  SignInLimits limits{};
};

}  // namespace mifeng::people
