// Secrets on their way in and out of a command: from a terminal, a file or standard input, into a file or to standard
// output; never an argument, which every process of the machine can read.
#pragma once

#include <string>

#include "cli/console.h"

namespace mifeng::cli {

// One line of `file`; where that is empty, typed without an echo, or from standard input. kInvalidArgument
// "no-password" where nothing comes.
Result<std::string> read_password(Console& console, const std::string& file, const std::string& prompt);

// A secret that the platform shows this once: into `file` (mode 0600), or alone on a line of standard output, so that
// KEY=$(mifeng ...) works. An existing file is not overwritten: ask for that with refuse_existing_secret() before
// anything is made.
Result<void> give_secret(Console& console, const std::string& secret, const std::string& file);
// kConflict "file-exists".
Result<void> refuse_existing_secret(const std::string& file);

}  // namespace mifeng::cli
