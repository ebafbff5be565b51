// Commands that fetch one file from the platform.
#pragma once

#include <string>

#include "cli/command.h"

namespace mifeng::cli {

// Adds the command `name` with --output-file FILE to a group; `path` is below /api/v1.
void add_fetch(Command& group, const std::string& name, const std::string& summary, const std::string& path,
               const std::string& example);

}  // namespace mifeng::cli
