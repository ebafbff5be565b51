// Whom nginx' workers run as: they read what callers and models send, so never root.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::gateway {

struct WorkerUser {
  std::string name;
  std::string group;  // its primary one
  ::uid_t uid = 0;
  ::gid_t gid = 0;
};

// None where we are not root: nginx can then only run as we do. `wanted` is a name, or empty for the first of "mifeng"
// and "nobody" that this machine has. kInvalidArgument "bad-user": a user that does not exist, root, or any where we
// are not root.
Result<std::optional<WorkerUser>> choose_worker_user(const std::string& wanted);

}  // namespace mifeng::gateway
