// How a command ends that a signal interrupted.
#pragma once

#include <string>

#include "cli/console.h"
#include "mifeng/os/stop_signal.h"

namespace mifeng::cli {

// Says `sentence` and gives the exit status that a shell knows: 128 and the signal's number, 130 after Ctrl-C.
inline int interrupted(Console& console, const StopSignal& stop, const std::string& sentence) {
  console.error(Error(ErrorCode::kCancelled, "interrupted", sentence));
  return 128 + stop.signal();
}

}  // namespace mifeng::cli
