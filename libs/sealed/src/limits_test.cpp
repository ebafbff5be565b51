// The limits of spec/sealed-format.md, each from just below it.
#include <gtest/gtest.h>

#include <array>

#include "limits_seam.h"
#include "mifeng/sealed_fixture/feed.h"
#include "segment.h"

namespace mifeng::sealed {
namespace {

class LimitsTest : public ::testing::Test {
 protected:
  SenderKey key_of(Kind kind) {
    SenderKeyOptions options;
    options.kind = kind;
    options.exponent = 10;
    options.recipients = std::span(&recipient, 1);
    return SenderKey::create(options, random).value();
  }
  Sealer sealer_of(SenderKey& key) {
    return Sealer::create(key, {.segmentation = Segmentation::kFlushed, .context = context}, random, *provider).value();
  }
  // One that has read the header.
  Opener opener_of(const Sealer& sealer) {
    Opener opener(Policy{}, receiver, context, *provider);
    Bytes none;
    EXPECT_TRUE(testing::feed(opener, sealer.header(), none));
    return opener;
  }
  static Result<Bytes> sealed_segment(Sealer& sealer, std::size_t size, Sealer::After after) {
    Bytes out;
    MIFENG_CHECK(testing::feed(sealer, Bytes(size, 'x'), after, out));
    return out;
  }

  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey receiver = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PublicKey recipient = receiver.public_key();
  Bytes context = to_bytes("context");
};

TEST_F(LimitsTest, ASenderEndsAtTheLastSegment) {
  auto key = key_of(Kind::kResponse);
  auto sealer = sealer_of(key);
  LimitsSeam::begin_after(sealer, kSegmentsMax - 2, 1000);
  Opener opener = opener_of(sealer);
  LimitsSeam::begin_at_segment(opener, kSegmentsMax - 2);
  // The last but one, then the last, which has to be the final one; the receiver takes both.
  Bytes stream = sealed_segment(sealer, 3, Sealer::After::kFlush).value();
  append(stream, sealed_segment(sealer, 2, Sealer::After::kLast).value());
  Bytes out;
  ASSERT_TRUE(testing::feed(opener, stream, out));
  EXPECT_TRUE(opener.finished());
  EXPECT_TRUE(opener.finish());
  EXPECT_EQ(out.size(), 5u);

  auto other = sealer_of(key);
  LimitsSeam::begin_after(other, kSegmentsMax - 1, 1000);
  const auto refused = sealed_segment(other, 3, Sealer::After::kFlush);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "stream-too-long");
  EXPECT_EQ(refused.error().code(), ErrorCode::kResourceExhausted);
  // For good: a stream that could not go on is not ended as if it were whole.
  EXPECT_EQ(sealed_segment(other, 0, Sealer::After::kLast).error().reason(), "stream-too-long");
}

TEST_F(LimitsTest, AReceiverRefusesTheSegmentAfterTheLast) {
  auto key = key_of(Kind::kResponse);
  const auto sealer = sealer_of(key);
  // No sender of ours makes a 2^32nd segment that is not final; so it is made by hand.
  const auto header = Header::parse(sealer.header(), {}).value();
  const StreamKeys keys(key.root_key(), Kind::kResponse, header.salt(), context);
  const auto cipher = provider->cipher(keys.segment_key().reveal_for_computing()).value();
  const auto segment = [&](std::uint64_t index, bool final) {
    Bytes out(1 + kSegmentOverhead);
    const MutableBytes all(out);
    store_segment_length(all.first<kSegmentLengthSize>(), 1, final);
    cipher->seal(segment_nonce(index, final), all.first(kSegmentLengthSize), as_bytes("y"),
                 all.subspan(kSegmentLengthSize, 1), all.last<crypto::kGcmTagSize>());
    return out;
  };
  for (const bool final : {false, true}) {
    Opener opener = opener_of(sealer);
    LimitsSeam::begin_at_segment(opener, kSegmentsMax - 1);
    Bytes out;
    ASSERT_TRUE(testing::feed(opener, segment(kSegmentsMax - 1, false), out));
    EXPECT_EQ(out.size(), 1u);
    const auto next = testing::feed(opener, segment(kSegmentsMax, final), out);
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().reason(), "too-many-segments");
    EXPECT_EQ(out.size(), 1u);
    EXPECT_EQ(opener.finish().error().reason(), "too-many-segments");
  }
  // Where the input just ends there, that is the fault as well.
  Opener opener = opener_of(sealer);
  LimitsSeam::begin_at_segment(opener, kSegmentsMax - 1);
  Bytes out;
  ASSERT_TRUE(testing::feed(opener, segment(kSegmentsMax - 1, false), out));
  EXPECT_EQ(opener.finish().error().reason(), "too-many-segments");
}

