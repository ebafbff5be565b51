// Whole buffers through an Opener or a Sealer, everything that comes out appended to `out` (also what came
// before an error).
#pragma once

#include "mifeng/sealed/open.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::sealed::testing {

inline Result<void> feed(Opener& opener, ByteView in, Bytes& out) {
  do {
    MIFENG_TRY(const ByteView plaintext, opener.next(in));
    append(out, plaintext);
  } while (!in.empty());
  return ok();
}

inline Result<void> feed(Sealer& sealer, ByteView in, Sealer::After after, Bytes& out) {
  Bytes segment(sealer.segment_size() + kSegmentOverhead);
  do {
    MIFENG_TRY(const std::size_t size, sealer.next(in, after, segment));
    append(out, ByteView(segment).first(size));
  } while (!in.empty() || (after == Sealer::After::kLast && !sealer.finished()));
  return ok();
}

}  // namespace mifeng::sealed::testing
