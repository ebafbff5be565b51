#include "mifeng/sealed/seal.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

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
    MIFENG_TRY(auto cipher, provider.cipher(keys.segment_key().reveal_for_computing()));
    ++key.streams_;
    return Sealer(key.kind(), key.make_header(salt, fixed, keys), std::move(cipher), std::size_t{1} << key.exponent(),
                  options.segmentation);
  });
}

Sealer::Pending::~Pending() {
  if (bytes) wipe(bytes.get(), secret);
}

Result<void> Sealer::keep(ByteView plaintext) {
  if (plaintext.empty()) return ok();
  if (!pending_.bytes) pending_.bytes.reset(new (std::nothrow) std::uint8_t[segment_size_]);
  if (!pending_.bytes) return out_of_memory();
  std::memcpy(pending_.bytes.get() + pending_.size, plaintext.data(), plaintext.size());
  pending_.size += plaintext.size();
  if (kind_ != Kind::kResponse) pending_.secret = std::max(pending_.secret, pending_.size);
  return ok();
}

Result<std::size_t> Sealer::next(ByteView& in, After after, MutableBytes out) {
  return guarded(error_, [&]() -> Result<std::size_t> {
    const bool fixed = segmentation_ == Segmentation::kFixed;
    if (finished_) return Error(ErrorCode::kInvalidArgument, "finished", "the final segment was sealed already");
    if (fixed && after == After::kFlush)
      return Error(ErrorCode::kInvalidArgument, "fixed-rule", "a stream of fixed segments cannot be flushed");
    const std::size_t have = pending_.size + in.size();
    // A fixed stream's full segment is never its last; a flushed one's may be.
    const bool final = after == After::kLast && (fixed ? have < segment_size_ : have <= segment_size_);
    const bool flushed = after == After::kFlush && have != 0;
    const ByteView taken = in.first(std::min(in.size(), segment_size_ - pending_.size));
    const bool complete = final || flushed || have >= segment_size_;
    ByteView plaintext = taken;
    if (!complete || pending_.size != 0) {
      MIFENG_CHECK(keep(taken));
      plaintext = ByteView(pending_.bytes.get(), pending_.size);
    }
    in = in.subspan(taken.size());
    if (!complete) return std::size_t{0};
    pending_.size = 0;
    return seal_segment(plaintext, final, out);
  });
}

Result<std::size_t> Sealer::seal_segment(ByteView plaintext, bool final, MutableBytes out) {
  const std::size_t size = plaintext.size() + kSegmentOverhead;
  if (out.size() < size)
    return Error(ErrorCode::kInvalidArgument, "bad-output-size", "a segment takes 20 bytes more than its plaintext");
  if (plaintext.size() > kPlaintextMax - plaintext_size_ || segments_ >= (final ? kSegmentsMax : kSegmentsMax - 1))
    return Error(ErrorCode::kResourceExhausted, "stream-too-long",
                 "a stream holds at most 2^40 bytes in 2^32 segments; begin another");
  store_segment_length(out.first<kSegmentLengthSize>(), plaintext.size(), final);
  const auto nonce = segment_nonce(segments_, final);
  cipher_->seal(nonce, out.first(kSegmentLengthSize), plaintext, out.subspan(kSegmentLengthSize, plaintext.size()),
                out.first(size).last<crypto::kGcmTagSize>());
  ++segments_;
  plaintext_size_ += plaintext.size();
  finished_ = final;
  return size;
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
    const ByteView header = sealer.header();
    Bytes out(header.size() + plaintext.size() + kSegmentOverhead * (plaintext.size() / sealer.segment_size() + 1));
    std::copy(header.begin(), header.end(), out.begin());
    std::size_t size = header.size();
    while (!sealer.finished()) {
      MIFENG_TRY(const std::size_t written,
                 sealer.next(plaintext, Sealer::After::kLast, MutableBytes(out).subspan(size)));
      size += written;
    }
    out.resize(size);  // a flushed stream whose last segment is full has no empty one behind it
    return out;
  });
}

}  // namespace mifeng::sealed
