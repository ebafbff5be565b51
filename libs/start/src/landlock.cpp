#include "mifeng/start/landlock.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "mifeng/os/file.h"

namespace mifeng::start {
namespace {

// The rights by version of the interface, as landlock(7) lists them; the headers of Debian 12 end before the last.
constexpr std::uint64_t kExecute = 1U << 0, kWriteFile = 1U << 1, kReadFile = 1U << 2, kReadDir = 1U << 3;
constexpr std::uint64_t kVersion1 = (1U << 13) - 1;
constexpr std::uint64_t kRefer = 1U << 13;        // 2: links and renames from folder to folder
constexpr std::uint64_t kTruncate = 1U << 14;     // 3
constexpr std::uint64_t kDeviceIoctl = 1U << 15;  // 5
constexpr std::uint64_t kScopes = 3;              // 6: abstract Unix sockets and signals
// What a right to a single file may hold.
constexpr std::uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceIoctl;

struct Ruleset {
  std::uint64_t files = 0;
  std::uint64_t net = 0;  // none: containers have network namespaces
  std::uint64_t scoped = 0;
};

bool is_folder(int fd) {
  struct stat facts {};
  return ::fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode);
}

// Gives errno, or 0; nothing is done for what is not there.
int allow(int rules, const std::filesystem::path& path, std::uint64_t rights) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return errno == ENOENT ? 0 : errno;
  landlock_path_beneath_attr beneath{};
  beneath.allowed_access = is_folder(fd.get()) ? rights : rights & kOfFiles;
  beneath.parent_fd = fd.get();
  return ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0 ? 0 : errno;
}

// Each entry of the root but /mifeng: a rule for the root itself would be one for all that lies below it.
int allow_entries_of_root(int rules, std::uint64_t rights) {
  DIR* root = ::opendir("/");
  if (root == nullptr) return errno;
  int failed = 0;
  while (const dirent* entry = failed == 0 ? ::readdir(root) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || name == "mifeng") continue;
    failed = allow(rules, std::filesystem::path("/") / name, rights);
  }
  ::closedir(root);
  return failed;
}

}  // namespace

int landlock_version() {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

int restrict_files(int version, const std::vector<std::filesystem::path>& writable) {
  Ruleset wanted;
  wanted.files = kVersion1;
  if (version >= 2) wanted.files |= kRefer;
  if (version >= 3) wanted.files |= kTruncate;
  if (version >= 5) wanted.files |= kDeviceIoctl;
  if (version >= 6) wanted.scoped = kScopes;
  // Older kernels know a shorter structure.
  const std::size_t size = version >= 6 ? sizeof wanted : version >= 4 ? 16 : 8;
  const UniqueFd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, size, 0)));
  if (!rules) return errno;
  const std::uint64_t read_only = wanted.files & (kExecute | kReadFile | kReadDir);
  if (const int failed = allow_entries_of_root(rules.get(), read_only); failed != 0) return failed;
  std::vector<std::filesystem::path> changeable{"/dev", "/proc", "/tmp"};
  changeable.insert(changeable.end(), writable.begin(), writable.end());
  for (const auto& folder : changeable)
    if (const int failed = allow(rules.get(), folder, wanted.files); failed != 0) return failed;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return ::syscall(SYS_landlock_restrict_self, rules.get(), 0) == 0 ? 0 : errno;
}

}  // namespace mifeng::start
