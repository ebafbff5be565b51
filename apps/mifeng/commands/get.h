// What `mifeng get` knows how to list and show, for the commands that belong to one kind of thing.
#pragma once

#include "cli/connect.h"
#include "cli/console.h"

namespace mifeng::cli {

// As `mifeng get KIND [ID] -o FORMAT`.
Result<int> show_kind(const PlatformFlags& flags, const std::string& kind, const std::string& id,
                      const std::string& format, Console& console);
// Adds the command `list` to a group.
void add_list(Command& group, const std::string& kind, const std::string& summary, const std::string& example);

}  // namespace mifeng::cli
