// Undoes gzip (RFC 1952) piece by piece, within a bound.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <cstdint>

#include "mifeng/archive/tar.h"
#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::package {

inline constexpr std::uint64_t kUnpackedMax = std::uint64_t{64} << 30;
// What the layers of a package may unpack to, all of them together, by how much they are packed: whoever looks at them
// reads that much, and a package is a stranger's.
constexpr std::uint64_t unpacked_max(std::uint64_t packed) {
  return std::min(kUnpackedMax, 20 * packed + (std::uint64_t{1} << 30));
}

class Gunzip {
 public:
  // Some tools write a gzip member for each file: then several follow one another.
  enum class Members { kOne, kAny };
  // No more comes out than `left`, which counts down and may be shared among several streams.
  Gunzip(Members members, std::uint64_t& left);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  // kInvalidArgument "bad-gzip" or "too-large", kInternal "no-memory", and what `sink` says.
  Result<void> feed(ByteView bytes, const archive::Sink& sink);
  bool ended() const { return ended_; }  // a member is complete, and nothing of another has come

 private:
  Members members_;
  std::uint64_t& left_;
  ::z_stream stream_{};
  Bytes out_;
  bool ready_ = false;
  bool ended_ = false;
};

}  // namespace mifeng::package
