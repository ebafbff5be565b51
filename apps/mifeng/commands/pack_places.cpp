#include "commands/pack_places.h"

#include <cstdlib>

namespace mifeng::cli {
namespace {

namespace fs = std::filesystem;

fs::path first_of(const std::string& given, const char* beside_program, const char* installed) {
  std::error_code error;
  if (!given.empty()) return fs::absolute(given, error);
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  const fs::path beside = (here / beside_program).lexically_normal();
  return fs::is_directory(beside, error) ? beside : fs::path(installed);
}

}  // namespace

fs::path packs_folder(const std::string& given) { return first_of(given, "../../packs", "/usr/share/mifeng/packs"); }

fs::path guard_image(const std::string& given) {
  return first_of(given, "../guard-image", "/usr/lib/mifeng/guard-image");
}

fs::path examples_folder(const std::string& given) {
  return first_of(given, "../../examples", "/usr/share/mifeng/examples");
}

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
