// Input and output of commands that pass a stream through: standard input and output, or files.
#pragma once

#include <filesystem>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/base/visible.h"
#include "mifeng/os/file.h"

namespace mifeng::cli {

// Standard input ("" or "-"), or a file.
class Input {
 public:
  static Result<Input> open(const std::string& path);
  // What is there, at most buffer.size() bytes; 0 at the end.
  Result<std::size_t> read(MutableBytes buffer);
  // Goes on reading until `have` holds `size` bytes, or all that there is.
  Result<void> read_up_to(Bytes& have, std::size_t size);

 private:
  Input(UniqueFd owned, int fd, std::string name) : owned_(std::move(owned)), fd_(fd), name_(std::move(name)) {}
  UniqueFd owned_;
  int fd_;
  std::string name_;
};

// Standard output ("" or "-"; on a terminal as visible.h has it), or a file that appears under its name only at
// commit(), whole: before that, and after a failure, nothing of it is there and what was there stays.
class Output {
 public:
  static Result<Output> create(const std::string& path, ::mode_t mode = 0644);
  Output(Output&& other) noexcept
      : fd_(std::move(other.fd_)),
        path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        terminal_(other.terminal_),
        visible_(std::move(other.visible_)) {}
  Output& operator=(Output&&) = delete;
  ~Output();
  Result<void> write(ByteView data);
  Result<void> commit();

 private:
  Output() = default;
  Result<void> write_all(ByteView data);

  UniqueFd fd_;  // none: standard output
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool terminal_ = false;
  Visible visible_;
};

}  // namespace mifeng::cli
