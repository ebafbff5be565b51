#include "mifeng/os/disk_reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#include "mifeng/os/file.h"

namespace mifeng {
namespace {

// What a process without privileges may still write there; nothing where nobody can tell.
std::int64_t free_at(const std::filesystem::path& place) {
  struct ::statvfs space {};
  if (::statvfs(place.c_str(), &space) != 0) return 0;
  return static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
}

// Gives back what it holds, one way or the other.
void empty(const std::filesystem::path& file) {
  if (::truncate(file.c_str(), 0) != 0) ::unlink(file.c_str());
}

}  // namespace

Result<std::unique_ptr<DiskReserve>> DiskReserve::create(const std::filesystem::path& file, std::int64_t bytes) {
  const UniqueFd made(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!made) return errno_error(errno, "make " + file.string());
  std::unique_ptr<DiskReserve> reserve(new DiskReserve(file, bytes));
  // Of another size in a former release, or half of it taken when that was killed.
  std::error_code unknown;
  if (reserve->held_locked() != bytes ||
      std::filesystem::file_size(file, unknown) != static_cast<std::uintmax_t>(bytes)) {
    empty(file);
    reserve->restore();
  }
  return reserve;
}

std::int64_t DiskReserve::held_locked() const {
  struct ::stat info {};
  // Blocks, not length: a file may be long and hold nothing.
  return ::stat(file_.c_str(), &info) == 0 ? std::min<std::int64_t>(bytes_, info.st_blocks * 512) : 0;
}

void DiskReserve::make_room() {
  if (free_at(file_) >= bytes_ / 8) return;
  const std::lock_guard lock(mutex_);
  empty(file_);
}

void DiskReserve::restore() {
  const std::lock_guard lock(mutex_);
  if (held_locked() >= bytes_ || free_at(file_) < 2 * bytes_) return;
  const UniqueFd file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  // Half a reserve would be taken for none the next time, and could not grow beside itself.
  if (file && ::posix_fallocate(file.get(), 0, bytes_) != 0) empty(file_);
}

std::int64_t DiskReserve::room_for_others(const std::filesystem::path& folder) const {
  struct ::stat here {
  }, there{};
  if (::stat(file_.c_str(), &here) != 0 || ::stat(folder.c_str(), &there) != 0) return 0;
  const std::lock_guard lock(mutex_);
  const std::int64_t missing = here.st_dev == there.st_dev ? bytes_ - held_locked() : 0;
  return std::max<std::int64_t>(0, free_at(folder) - missing);
}

}  // namespace mifeng
