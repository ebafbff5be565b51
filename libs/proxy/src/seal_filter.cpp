#include "mifeng/proxy/seal_filter.h"

#include <algorithm>

#include "mifeng/sealed/length.h"

namespace mifeng::proxy {

Result<SealFilter> SealFilter::create(sealed::SenderKey& key, ByteView context, std::optional<std::uint64_t> length,
                                      Random& random, crypto::Sm4GcmProvider& provider) {
  sealed::SealOptions options;
  options.segmentation = length ? sealed::Segmentation::kFixed : sealed::Segmentation::kFlushed;
  options.context = context;
  MIFENG_TRY(sealed::Sealer sealer, sealed::Sealer::create(key, options, random, provider));
  return SealFilter(std::move(sealer), length, key.exponent());
}

std::optional<std::uint64_t> SealFilter::stream_length() const {
  if (!length_) return std::nullopt;
  return sealed::fixed_stream_length(header().size(), *length_, exponent_);
}

std::size_t SealFilter::segment_room() const {
  std::uint64_t plaintext = sealer_.segment_size();
  if (length_) plaintext = std::min(plaintext, *length_ - sealed_);
  return static_cast<std::size_t>(plaintext) + sealed::kSegmentOverhead;
}

Result<std::size_t> SealFilter::next(ByteView& in, After after, MutableBytes out) {
  if (length_) {
    const std::uint64_t left = *length_ - taken_;
    if (in.size() > left)
      return Error(ErrorCode::kInvalidArgument, "length-mismatch", "the model sent more than its Content-Length says");
    if (after == After::kLast && in.size() < left)
      return Error(ErrorCode::kInvalidArgument, "length-mismatch", "the model sent less than its Content-Length says");
    if (after == After::kFlush) after = After::kMore;
  }
  const std::size_t before = in.size();
  MIFENG_TRY(const std::size_t written, sealer_.next(in, after, out));
  taken_ += before - in.size();
  if (written != 0) sealed_ += written - sealed::kSegmentOverhead;
  return written;
}

Result<std::string> seal_empty(sealed::SenderKey& key, ByteView context, Random& random,
                               crypto::Sm4GcmProvider& provider) {
  MIFENG_TRY(SealFilter filter, SealFilter::create(key, context, 0, random, provider));
  Bytes stream(filter.header().begin(), filter.header().end());
  std::array<std::uint8_t, sealed::kSegmentOverhead> segment;
  ByteView nothing;
  MIFENG_CHECK(filter.next(nothing, SealFilter::After::kLast, segment));
  append(stream, segment);
  return to_base64(stream);
}

}  // namespace mifeng::proxy