TEST_F(LimitsTest, NoncesDoNotRepeatWhereTheCounterHasThirtyTwoBits) {
  EXPECT_NE(segment_nonce(0, false), segment_nonce(kSegmentsMax, false));
  EXPECT_NE(segment_nonce(kSegmentsMax - 1, false), segment_nonce(kSegmentsMax - 1, true));
}

TEST_F(LimitsTest, ASenderPutsTwoToTheFortyBytesIntoAStream) {
  auto key = key_of(Kind::kResponse);
  auto sealer = sealer_of(key);
  LimitsSeam::begin_after(sealer, 7, kPlaintextMax - 10);
  EXPECT_TRUE(sealed_segment(sealer, 10, Sealer::After::kFlush));
  EXPECT_TRUE(sealed_segment(sealer, 0, Sealer::After::kLast));
  auto other = sealer_of(key);
  LimitsSeam::begin_after(other, 7, kPlaintextMax - 10);
  EXPECT_EQ(sealed_segment(other, 11, Sealer::After::kFlush).error().reason(), "stream-too-long");
  // The same in two steps.
  auto third = sealer_of(key);
  LimitsSeam::begin_after(third, 7, kPlaintextMax - 10);
  Bytes out;
  EXPECT_TRUE(testing::feed(third, Bytes(11), Sealer::After::kMore, out));
  EXPECT_EQ(testing::feed(third, {}, Sealer::After::kLast, out).error().reason(), "stream-too-long");
  EXPECT_TRUE(out.empty());
}

TEST_F(LimitsTest, AReceiverDoesNotCountBytes) {
  auto key = key_of(Kind::kResponse);
  auto sealer = sealer_of(key);
  Opener opener = opener_of(sealer);
  constexpr std::uint64_t kBeyond = (kPlaintextMax >> 10) + 1;  // full segments of 2^10 bytes: over 2^40 in all
  LimitsSeam::begin_after(sealer, kBeyond, 0);
  LimitsSeam::begin_at_segment(opener, kBeyond);
  Bytes out;
  EXPECT_TRUE(testing::feed(opener, sealed_segment(sealer, 10, Sealer::After::kLast).value(), out));
  EXPECT_TRUE(opener.finished());
}

TEST_F(LimitsTest, ARootKeyServesTwoToTheTwentyResponsesAndOneGrant) {
  auto key = key_of(Kind::kResponse);
  LimitsSeam::begin_after(key, kResponseStreamsMax - 1);
  EXPECT_TRUE(Sealer::create(key, {.context = context}, random, *provider));
  const auto spent = Sealer::create(key, {.context = context}, random, *provider);
  ASSERT_FALSE(spent);
  EXPECT_EQ(spent.error().reason(), "root-key-spent");
  EXPECT_EQ(spent.error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(key.streams(), kResponseStreamsMax);
  EXPECT_EQ(kResponseStreamsMax, 1u << 20);

  auto grant = key_of(Kind::kGrant);
  EXPECT_TRUE(Sealer::create(grant, {.context = context}, random, *provider));
  EXPECT_EQ(Sealer::create(grant, {.context = context}, random, *provider).error().reason(), "root-key-spent");
  // A payload's root key is of its vendor, who may make a stream for each version of it.
  auto payload = key_of(Kind::kPayload);
  LimitsSeam::begin_after(payload, kResponseStreamsMax);
  EXPECT_TRUE(Sealer::create(payload, {.context = context}, random, *provider));
}

}  // namespace
}  // namespace mifeng::sealed
