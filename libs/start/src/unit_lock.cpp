#include "mifeng/start/unit_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <thread>

namespace mifeng::start {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kRetry{50};

}  // namespace

Result<UnitLock> UnitLock::wait_for_end_of_model(const std::filesystem::path& file, milliseconds patience) {
  UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
  // The model's group has to be able to open it, whatever our umask is.
  if (!fd || ::fchmod(fd.get(), 0640) != 0) return errno_error(errno, "make " + file.string());
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return errno_error(errno, "lock " + file.string());
    if (std::chrono::steady_clock::now() >= deadline)
      return Error(
          ErrorCode::kTimeout, "model-still-there",
          "the model of the guard before this one has not ended within " + std::to_string(patience.count()) + " ms");
    std::this_thread::sleep_for(kRetry);
  }
  return UnitLock(std::move(fd));
}

Result<UnitLock> UnitLock::hold(const std::filesystem::path& file) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return errno_error(errno, "open " + file.string());
  while (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return errno_error(errno, "lock " + file.string());
    return Error(ErrorCode::kUnavailable, "no-guard",
                 "the guard has ended, and another one is clearing up after it (" + file.string() + ")");
  }
  return UnitLock(std::move(fd));
}

}  // namespace mifeng::start
