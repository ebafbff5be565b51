// Lets the tests of the format's limits begin near them: 2^32 segments, 2^40 bytes and 2^20 streams are too many to
// go through one by one. It moves counters; and it makes the segments that the format allows and no sender of ours
// makes.
#pragma once

#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::sealed {

struct LimitsSeam {
  static void begin_after(SenderKey& key, std::uint64_t streams) { key.streams_ = streams; }
  static void begin_after(Sealer& sealer, std::uint64_t segments, std::uint64_t plaintext_size) {
    sealer.segments_ = segments;
    sealer.plaintext_size_ = plaintext_size;
  }
  // An empty one that is not final, say.
  static Result<std::size_t> seal_segment(Sealer& sealer, ByteView plaintext, bool final, MutableBytes out) {
    return sealer.seal_segment(plaintext, final, out);
  }
  static void begin_at_segment(Opener& opener, std::uint64_t index);  // in opener.cpp
};

}  // namespace mifeng::sealed
