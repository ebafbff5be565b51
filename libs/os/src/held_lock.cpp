#include "mifeng/os/held_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace mifeng {

Result<HeldLock> try_lock(const std::filesystem::path& file) {
  HeldLock lock{.fd = UniqueFd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)), .holder = {}};
  if (!lock.fd) return errno_error(errno, "open " + file.string());
  if (::flock(lock.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, "lock " + file.string());
    char text[20] = "";
    const ::ssize_t size = ::pread(lock.fd.get(), text, sizeof text, 0);
    for (::ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) lock.holder += text[i];
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
