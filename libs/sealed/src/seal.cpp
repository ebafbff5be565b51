#include "mifeng/sealed/seal.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "guard.h"
#include "header_layout.h"
#include "segment.h"

namespace mifeng::sealed {

Bytes SenderKey::make_header(std::span<const std::uint8_t, kSaltSize> salt, bool fixed, const StreamKeys& keys) const {
  Bytes header;
  header.reserve(header_size());
  append(header, kMagic);
  header.push_back(kVersion);
  header.push_back(static_cast<std::uint8_t>(kind_));
  header.push_back(static_cast<std::uint8_t>(exponent_));
  append_be(header, static_cast<std::uint16_t>(header_size()));
  append(header, salt);
  header.push_back(recipient_count_);
  header.push_back(static_cast<std::uint8_t>((signed_ ? kFlagSigned : 0) | (fixed ? kFlagFixed : 0)));
  append_be(header, std::uint16_t{0});
  const crypto::Sm3Digest mac = keys.header_mac(header, blocks_digest_);
  append(header, blocks_);
  append(header, mac);
  return header;
}

Result<Sealer> Sealer::create(SenderKey& key, const SealOptions& options, Random& random,
                              crypto::Sm4GcmProvider& provider) {
  return guarded([&]() -> Result<Sealer> {
    const bool fixed = options.segmentation == Segmentation::kFixed;
    if (key.kind() == Kind::kPayload && !fixed)
      return Error(ErrorCode::kInvalidArgument, "fixed-rule", "a payload has fixed segments");
    const bool spent = (key.kind() == Kind::kResponse && key.streams_ >= kResponseStreamsMax) ||
                       (key.kind() == Kind::kGrant && key.streams_ >= 1);
    if (spent)
      return Error(ErrorCode::kResourceExhausted, "root-key-spent",
                   "this root key has served its streams; make another");
    std::array<std::uint8_t, kSaltSize> salt{};
    random.fill(salt);
    const StreamKeys keys(key.root_key(), key.kind(), salt, options.context);
    MIFENG_TRY(auto cipher, provider.cipher(keys.segment_key().reveal_for_use()));
    ++key.streams_;
    return Sealer(key.make_header(salt, fixed, keys), std::move(cipher), std::size_t{1} << key.exponent(),
                  options.segmentation);
  });
}

Result<void> Sealer::seal_segment(ByteView plaintext, Last last, MutableBytes out) {
  return guarded(error_, [&] { return seal_one(plaintext, last, out); });
}

Result<void> Sealer::seal_one(ByteView plaintext, Last last, MutableBytes out) {
  const bool final = last == Last::kYes;
  if (finished_) return Error(ErrorCode::kInvalidArgument, "finished", "the final segment was sealed already");
  if (plaintext.size() > segment_size_)
    return Error(ErrorCode::kInvalidArgument, "segment-too-long", "a segment holds at most segment_size() bytes");
  if (segmentation_ == Segmentation::kFixed && (plaintext.size() == segment_size_) == final)
    return Error(ErrorCode::kInvalidArgument, "fixed-rule",
                 "with fixed segments each but the last is full, and the last is not");
  if (out.size() != plaintext.size() + kSegmentOverhead)
    return Error(ErrorCode::kInvalidArgument, "bad-output-size", "a segment takes 20 bytes more than its plaintext");
  if (plaintext.size() > kPlaintextMax - plaintext_size_ || segments_ >= (final ? kSegmentsMax : kSegmentsMax - 1))
    return Error(ErrorCode::kResourceExhausted, "stream-too-long",
                 "a stream holds at most 2^40 bytes in 2^32 segments; begin another");
  store_segment_length(out.first<kSegmentLengthSize>(), plaintext.size(), final);
  const auto nonce = segment_nonce(segments_, final);
  cipher_->seal(nonce, out.first(kSegmentLengthSize), plaintext, out.subspan(kSegmentLengthSize, plaintext.size()),
                out.last<crypto::kGcmTagSize>());
  ++segments_;
  plaintext_size_ += plaintext.size();
  finished_ = final;
  return ok();
}

Result<void> Sealer::emit(ByteView plaintext, Last last, Bytes& out) {
  const std::size_t before = out.size();
  out.resize(before + plaintext.size() + kSegmentOverhead);
  auto result = seal_one(plaintext, last, MutableBytes(out).subspan(before));
  if (!result) out.resize(before);
  return result;
}

Result<void> Sealer::emit_pending(Last last, Bytes& out) {
  auto result = emit(pending_, last, out);
  wipe(pending_.data(), pending_.size());
  pending_.clear();
  return result;
}

Result<void> Sealer::update(ByteView plaintext, Bytes& out) {
  return guarded(error_, [&]() -> Result<void> {
    // A fixed stream's full segment is never its last. A flushed one's may be: it waits for the next byte.
    const bool wait = segmentation_ == Segmentation::kFlushed;
    const auto is_ready = [&](std::size_t size) { return wait ? size > segment_size_ : size >= segment_size_; };
    while (!plaintext.empty()) {
      if (pending_.empty() && is_ready(plaintext.size())) {
        MIFENG_CHECK(emit(plaintext.first(segment_size_), Last::kNo, out));
        plaintext = plaintext.subspan(segment_size_);
        continue;
      }
      const std::size_t take = std::min(segment_size_ - pending_.size(), plaintext.size());
      append(pending_, plaintext.first(take));
      plaintext = plaintext.subspan(take);
      if (is_ready(pending_.size() + (wait ? std::min<std::size_t>(plaintext.size(), 1) : 0)))
        MIFENG_CHECK(emit_pending(Last::kNo, out));
    }
    return ok();
  });
}

Result<void> Sealer::flush(Bytes& out) {
  return guarded(error_, [&]() -> Result<void> {
    if (segmentation_ == Segmentation::kFixed)
      return Error(ErrorCode::kInvalidArgument, "fixed-rule", "a stream of fixed segments cannot be flushed");
    if (pending_.empty()) return ok();
    return emit_pending(Last::kNo, out);
  });
}

Result<void> Sealer::finish(Bytes& out) {
  return guarded(error_, [&] { return emit_pending(Last::kYes, out); });
}

Result<Bytes> replace_payload_header(const Header& old_header, const SenderKey& key, ByteView context) {
  return guarded([&]() -> Result<Bytes> {
    if (old_header.kind() != Kind::kPayload || key.kind() != Kind::kPayload)
      return Error(ErrorCode::kInvalidArgument, "not-a-payload", "only a payload may get a new header");
    if (old_header.exponent() != key.exponent())
      return Error(ErrorCode::kInvalidArgument, "bad-exponent", "the new header needs the old one's segment exponent");
    const StreamKeys keys(key.root_key(), key.kind(), old_header.salt(), context);
    const crypto::Sm3Digest mac =
        keys.header_mac(old_header.bytes().first(kFixedPartSize), crypto::sm3(old_header.blocks()));
    if (!equal_in_constant_time(mac, old_header.mac()))
      return Error(ErrorCode::kVerificationFailed, "bad-header-mac",
                   "the old header does not belong to this root key and context");
    return key.make_header(old_header.salt(), old_header.is_fixed(), keys);
  });
}

Result<Bytes> seal(SenderKey& key, const SealOptions& options, ByteView plaintext, Random& random,
                   crypto::Sm4GcmProvider& provider) {
  return guarded([&]() -> Result<Bytes> {
    MIFENG_TRY(Sealer sealer, Sealer::create(key, options, random, provider));
    Bytes out(sealer.header().begin(), sealer.header().end());
    out.reserve(out.size() + plaintext.size() + kSegmentOverhead * (plaintext.size() / sealer.segment_size() + 1));
    MIFENG_CHECK(sealer.update(plaintext, out));
    MIFENG_CHECK(sealer.finish(out));
    return out;
  });
}

}  // namespace mifeng::sealed
