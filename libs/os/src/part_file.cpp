#include "mifeng/os/part_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace mifeng {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".part";
constexpr std::size_t kRandom = 6;  // what mkstemp(3) puts in the place of XXXXXX
constexpr int kTries = 20;

// Nobody removes what is locked. Between making and locking somebody may: then the name is gone, or another's.
bool lock(int fd, const std::string& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
  struct ::stat ours {
  }, there{};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
         ours.st_dev == there.st_dev;
}

bool is_random(std::string_view text) {
  for (const char c : text)
    if ((c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')) return false;
  return text.size() == kRandom;
}

void remove_abandoned(const fs::path& folder, const std::string& prefix, std::string_view ending) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.size() != prefix.size() + kRandom + ending.size() || !name.starts_with(prefix) ||
        !name.ends_with(ending) || !is_random(std::string_view(name).substr(prefix.size(), kRandom)))
      continue;
    const UniqueFd fd(::open(entry.path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) fs::remove_all(entry.path(), error);
  }
}

std::string prefix_of(const fs::path& path) { return "." + path.filename().string() + "."; }

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

PartFile::PartFile(fs::path path, std::string temporary, UniqueFd fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})), fd_(std::move(other.fd_)) {}

PartFile::~PartFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

bool PartFile::is_name(std::string_view name) {
  const std::size_t tail = kRandom + kEnding.size() + 1;
  return name.size() > tail + 1 && name.starts_with('.') && name.ends_with(kEnding) &&
         name[name.size() - tail] == '.' && is_random(name.substr(name.size() - tail + 1, kRandom));
}

Result<PartFile> PartFile::create(const fs::path& path) {
  remove_abandoned(folder_of(path), prefix_of(path), kEnding);
  const std::string pattern = (folder_of(path) / (prefix_of(path) + "XXXXXX")).string() + std::string(kEnding);
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::string temporary = pattern;
    UniqueFd fd(::mkostemps(temporary.data(), static_cast<int>(kEnding.size()), O_CLOEXEC));
    if (!fd) return errno_error(errno, "create a file beside " + path.string());
    if (lock(fd.get(), temporary)) return PartFile(path, std::move(temporary), std::move(fd));
    ::unlink(temporary.c_str());
  }
  return errno_error(EAGAIN, "create a file beside " + path.string());
}

Result<void> PartFile::commit(::mode_t mode) {
  if (::fchmod(fd_.get(), mode) != 0 || ::fsync(fd_.get()) != 0) return errno_error(errno, "sync " + temporary_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return errno_error(errno, "rename to " + path_.string());
  temporary_.clear();
  return ok();
}

Result<WorkFolder> WorkFolder::create(const fs::path& parent, const std::string& prefix) {
  remove_abandoned(parent, prefix, "");
  for (int attempt = 0; attempt < kTries; ++attempt) {
    MIFENG_TRY(TempDir folder, TempDir::create(parent, prefix));
    UniqueFd fd(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd && lock(fd.get(), folder.path().string())) return WorkFolder(std::move(folder), std::move(fd));
  }
  return errno_error(EAGAIN, "make a folder in " + parent.string());
}

}  // namespace mifeng
