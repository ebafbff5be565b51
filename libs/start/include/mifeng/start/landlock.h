// What a model sees of its container's files, where the kernel has Landlock (landlock(7)): everything but the sealed
// payload and the guard's folder, and what it may change. A third line, beside the container's mounts and user id.
#pragma once

#include <filesystem>
#include <vector>

namespace mifeng::start {

// The version of the kernel's interface, 0 where it has none or has it turned off.
int landlock_version();

// Holds this thread and all that comes of it to: reading and executing everywhere but below /mifeng; reading and
// changing what lies below `writable` (which may be below /mifeng), /dev, /proc and /tmp. From version 6 on it also
// signals nobody outside, and reaches no abstract socket of others. Gives errno, or 0; folders that are not there are
// left out.
int restrict_files(int version, const std::vector<std::filesystem::path>& writable);

}  // namespace mifeng::start
