#include "people_rows.h"

#include <algorithm>

namespace mifeng::people {

std::string join_roles(const std::vector<trust::Role>& roles) {
  std::string out = " ";
  for (const trust::Role role : trust::kAllRoles)
    if (std::find(roles.begin(), roles.end(), role) != roles.end()) out += std::string(to_string(role)) + " ";
  return out;
}
std::vector<trust::Role> split_roles(const std::string& text) {
  std::vector<trust::Role> roles;
  for (const trust::Role role : trust::kAllRoles)
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

Error bad_token() {
  return Error(ErrorCode::kUnauthenticated, "bad-token", "You are not signed in, or your session or token has ended.");
}
}  // namespace mifeng::people
