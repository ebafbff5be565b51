#include "commands/pack_places.h"

#include <cstdlib>

#include "mifeng/os/release.h"

namespace mifeng::cli {
namespace {

namespace fs = std::filesystem;

fs::path given_or_own(const std::string& given, const char* name) {
  std::error_code error;
  return given.empty() ? own_data(name) : fs::absolute(given, error);
}

}  // namespace

fs::path packs_folder(const std::string& given) { return given_or_own(given, "packs"); }

fs::path guard_image(const std::string& given) { return given_or_own(given, "guard-image"); }

fs::path examples_folder(const std::string& given) { return given_or_own(given, "examples"); }

fs::path user_cache() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return fs::path(cache) / "mifeng";
  const char* const home = std::getenv("HOME");
  return fs::path(home != nullptr && *home == '/' ? home : "/root") / ".cache/mifeng";
}

fs::path cache_folder(const std::string& given) {
  std::error_code error;
  if (!given.empty()) return fs::absolute(given, error);
  return user_cache() / "packs";
}

}  // namespace mifeng::cli
