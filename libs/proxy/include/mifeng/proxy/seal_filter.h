// A response being sealed: sealed::Sealer, held to the length that the model said. No nginx types, no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "mifeng/sealed/seal.h"

namespace mifeng::proxy {

class SealFilter {
 public:
  // `length` is the plaintext's where it is known: the stream is then fixed. Else each flush ends a segment.
  static Result<SealFilter> create(sealed::SenderKey& key, ByteView context, std::optional<std::uint64_t> length,
                                   Random& random, crypto::Sm4GcmProvider& provider);

  // What goes out first.
  ByteView header() const { return sealer_.header(); }
  // Of header and segments together, where it is known.
  std::optional<std::uint64_t> stream_length() const;
  // As large as the buffer for the next segment has to be at most.
  std::size_t segment_room() const;

  using After = sealed::Sealer::After;
  // As Sealer::next(), with an `out` of segment_room() bytes or more; a fixed stream passes over a flush. Call until it
  // returns 0 or finished(). kInvalidArgument "length-mismatch" where the plaintext has not the length that was said;
  // then no final segment is ever written.
  Result<std::size_t> next(ByteView& in, After after, MutableBytes out);
  bool finished() const { return sealer_.finished(); }

 private:
  SealFilter(sealed::Sealer sealer, std::optional<std::uint64_t> length, int exponent)
      : sealer_(std::move(sealer)), length_(length), exponent_(exponent) {}

  sealed::Sealer sealer_;
  std::optional<std::uint64_t> length_;
  int exponent_;
  std::uint64_t taken_ = 0;   // of the plaintext
  std::uint64_t sealed_ = 0;  // of what was taken
};

// The stream of an empty plaintext in base64: the value of Mifeng-Seal.
Result<std::string> seal_empty(sealed::SenderKey& key, ByteView context, Random& random,
                               crypto::Sm4GcmProvider& provider);

}  // namespace mifeng::proxy
