// A file of the sealed payload as another container handed it over: nothing that it is said to be is believed, and it
// is read once, by position, never mapped (its owner may cut it off at any moment).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/os/file.h"

namespace mifeng::guard {

class SealedFile {
 public:
  // kInvalidArgument "bad-handover", which names `what`: not a regular file, opened for anything but reading (O_PATH
  // too), empty, or of more than `size_max` bytes.
  static Result<SealedFile> take(UniqueFd fd, std::string what, std::uint64_t size_max);
  static Result<SealedFile> open(const std::filesystem::path& path, std::uint64_t size_max);

  std::uint64_t size() const { return size_; }  // when it was taken
  // The next bytes, at least one; 0 at the end, which has to be at size(). kVerificationFailed "payload-changed" where
  // the file ends before, or goes on.
  Result<std::size_t> read(std::span<std::uint8_t> into);
  // All of it, from its beginning.
  Result<Bytes> read_all();

 private:
  SealedFile(UniqueFd fd, std::string what, std::uint64_t size)
      : fd_(std::move(fd)), what_(std::move(what)), size_(size) {}
  UniqueFd fd_;
  std::string what_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
};

}  // namespace mifeng::guard
