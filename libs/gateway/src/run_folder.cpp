#include "run_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "mifeng/crypto/sm3.h"
#include "mifeng/os/file.h"

namespace mifeng::gateway {

Result<std::unique_ptr<RunFolder>> RunFolder::create(const std::filesystem::path& state, std::optional<::gid_t> group) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(state, error);
  if (error) return errno_error(error.value(), "find " + state.string());
  const crypto::Sm3Digest digest = crypto::sm3(as_bytes(whole.string()));
  const std::filesystem::path path = "/dev/shm/mifeng-gateway-" + to_hex(ByteView(digest).first(8));
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    // The lock of the state folder is ours, so no other gateway uses it.
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid())
      return Error(ErrorCode::kConflict, "run-folder-taken",
                   path.string() + " belongs to somebody else; remove it, and start the gateway again");
    std::filesystem::remove_all(path, error);
  }
  if (::mkdir(path.c_str(), 0700) != 0) return errno_error(errno, "make the folder " + path.string());
  std::unique_ptr<RunFolder> made(new RunFolder(path));
  if (group && (::chown(path.c_str(), static_cast<::uid_t>(-1), *group) != 0 || ::chmod(path.c_str(), 0710) != 0))
    return errno_error(errno, "open the folder " + path.string() + " for nginx' workers");
  return made;
}

RunFolder::~RunFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace mifeng::gateway
