// Commands that fetch one file from the platform.
#pragma once

#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/connect.h"
#include "cli/console.h"

namespace mifeng::cli {

// Says something about the file that came, on standard error.
using Tell = std::function<Result<void>(const std::string& text, Console&)>;

// What is at `path`, below /api/v1, to standard output or into the file `output`.
Result<int> print_or_save(const PlatformClient& client, const std::string& path, const std::string& output,
                          const Tell& tell, Console& console);

// Adds the command `name` with --output-file FILE to a group; `path` is below /api/v1.
void add_fetch(Command& group, const std::string& name, const std::string& summary, const std::string& path,
               const std::string& example, const Tell& tell = {});

}  // namespace mifeng::cli
