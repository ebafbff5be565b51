#include "mifeng/os/release.h"

namespace mifeng {

namespace fs = std::filesystem;

fs::path own_programs() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

fs::path own_data(std::string_view name) { return own_programs().parent_path() / name; }

bool is_packaged() {
  std::error_code error;
  // A build has a folder of this name beside its programs.
  return fs::is_regular_file(own_data("release"), error);
}

}  // namespace mifeng
