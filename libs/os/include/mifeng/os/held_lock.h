// A lock on what one process alone may use, which says who has it.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng {

// An exclusive flock(2) on a file that is made where it is missing. It lasts until `fd` is closed or the process ends,
// however that ends; no program that this one starts inherits it. But a process that is killed while it starts a
// program leaves it to the child until that has become the program, or has noticed: such a one is waited for, 5 s at
// most.
struct HeldLock {
  UniqueFd fd;         // none: somebody else has it
  std::string holder;  // his process id, as he wrote it there; empty where he has not yet
};
Result<HeldLock> try_lock(const std::filesystem::path& file);

}  // namespace mifeng
