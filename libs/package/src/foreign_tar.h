// Tar archives as other tools write them: layers of images that a vendor names. Only what entries are called and what
// kind they are is looked at; contents pass by. Bytes in, no I/O.
//
// What it takes is what engines take (they are written in Go, with its archive/tar): headers of V7, ustar and GNU, pax
// records, GNU's long names. Where two readers might understand an archive differently, it is refused: other types,
// sparse files, the STAR format, names in two ways at once, numbers out of range, content of what has none, anything
// but zeros after the end.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "mifeng/archive/tar.h"
#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::package {

struct ForeignEntry {
  enum class Type { kFile, kDirectory, kSymlink, kHardLink, kOther };  // kOther: devices and pipes
  std::string path;  // as it stands there: may be absolute, with "." and ".."
  Type type = Type::kFile;
  std::string link_target;  // of both kinds of link
};

class ForeignTar {
 public:
  using Handler = std::function<Result<void>(const ForeignEntry&)>;
  explicit ForeignTar(Handler handler) : handler_(std::move(handler)) {}

  // Pieces of any size. kInvalidArgument "bad-tar" with a sentence, and what the handler says; the first error stays.
  // Memory: names of at most 4096 bytes, pax records of at most 1 MiB.
  Result<void> feed(ByteView bytes);
  // The input has ended. An archive may end without its two zero blocks, but between two entries.
  Result<void> finish();

 private:
  enum class State { kHeader, kSpecial, kSkip, kSecondZero, kEnded };
  Result<void> take(ByteView& bytes);
  Result<void> block();
  Result<void> special();
  Result<void> pax_records(bool global);

  Handler handler_;
  State state_ = State::kHeader;
  std::array<std::uint8_t, archive::kTarBlock> block_{};
  std::size_t filled_ = 0;
  std::uint64_t left_ = 0;     // of a special content, or of what is skipped, with its padding
  std::uint64_t padding_ = 0;  // after a special content
  char special_type_ = 0;
  std::string special_;
  // Of the entry to come.
  std::optional<std::string> long_name_, long_link_, pax_path_, pax_link_;
  std::optional<std::uint64_t> pax_size_;
  bool pax_ = false;
  std::uint64_t entries_ = 0;
  std::optional<Error> error_;
};

}  // namespace mifeng::package
