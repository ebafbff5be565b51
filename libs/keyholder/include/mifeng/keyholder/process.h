// What a process that holds keys does to itself, and with its children.
#pragma once

#include <functional>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::keyholder {

// No core files (RLIMIT_CORE 0, inherited by children) and not dumpable (prctl(2), PR_SET_DUMPABLE): no other process
// of the same uid can attach to it or read its memory. Call it first in main(), again after each change of uid.
Result<void> harden_process();

// Raises the limit of open files to what is allowed (at most 65,536), for nginx: each call has two connections.
void raise_descriptor_limit();

// The process that started it (and still lives); 0 where there is no such process, or it cannot be told.
int parent_of(int pid);

// Collects orphans that were handed to us as process 1, and leaves alone what `is_own` knows: those have an owner that
// reaps them. Returns how many it collected. Never waits.
int reap_orphans(const std::function<bool(int pid)>& is_own);

}  // namespace mifeng::keyholder
