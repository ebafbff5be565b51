// Where this release of Mifeng lies. All that a program of ours takes along is found from where the program itself is,
// so that a build, an installed package and an unpacked archive need no setting.
#pragma once

#include <filesystem>
#include <string_view>

namespace mifeng {

// The folder of the running program, links followed. All programs and the nginx module lie in it.
std::filesystem::path own_programs();

// What lies beside that folder: "packs", "examples", "console", "guard-image". In a build some of them are links into
// the sources; in a package they are, or lead to, what tools/package put there.
std::filesystem::path own_data(std::string_view name);

// Whether tools/package made it: then its folders are the system's, and nobody works in them.
bool is_packaged();

}  // namespace mifeng
