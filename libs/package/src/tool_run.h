// Running a tool of a pack: JSON to its standard input, its output line by line to a listener and into a log.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/os/stop_signal.h"
#include "mifeng/package/packer.h"

namespace mifeng::package {

struct ToolRun {
  std::vector<std::string> argv;
  std::string input;
  std::filesystem::path log;      // everything that it said; its last lines are in the error
  std::filesystem::path scratch;  // its TMPDIR; empty: ours
  StopSignal* stop = nullptr;
};

// Its standard output (at most 1 MiB). kInternal "build-failed" for another status than 0, kTimeout after two hours,
// kCancelled after a signal: SIGTERM to the tool and to all that it started, ten seconds to take away what they made,
// SIGKILL. Where we are killed ourselves the tool gets SIGTERM.
Result<std::string> run_tool(const ToolRun& run, PackListener& listener);

}  // namespace mifeng::package
