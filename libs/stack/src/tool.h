// Runs a program to its end, its lines told as they come, and leaves nothing of it behind when it is stopped.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/os/child_process.h"
#include "mifeng/os/stop_signal.h"

namespace mifeng::stack {

// kCancelled "interrupted" after a signal (the program and all it started are then killed), kInternal "tool-failed"
// with its last lines, kTimeout.
Result<void> run_tool(ChildOptions options, std::chrono::milliseconds timeout, StopSignal& stop,
                      const std::function<void(std::string_view)>& line);

}  // namespace mifeng::stack
