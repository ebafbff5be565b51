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

std::uint64_t SealFilter::plaintext_left() const { return *length_ - sealed_; }

std::size_t SealFilter::segment_room() const {
  std::uint64_t plaintext = sealer_.segment_size();
  if (length_) plaintext = std::min(plaintext, plaintext_left());
  return static_cast<std::size_t>(plaintext) + sealed::kSegmentOverhead;
}

Result<std::size_t> SealFilter::next(ByteView& in, After after, MutableBytes out) {
  const std::size_t size = sealer_.segment_size();
  const std::size_t missing = size - pending_.size();
  if (length_ && pending_.size() + in.size() > plaintext_left()) {
    return Error(ErrorCode::kInvalidArgument, "length-mismatch", "the model sent more than its Content-Length says");
  }
  ByteView plaintext;
  auto last = sealed::Sealer::Last::kNo;
  const bool full = in.size() >= missing;
  if (full && pending_.empty()) {
    plaintext = in.first(size);
    in = in.subspan(size);
  } else if (full) {
    append(pending_, in.first(missing));
    in = in.subspan(missing);
    plaintext = pending_;
  } else if (after == After::kLast || (after == After::kFlush && !length_ && pending_.size() + in.size() != 0)) {
    if (!pending_.empty()) append(pending_, in);
    plaintext = pending_.empty() ? in : ByteView(pending_);
    in = {};
    if (after == After::kLast) last = sealed::Sealer::Last::kYes;
  } else {
    append(pending_, in);
    in = {};
    return std::size_t{0};
  }
  if (last == sealed::Sealer::Last::kYes && length_ && plaintext.size() != plaintext_left()) {
    return Error(ErrorCode::kInvalidArgument, "length-mismatch", "the model sent less than its Content-Length says");
  }
  const std::size_t written = plaintext.size() + sealed::kSegmentOverhead;
  MIFENG_CHECK(sealer_.seal_segment(plaintext, last, out.first(written)));
  sealed_ += plaintext.size();
  pending_.clear();
  finished_ = last == sealed::Sealer::Last::kYes;
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
