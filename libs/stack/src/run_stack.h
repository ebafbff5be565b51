// The programs of an installation, with work of one's own in the place of what `mifeng up` does on them.
#pragma once

#include <functional>

#include "examples.h"
#include "mifeng/stack/up.h"

namespace mifeng::stack {

// Starts all, does `work` and ends all. kCancelled "interrupted" after a signal.
Result<int> run_stack(const UpOptions& options, const UpListener& listener, StopSignal& stop,
                      const std::function<Result<int>(ExampleContext&)>& work);

}  // namespace mifeng::stack
