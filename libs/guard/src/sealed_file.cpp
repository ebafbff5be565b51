#include "mifeng/guard/sealed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mifeng::guard {

Result<SealedFile> SealedFile::take(UniqueFd fd, std::string what, std::uint64_t size_max) {
  const auto bad = [&](const std::string& why) {
    return Error(ErrorCode::kInvalidArgument, "bad-handover", "the payload's " + what + " " + why);
  };
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return errno_error(errno, "look at the payload's " + what);
  if (!S_ISREG(facts.st_mode)) return bad("is not a regular file");
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) != O_RDONLY)
    return bad("is not open for reading alone");
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  if (size == 0 || size > size_max)
    return bad("has " + std::to_string(size) + " bytes, and may have 1 to " + std::to_string(size_max));
  return SealedFile(std::move(fd), std::move(what), size);
}

Result<SealedFile> SealedFile::open(const std::filesystem::path& path, std::uint64_t size_max) {
  // Without waiting: a pipe in its place must not hold us up before it is refused.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd) return errno_error(errno, "open " + path.string());
  return take(std::move(fd), path.filename().string(), size_max);
}

Result<std::size_t> SealedFile::read(std::span<std::uint8_t> into) {
  const auto changed = [this](const std::string& how) {
    return Error(ErrorCode::kVerificationFailed, "payload-changed",
                 "the payload's " + what_ + " " + how + " than the " + std::to_string(size_) +
                     " bytes that it had when it was handed over");
  };
  if (into.empty()) return std::size_t{0};
  // One byte beyond the end, to see that there is none.
  const std::size_t wanted = std::min<std::uint64_t>(into.size(), size_ - at_ + 1);
  ssize_t got;
  do {
    got = ::pread(fd_.get(), into.data(), wanted, static_cast<::off_t>(at_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno_error(errno, "read the payload's " + what_);
  if (at_ + static_cast<std::uint64_t>(got) > size_) return changed("is longer");
  if (got == 0 && at_ < size_) return changed("is shorter");
  at_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

Result<Bytes> SealedFile::read_all() {
  at_ = 0;
  Bytes all(size_ + 1);
  std::size_t filled = 0;
  for (;;) {
    MIFENG_TRY(const std::size_t got, read(std::span(all).subspan(filled)));
    if (got == 0) break;
    filled += got;
  }
  all.resize(filled);
  return all;
}

}  // namespace mifeng::guard
