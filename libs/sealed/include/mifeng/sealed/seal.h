// Sealing a stream: bytes in, bytes out, one segment of memory.
#pragma once

#include <cstdint>
#include <memory>

#include "mifeng/base/random.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/sealed/root_key.h"

namespace mifeng::sealed {

inline constexpr std::size_t kSegmentLengthSize = 4;
inline constexpr std::size_t kSegmentOverhead = kSegmentLengthSize + crypto::kGcmTagSize;  // 20
inline constexpr std::uint64_t kPlaintextMax = std::uint64_t{1} << 40;                     // a sender's rule

// kFixed: every segment but the last is full, so that the length is known beforehand. kFlushed: a segment may end
// early.
enum class Segmentation { kFixed, kFlushed };

struct SealOptions {
  Segmentation segmentation = Segmentation::kFixed;  // a payload must be kFixed
  ByteView context = {};                             // copied into the derivation, not kept
};

// Usage: write header(), then what next() makes of the plaintext. After an error only the same error comes back. The
// SenderKey is not needed after create(), the provider is until the Sealer goes.
class Sealer {
 public:
  // kInvalidArgument "fixed-rule" for a flushed payload; kResourceExhausted "root-key-spent" where the sender key has
  // served kResponseStreamsMax responses, or a grant.
  static Result<Sealer> create(SenderKey& key, const SealOptions& options, Random& random,
                               crypto::Sm4GcmProvider& provider);

  ByteView header() const { return header_; }
  std::size_t segment_size() const { return segment_size_; }

  // What comes behind `in`; kFlush: not known yet, and what there is so far is to go now.
  enum class After { kMore, kFlush, kLast };
  // Takes from the front of `in` and writes at most one segment to `out`, which is as large as the segment will be, or
  // larger: segment_size() + kSegmentOverhead is always enough. The two are disjoint. Returns the segment's size; 0
  // where all of `in` was taken and more is needed. Call until `in` is empty, with kLast until finished(). A segment
  // that is whole in `in` is not copied. kInvalidArgument "fixed-rule" for the flush of a kFixed stream,
  // "bad-output-size", "finished"; kResourceExhausted "stream-too-long" above kPlaintextMax or 2^32 segments.
  Result<std::size_t> next(ByteView& in, After after, MutableBytes out);
  bool finished() const { return finished_; }  // the final segment was written

 private:
  friend struct LimitsSeam;  // src/limits_seam.h
  // Less than a segment, which waits for more.
  struct Pending {
    Pending() = default;
    Pending(Pending&&) noexcept = default;
    Pending& operator=(Pending&&) noexcept = default;
    ~Pending();
    std::unique_ptr<std::uint8_t[]> bytes;  // segment_size_ of them, once they are needed
    std::size_t size = 0;
    // Wiped at the end: how many bytes there were at most. None of a response, whose plaintext lies in the sender's
    // buffers as well.
    std::size_t secret = 0;
  };

  Sealer(Kind kind, Bytes header, std::unique_ptr<crypto::Sm4GcmCipher> cipher, std::size_t segment_size,
         Segmentation segmentation)
      : kind_(kind),
        header_(std::move(header)),
        cipher_(std::move(cipher)),
        segment_size_(segment_size),
        segmentation_(segmentation) {}
  Result<void> keep(ByteView plaintext);
  Result<std::size_t> seal_segment(ByteView plaintext, bool final, MutableBytes out);

  Kind kind_;
  Bytes header_;
  std::unique_ptr<crypto::Sm4GcmCipher> cipher_;
  std::size_t segment_size_;
  Segmentation segmentation_;
  Pending pending_;
  std::uint64_t segments_ = 0;
  std::uint64_t plaintext_size_ = 0;
  bool finished_ = false;
  std::optional<Error> error_;
};

// The header for a payload that is sealed already: `key` was made with create_for_payload() from its root key, other
// recipients and the same exponent; salt and flags are the old header's. Put before the unchanged segments.
Result<Bytes> replace_payload_header(const Header& old_header, const SenderKey& key, ByteView context);

// All at once, for what is small.
Result<Bytes> seal(SenderKey& key, const SealOptions& options, ByteView plaintext, Random& random,
                   crypto::Sm4GcmProvider& provider);

}  // namespace mifeng::sealed
