// The guard's folders at its start. An engine that starts it again in place (a pod's containers) keeps what is in them.
#pragma once

#include <chrono>
#include <filesystem>

#include "mifeng/base/result.h"

namespace mifeng::guard {

struct Folders;

// Waits until the model of a guard before has gone, whose mapped files fill /app and whose processes could take the
// guard's ports; then empties the folders that are the guard's to write: /app, its own and that of its socket. kTimeout
// "model-still-there" after `patience`; kInternal where one cannot be emptied. Blocks.
Result<void> clear_folders(const Folders& folders, std::chrono::milliseconds patience);

}  // namespace mifeng::guard
