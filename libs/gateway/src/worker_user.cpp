#include "worker_user.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace mifeng::gateway {

namespace {

Error bad_user(const std::string& message) { return Error(ErrorCode::kInvalidArgument, "bad-user", message); }

std::optional<WorkerUser> find(const std::string& name) {
  std::array<char, 16384> room;
  ::passwd user{};
  ::passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &user, room.data(), room.size(), &found) != 0 || found == nullptr) return std::nullopt;
  WorkerUser made{.name = name, .group = {}, .uid = user.pw_uid, .gid = user.pw_gid};
  ::group group{};
  ::group* found_group = nullptr;
  if (::getgrgid_r(made.gid, &group, room.data(), room.size(), &found_group) != 0 || found_group == nullptr)
    return std::nullopt;
  made.group = group.gr_name;
  return made;
}

}  // namespace

Result<std::optional<WorkerUser>> choose_worker_user(const std::string& wanted) {
  if (::geteuid() != 0) {
    if (wanted.empty()) return std::optional<WorkerUser>();
    return bad_user("--user takes effect only where the gateway is started by root; leave it out");
  }
  std::optional<WorkerUser> user;
  for (const std::string& name : wanted.empty() ? std::vector<std::string>{"mifeng", "nobody"} : std::vector{wanted})
    if (!user) user = find(name);
  if (!user)
    return bad_user((wanted.empty() ? "this machine has no user nobody" : "there is no user " + wanted) +
                    " with a group; give --user NAME with one that has no other use "
                    "(adduser --system --group mifeng makes one)");
  if (user->uid == 0 || user->gid == 0)
    return bad_user("nginx' workers do not run as root; give --user NAME with another user");
  return user;
}

}  // namespace mifeng::gateway
