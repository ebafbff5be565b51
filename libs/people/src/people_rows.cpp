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
  auto person = made_of<Person, "roles">(row);
  person.roles = split_roles(row.roles);
  return person;
}

Error bad_token() {
  return Error(ErrorCode::kUnauthenticated, "bad-token", "You are not signed in, or your session or token has ended.");
}
}  // namespace mifeng::people
