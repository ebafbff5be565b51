#include "mifeng/os/held_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <thread>

namespace mifeng {
namespace {

constexpr std::chrono::seconds kInheritedMax{5};
constexpr std::chrono::milliseconds kLookAgain{10};

std::string holder_of(int fd) {
  std::string holder;
  char text[20] = "";
  const ::ssize_t size = ::pread(fd, text, sizeof text, 0);
  for (::ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) holder += text[i];
  return holder;
}

bool is_gone(const std::string& process) {
  ::pid_t pid = 0;
  const auto parsed = std::from_chars(process.data(), process.data() + process.size(), pid);
  return parsed.ec == std::errc() && pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH;
}

}  // namespace

Result<HeldLock> try_lock(const std::filesystem::path& file) {
  HeldLock lock{.fd = UniqueFd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), .holder = {}};
  if (!lock.fd) return errno_error(errno, "open " + file.string());
  const auto deadline = std::chrono::steady_clock::now() + kInheritedMax;
  while (::flock(lock.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, "lock " + file.string());
    lock.holder = holder_of(lock.fd.get());
    if (is_gone(lock.holder) && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kLookAgain);
      continue;
    }
    lock.fd.reset();
    return lock;
  }
  lock.holder = std::to_string(::getpid());
  const std::string line = lock.holder + "\n";
  if (::ftruncate(lock.fd.get(), 0) != 0 ||
      ::pwrite(lock.fd.get(), line.data(), line.size(), 0) != static_cast<::ssize_t>(line.size()))
    return errno_error(errno, "write " + file.string());
  return lock;
}

}  // namespace mifeng
