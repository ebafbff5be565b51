// Where packs, the guards' image, examples and cache are, for the commands that pack.
#pragma once

#include <filesystem>
#include <string>

namespace mifeng::cli {

// `given` where it is not empty; else what came with this program (mifeng/os/release.h).
std::filesystem::path packs_folder(const std::string& given);
std::filesystem::path guard_image(const std::string& given);
std::filesystem::path examples_folder(const std::string& given);
// $XDG_CACHE_HOME/mifeng, or ~/.cache/mifeng.
std::filesystem::path user_cache();
// --cache, MIFENG_CACHE, then user_cache()/packs.
std::filesystem::path cache_folder(const std::string& given);

}  // namespace mifeng::cli
