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

// Usage: write header(), then what update(), flush() and finish() append to `out`. After an error only the same error
// comes back. The SenderKey is not needed after create(), the provider is until the Sealer goes.
class Sealer {
 public:
  // kInvalidArgument "fixed-rule" for a flushed payload; kResourceExhausted "root-key-spent" where the sender key has
  // served kResponseStreamsMax responses, or a grant.
  static Result<Sealer> create(SenderKey& key, const SealOptions& options, Random& random,
                               crypto::Sm4GcmProvider& provider);

  ByteView header() const { return header_; }
  std::size_t segment_size() const { return segment_size_; }

  // Seals every segment that is full, except that the last full one waits for what follows where only then its final
  // bit is known. kResourceExhausted "stream-too-long" above kPlaintextMax or 2^32 segments.
  Result<void> update(ByteView plaintext, Bytes& out);
  // Ends the current segment early; nothing where no byte waits. kInvalidArgument "fixed-rule" for a kFixed stream.
  Result<void> flush(Bytes& out);
  // The final segment. Then no more calls.
  Result<void> finish(Bytes& out);

  // Without the buffer, for a caller that has its plaintext in pieces of its own: writes one segment of
  // plaintext.size() + kSegmentOverhead bytes to `out` (disjoint from plaintext). Not to be mixed with update().
  // Sizes against the fixed rule or over segment_size() are refused as "fixed-rule", "segment-too-long".
  enum class Last { kNo, kYes };
  Result<void> seal_segment(ByteView plaintext, Last last, MutableBytes out);

 private:
  friend struct LimitsSeam;  // src/limits_seam.h
  Sealer(Bytes header, std::unique_ptr<crypto::Sm4GcmCipher> cipher, std::size_t segment_size,
         Segmentation segmentation)
      : header_(std::move(header)),
        cipher_(std::move(cipher)),
        segment_size_(segment_size),
        segmentation_(segmentation) {}
  Result<void> seal_one(ByteView plaintext, Last last, MutableBytes out);
  Result<void> emit(ByteView plaintext, Last last, Bytes& out);
  Result<void> emit_pending(Last last, Bytes& out);

  Bytes header_;
  std::unique_ptr<crypto::Sm4GcmCipher> cipher_;
  std::size_t segment_size_;
  Segmentation segmentation_;
  Bytes pending_;  // less than one segment, or exactly one that may turn out to be the final one
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
