#include "mifeng/os/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace mifeng {
namespace {

template <typename Buffer, typename Grow>
Result<void> read_into(const std::filesystem::path& path, std::size_t limit, Buffer& buffer, Grow grow) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return Error(ErrorCode::kNotFound, "no-such-file", "no such file: " + path.string());
    return Error(ErrorCode::kInternal, "cannot-read", "open " + path.string() + ": " + std::strerror(errno));
  }
  std::size_t used = 0;
  for (;;) {
    grow(buffer, used);
    const MutableBytes space = [&] {
      if constexpr (std::is_same_v<Buffer, SecretBytes>)
        return buffer.reveal_for_writing().subspan(used);
      else
        return MutableBytes(reinterpret_cast<std::uint8_t*>(buffer.data()) + used, buffer.size() - used);
    }();
    const ssize_t got = ::read(fd.get(), space.data(), space.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return Error(ErrorCode::kInternal, "cannot-read", "read " + path.string() + ": " + std::strerror(errno));
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > limit)
      return Error(ErrorCode::kResourceExhausted, "file-too-large",
                   path.string() + " is larger than " + std::to_string(limit) + " bytes");
  }
  if constexpr (std::is_same_v<Buffer, SecretBytes>) {
    buffer = SecretBytes(buffer.reveal_for_copying().first(used));
  } else {
    buffer.resize(used);
  }
  return ok();
}

template <typename Buffer>
Result<Buffer> read_plain(const std::filesystem::path& path, std::size_t limit) {
  Buffer buffer;
  MIFENG_CHECK(read_into(path, limit, buffer, [limit](Buffer& b, std::size_t used) {
    // One byte over the limit is enough to see that the file is too large.
    if (b.size() == used) b.resize(std::min(limit + 1, std::max<std::size_t>(4096, used * 2)) + (used > limit ? 1 : 0));
  }));
  return buffer;
}

Result<void> write_all(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0) {
      if (errno == EINTR) continue;
      return errno_error(errno, "write");
    }
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return ok();
}

}  // namespace

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit) { return read_plain<Bytes>(path, limit); }

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit) {
  return read_plain<std::string>(path, limit);
}

Result<SecretBytes> read_secret_file(const std::filesystem::path& path, std::size_t limit) {
  SecretBytes buffer(limit + 1);
  MIFENG_CHECK(read_into(path, limit, buffer, [](SecretBytes&, std::size_t) {}));
  return buffer;
}

Result<SecretBytes> read_secret_line(const std::filesystem::path& path) {
  MIFENG_TRY(const SecretBytes text, read_secret_file(path, 4096));
  const std::string_view all = as_text(text.reveal_for_parsing());
  const std::size_t size = std::min(all.find_first_of("\r\n"), all.size());
  if (size == 0)
    return Error(ErrorCode::kInvalidArgument, "no-password", "The first line of " + path.string() + " is empty.");
  return SecretBytes(text.reveal_for_copying().first(size));
}

Result<void> write_file_atomic(const std::filesystem::path& path, ByteView content, ::mode_t mode) {
  std::string temporary = path.string() + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return errno_error(errno, "create a file beside " + path.string());
  auto written = [&]() -> Result<void> {
    MIFENG_CHECK(write_all(fd.get(), content));
    if (::fchmod(fd.get(), mode) != 0) return errno_error(errno, "chmod");
    if (::fsync(fd.get()) != 0) return errno_error(errno, "fsync");
    if (::rename(temporary.c_str(), path.c_str()) != 0) return errno_error(errno, "rename");
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_fd || ::fsync(folder_fd.get()) != 0) return errno_error(errno, "fsync the folder");
    return ok();
  }();
  if (!written) {
    ::unlink(temporary.c_str());
    return written.error().with_context("write " + path.string());
  }
  return ok();
}

Result<TempDir> TempDir::create(const std::filesystem::path& parent, const std::string& prefix) {
  std::string name = (parent / (prefix + "XXXXXX")).string();
  if (::mkdtemp(name.data()) == nullptr) return errno_error(errno, "make a folder in " + parent.string());
  return TempDir(std::filesystem::path(name));
}

TempDir::~TempDir() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Error errno_error(int error_number, const std::string& what) {
  const bool full = error_number == ENOSPC || error_number == EDQUOT;
  return Error(full ? ErrorCode::kResourceExhausted : ErrorCode::kInternal, full ? "disk-full" : "cannot-write",
               what + ": " + std::generic_category().message(error_number));
}

}  // namespace mifeng
