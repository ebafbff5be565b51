#include "cli/stream_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "cli/console.h"

namespace mifeng::cli {
namespace {

// What the user can mend by naming another path is "not found", not a failure of the machine.
Error path_error(int number, const std::string& action, const std::string& path) {
  if (number == ENOENT) return Error(ErrorCode::kNotFound, "no-such-file", "there is no " + path);
  return errno_error(number, action + " " + path);
}

bool is_standard(const std::string& path) { return path.empty() || path == "-"; }

}  // namespace

Result<Input> Input::open(const std::string& path) {
  if (is_standard(path)) return Input(UniqueFd(), STDIN_FILENO, "standard input");
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return path_error(errno, "open", path);
  const int number = fd.get();
  return Input(std::move(fd), number, path);
}

Result<std::size_t> Input::read(MutableBytes buffer) {
  for (;;) {
    const ::ssize_t size = ::read(fd_, buffer.data(), buffer.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EINTR) return errno_error(errno, "read " + name_);
  }
}

Result<void> Input::read_up_to(Bytes& have, std::size_t size) {
  std::size_t end = have.size();
  have.resize(std::max(end, size));
  while (end < have.size()) {
    MIFENG_TRY(const std::size_t got, read(MutableBytes(have).subspan(end)));
    if (got == 0) break;
    end += got;
  }
  have.resize(end);
  return ok();
}

Result<Output> Output::create(const std::string& path, ::mode_t mode) {
  Output output;
  if (is_standard(path)) {
    output.terminal_ = ::isatty(STDOUT_FILENO) == 1;
    return output;
  }
  output.path_ = path;
  struct ::stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {  // /dev/null, a pipe: nothing to rename
    if (S_ISDIR(status.st_mode)) return errno_error(EISDIR, "write " + path);
    output.fd_.reset(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!output.fd_) return errno_error(errno, "write " + path);
    return output;
  }
  std::string pattern = path + ".XXXXXX";
  output.fd_.reset(::mkostemp(pattern.data(), O_CLOEXEC));
  if (!output.fd_) return path_error(errno, "write", errno == ENOENT ? "folder for " + path : path);
  output.temporary_ = pattern;
  const ::mode_t mask = ::umask(0);
  ::umask(mask);
  if (::fchmod(output.fd_.get(), mode & ~mask) != 0) return errno_error(errno, "write " + path);
  return output;
}

Output::~Output() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> Output::write(ByteView data) {
  if (!terminal_) return write_all(data);
  return write_all(as_bytes(visible_.add(as_text(data))));
}

Result<void> Output::write_all(ByteView data) {
  const int fd = fd_ ? fd_.get() : STDOUT_FILENO;
  while (!data.empty()) {
    const ::ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fd_ ? errno_error(errno, "write " + path_.string()) : output_error(errno);
    }
    data = data.subspan(static_cast<std::size_t>(written));
  }
  return ok();
}

Result<void> Output::commit() {
  if (terminal_) MIFENG_CHECK(write_all(as_bytes(visible_.end())));
  if (temporary_.empty()) return ok();
  if (::fsync(fd_.get()) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    return errno_error(errno, "write " + path_.string());
  temporary_.clear();
  return ok();
}

}  // namespace mifeng::cli
