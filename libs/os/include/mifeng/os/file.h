// Files, the few ways in which Mifeng uses them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"

namespace mifeng {

// Owns a file descriptor; -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The whole file. kNotFound "no-such-file"; kResourceExhausted "file-too-large" above `limit` bytes; else kInternal
// "cannot-read". The message names the path.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t limit);
Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit);
// The same into locked memory, through no buffer that is left behind.
Result<SecretBytes> read_secret_file(const std::filesystem::path& path, std::size_t limit);
// The first line of such a file, at most 4 KiB of it: a password. kInvalidArgument "no-password" where it is empty.
Result<SecretBytes> read_secret_line(const std::filesystem::path& path);

// Writes to a temporary file beside `path`, syncs it, renames it over `path`, syncs the folder: after kill -9 or a full
// disk the old content or the new one is there, whole. kResourceExhausted "disk-full", else kInternal "cannot-write".
Result<void> write_file_atomic(const std::filesystem::path& path, ByteView content, ::mode_t mode = 0644);

// A folder of one's own below `parent` (mode 0700), removed with all it holds when the object goes.
class TempDir {
 public:
  static Result<TempDir> create(const std::filesystem::path& parent, const std::string& prefix = "mifeng-");
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&&) = delete;
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

// The error that `errno` stands for, with what was being done: "open /x: No such file or directory".
Error errno_error(int error_number, const std::string& what);

}  // namespace mifeng
