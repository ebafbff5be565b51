// Tar archives (POSIX.1-2017 pax interchange format, ustar header blocks), the narrow part of them that Mifeng writes
// and reads. Bytes in, bytes out, no I/O.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::archive {

// Takes bytes in order; an error ends what was going on and comes back from it.
using Sink = std::function<Result<void>(ByteView)>;

inline constexpr std::size_t kTarBlock = 512;

struct TarEntry {
  enum class Type { kFile, kDirectory, kSymlink };
  std::string path;  // without a leading '/', a folder without a trailing one
  Type type = Type::kFile;
  std::uint32_t mode = 0644;  // the lower 12 bits
  std::uint64_t size = 0;     // of a file's content
  std::string link_target;    // of a symlink, as it stands there
};

// Writes with owner 0:0 and time 0, so that the same entries give the same bytes. ustar; a name, link or size that does
// not fit gets a pax header of just that.
class TarWriter {
 public:
  explicit TarWriter(Sink sink) : sink_(std::move(sink)) {}

  // kInvalidArgument "bad-entry" for a path that a reader would refuse, a content shorter than announced before.
  Result<void> add(const TarEntry& entry);
  // Of the file added last; at most its size in all.
  Result<void> data(ByteView bytes);
  // add() and data() in one.
  Result<void> add_file(std::string_view path, ByteView content, std::uint32_t mode = 0644);
  // The two zero blocks. Then no more calls.
  Result<void> finish();
  std::uint64_t bytes() const { return bytes_; }  // written so far

 private:
  Result<void> put(ByteView bytes);
  Result<void> header(const TarEntry& entry);
  Sink sink_;
  std::uint64_t bytes_ = 0;
  std::uint64_t left_ = 0;  // of the current file
  std::uint32_t padding_ = 0;
};

// The whole length of the archive's part for one entry: header blocks, content, padding.
std::uint64_t tar_entry_size(const TarEntry& entry);

struct TarLimits {
  std::uint64_t entries = 100'000;
  std::uint64_t total_size = std::uint64_t{1} << 40;  // of all contents
  bool symlinks = false;                              // else a link is refused
};

// What a reader calls, in order: entry, data (any number of times, only for files), end.
class TarHandler {
 public:
  virtual ~TarHandler() = default;
  virtual Result<void> entry(const TarEntry& entry) = 0;
  virtual Result<void> data(ByteView bytes) = 0;
  virtual Result<void> end() = 0;
};

// Refuses what TarWriter does not write, as kVerificationFailed "bad-archive" with the offset: other types (hard links,
// devices, GNU extensions, sparse files, global headers), other pax keywords, a wrong checksum, numbers that are not
// plain octal, an absolute path, an empty, "." or ".." part, a backslash, control characters, a path twice in a row,
// padding that is not zero, an end that is not two zero blocks, and anything after it.
class TarReader {
 public:
  // `handler` outlives the reader.
  explicit TarReader(TarHandler& handler, TarLimits limits = {}) : handler_(&handler), limits_(limits) {}

  // Pieces of any size. The first error stays.
  Result<void> feed(ByteView bytes);
  // The input has ended: kVerificationFailed "bad-archive" unless the end was there.
  Result<void> finish();
  // What finish() says of an archive whose input ended after `size` bytes: fewer than offset(), where what was left out
  // by skip_content() is not there.
  Error cut_at(std::uint64_t size) const;
  bool ended() const { return state_ == State::kEnded; }
  // For a source that can seek: takes the rest of the current file's content as read without seeing it (the handler
  // gets end()), and says how many bytes of the input to leave out. 0 between files.
  Result<std::uint64_t> skip_content();
  std::uint64_t offset() const { return offset_; }  // bytes taken so far

 private:
  enum class State { kHeader, kPax, kData, kPadding, kSecondZero, kEnded };
  Result<void> take(ByteView& bytes);
  Result<void> block();
  Result<void> pax_records();
  Error bad(const std::string& sentence) const;

  TarHandler* handler_;
  TarLimits limits_;
  State state_ = State::kHeader;
  std::array<std::uint8_t, kTarBlock> block_{};
  std::size_t filled_ = 0;
  std::uint64_t left_ = 0;
  std::size_t padding_ = 0;
  std::string pax_;
  std::optional<std::string> pax_path_, pax_link_;
  std::optional<std::uint64_t> pax_size_;
  bool after_pax_ = false;
  std::string previous_path_;
  std::uint64_t entries_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t offset_ = 0;
  std::optional<Error> error_;
};

// Why a path may not be in an archive, or nothing: relative, normal, at most 1024 bytes, UTF-8 not asked.
std::optional<std::string> check_entry_path(std::string_view path);

}  // namespace mifeng::archive
