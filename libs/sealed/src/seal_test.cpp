#include "mifeng/sealed/seal.h"
#include "mifeng/sealed_fixture/feed.h"

#include <gtest/gtest.h>

#include <random>

#include "mifeng/os/file.h"
#include "mifeng/sealed/failure.h"
#include "mifeng/sealed/length.h"
#include "mifeng/sealed/open.h"

namespace mifeng::sealed {
namespace {

class SealTest : public ::testing::Test {
 protected:
  SenderKeyOptions options(Kind kind, int exponent = 10) {
    SenderKeyOptions made;
    made.kind = kind;
    made.exponent = exponent;
    made.recipients = recipients;
    made.signer = &signer;
    return made;
  }
  Policy policy(Kind kind) {
    Policy made;
    made.kind = kind;
    made.signature = SignatureRule::kRequired;
    made.signer = signer.public_key();
    return made;
  }
  Bytes random_bytes(std::size_t size) {
    Bytes bytes(size);
    random.fill(bytes);
    return bytes;
  }
  Result<Bytes> opened(Kind kind, ByteView under, ByteView stream) {
    MIFENG_TRY(const SecretBytes plaintext, open(policy(kind), receiver, under, stream, *provider));
    return Bytes(plaintext.reveal_for_computing().begin(), plaintext.reveal_for_computing().end());
  }
  // Seals without signature, so that a thousand streams take no thousand verifications.
  SenderKey quick_key(Kind kind, int exponent = 10) {
    SenderKeyOptions made = options(kind, exponent);
    made.signer = nullptr;
    return SenderKey::create(made, random).value();
  }

  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey receiver = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey signer = crypto::Sm2PrivateKey::generate().value();
  std::vector<crypto::Sm2PublicKey> recipients = {receiver.public_key()};
  Bytes context = to_bytes("a\nb");
};

TEST_F(SealTest, EveryKindOpensAgain) {
  for (const Kind kind : {Kind::kPayload, Kind::kResponse, Kind::kGrant}) {
    auto key = SenderKey::create(options(kind), random).value();
    const Bytes plaintext = random_bytes(5000);
    const Bytes stream = seal(key, {.context = context}, plaintext, random, *provider).value();
    EXPECT_EQ(opened(kind, context, stream).value(), plaintext);
    for (const Kind other : {Kind::kPayload, Kind::kResponse, Kind::kGrant})
      EXPECT_EQ(other == kind ? "bad-kind" : opened(other, context, stream).error().reason(), "bad-kind");
    EXPECT_EQ(opened(kind, as_bytes("a\nc"), stream).error().reason(), "bad-header-mac");
  }
}

TEST_F(SealTest, FixedStreamsHaveTheOneLengthThatLengthComputes) {
  auto key = quick_key(Kind::kPayload);
  std::mt19937 chance(3);
  for (const std::size_t size : {0U, 1U, 1023U, 1024U, 1025U, 2047U, 2048U, 2049U, 10000U}) {
    const Bytes plaintext = random_bytes(size);
    auto sealer = Sealer::create(key, {.context = context}, random, *provider).value();
    Bytes stream(sealer.header().begin(), sealer.header().end());
    for (std::size_t at = 0; at < size;) {
      const std::size_t take = std::min<std::size_t>(1 + chance() % 1500, size - at);
      ASSERT_TRUE(testing::feed(sealer, ByteView(plaintext).subspan(at, take), Sealer::After::kMore, stream));
      at += take;
    }
    ASSERT_TRUE(testing::feed(sealer, {}, Sealer::After::kLast, stream));
    EXPECT_EQ(stream.size(), fixed_stream_length(key.header_size(), size, 10)) << size;
    EXPECT_EQ(fixed_plaintext_length(key.header_size(), stream.size(), 10), size);
    Opener opener(Policy{}, receiver, context, *provider);
    Bytes out;
    ASSERT_TRUE(testing::feed(opener, stream, out));
    ASSERT_TRUE(opener.finish());
    EXPECT_EQ(out, plaintext);
    EXPECT_TRUE(opener.header()->is_fixed());
  }
}

TEST_F(SealTest, AFlushedSegmentIsReleasedBeforeTheNextBegins) {
  auto key = quick_key(Kind::kResponse);
  auto sealer =
      Sealer::create(key, {.segmentation = Segmentation::kFlushed, .context = context}, random, *provider).value();
  Opener opener(Policy{}, receiver, context, *provider);
  Bytes out;
  ASSERT_TRUE(testing::feed(opener, sealer.header(), out));
  Bytes expected;
  for (const std::size_t size : {1U, 20U, 1024U, 1025U, 3000U}) {
    const Bytes piece = random_bytes(size);
    append(expected, piece);
    Bytes wire;
    ASSERT_TRUE(testing::feed(sealer, piece, Sealer::After::kMore, wire));
    ASSERT_TRUE(testing::feed(sealer, {}, Sealer::After::kFlush, wire));
    ASSERT_TRUE(testing::feed(opener, wire, out));
    EXPECT_EQ(out, expected) << "what was flushed has not arrived";
    EXPECT_FALSE(opener.finished());
    Bytes nothing;
    ASSERT_TRUE(testing::feed(sealer, {}, Sealer::After::kFlush, nothing));
    EXPECT_TRUE(nothing.empty());
  }
  Bytes wire;
  ASSERT_TRUE(testing::feed(sealer, {}, Sealer::After::kLast, wire));
  ASSERT_TRUE(testing::feed(opener, wire, out));
  EXPECT_TRUE(opener.finished());
  ASSERT_TRUE(opener.finish());
  EXPECT_EQ(out, expected);
}

TEST_F(SealTest, TheLastFullSegmentOfAFlushedStreamIsFinal) {
  auto key = quick_key(Kind::kResponse);
  const SealOptions options{.segmentation = Segmentation::kFlushed, .context = context};
  auto sealer = Sealer::create(key, options, random, *provider).value();
  Bytes segments;
  ASSERT_TRUE(testing::feed(sealer, random_bytes(2048), Sealer::After::kLast, segments));
  EXPECT_EQ(segments.size(), 2048 + 2 * kSegmentOverhead);
  // Where that it was the last is only said afterwards, an empty one follows.
  auto other = Sealer::create(key, options, random, *provider).value();
  segments.clear();
  ASSERT_TRUE(testing::feed(other, random_bytes(2048), Sealer::After::kMore, segments));
  ASSERT_TRUE(testing::feed(other, {}, Sealer::After::kLast, segments));
  EXPECT_EQ(segments.size(), 2048 + 3 * kSegmentOverhead);
}

TEST_F(SealTest, AllWaysToCutThePlaintextGiveTheSameSegments) {
  auto key = quick_key(Kind::kPayload);
  const Bytes plaintext = random_bytes(5000);
  struct : Random {
    void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), std::uint8_t{0}); }
  } no_random;  // the same salt, so the same keys
  for (const std::size_t piece : {1U, 7U, 1023U, 1024U, 1025U, 5000U}) {
    auto sealer = Sealer::create(key, {.context = context}, no_random, *provider).value();
    Bytes segments;
    for (std::size_t at = 0; at < plaintext.size(); at += piece)
      ASSERT_TRUE(testing::feed(sealer, ByteView(plaintext).subspan(at, std::min(piece, plaintext.size() - at)),
                                Sealer::After::kMore, segments));
    ASSERT_TRUE(testing::feed(sealer, {}, Sealer::After::kLast, segments));
    auto whole = Sealer::create(key, {.context = context}, no_random, *provider).value();
    Bytes expected;
    ASSERT_TRUE(testing::feed(whole, plaintext, Sealer::After::kLast, expected));
    EXPECT_EQ(segments, expected) << piece;
  }
}

TEST_F(SealTest, ASegmentNeedsItsRoomAndNothingFollowsTheLast) {
  auto key = quick_key(Kind::kResponse);
  auto sealer = Sealer::create(key, {.context = context}, random, *provider).value();
  Bytes room(10 + kSegmentOverhead);
  ByteView in = as_bytes("0123456789");
  EXPECT_EQ(sealer.next(in, Sealer::After::kLast, room).value(), room.size());
  EXPECT_TRUE(sealer.finished());
  EXPECT_EQ(sealer.next(in, Sealer::After::kLast, room).error().reason(), "finished");

  auto other = Sealer::create(key, {.context = context}, random, *provider).value();
  in = as_bytes("0123456789x");
  EXPECT_EQ(other.next(in, Sealer::After::kLast, room).error().reason(), "bad-output-size");
  in = {};
  EXPECT_EQ(other.next(in, Sealer::After::kLast, room).error().reason(), "bad-output-size") << "the error must stay";
  EXPECT_FALSE(other.finished());
}

TEST_F(SealTest, AFixedStreamCannotBeFlushedAndAPayloadIsFixed) {
  auto key = quick_key(Kind::kPayload);
  EXPECT_EQ(Sealer::create(key, {.segmentation = Segmentation::kFlushed}, random, *provider).error().reason(),
            "fixed-rule");
  auto sealer = Sealer::create(key, {}, random, *provider).value();
  Bytes out;
  EXPECT_EQ(testing::feed(sealer, {}, Sealer::After::kFlush, out).error().reason(), "fixed-rule");
  EXPECT_EQ(testing::feed(sealer, as_bytes("x"), Sealer::After::kMore, out).error().reason(), "fixed-rule");
  EXPECT_TRUE(out.empty());
}

TEST_F(SealTest, ARootKeyHasItsLimits) {
  auto grant = quick_key(Kind::kGrant);
  EXPECT_TRUE(Sealer::create(grant, {}, random, *provider));
  EXPECT_EQ(Sealer::create(grant, {}, random, *provider).error().reason(), "root-key-spent");
  EXPECT_EQ(grant.streams(), 1U);
}

TEST_F(SealTest, SenderKeysRefuseWhatTheFormatForbids) {
  const auto reason = [&](const SenderKeyOptions& wanted) {
    const auto key = SenderKey::create(wanted, random);
    return key ? std::string("ok") : key.error().reason();
  };
  EXPECT_EQ(reason(options(Kind::kPayload, 24)), "ok");
  EXPECT_EQ(reason(options(Kind::kPayload, 25)), "bad-exponent");
  EXPECT_EQ(reason(options(Kind::kPayload, 9)), "bad-exponent");
  EXPECT_EQ(reason(options(Kind::kResponse, 17)), "bad-exponent");
  recipients.clear();
  EXPECT_EQ(reason(options(Kind::kPayload)), "bad-recipient-count");
  recipients = {receiver.public_key(), receiver.public_key()};
  EXPECT_EQ(reason(options(Kind::kPayload)), "duplicate-recipient");
  recipients = {signer.public_key()};
  EXPECT_EQ(reason(options(Kind::kPayload)), "signer-is-recipient");
  recipients.assign(17, receiver.public_key());
  EXPECT_EQ(reason(options(Kind::kPayload)), "bad-recipient-count");
  recipients = {receiver.public_key(), crypto::Sm2PrivateKey::generate().value().public_key()};
  EXPECT_EQ(reason(options(Kind::kGrant)), "bad-recipient-count");
  EXPECT_EQ(reason(options(Kind::kResponse)), "ok");
}

TEST_F(SealTest, ASenderKeyTravelsInItsParts) {
  auto key = SenderKey::create(options(Kind::kResponse, 16), random).value();
  auto arrived = SenderKey::from_parts(key.parts(), key.root_key().clone()).value();
  const Bytes plaintext = random_bytes(100);
  const Bytes stream = seal(arrived, {.context = context}, plaintext, random, *provider).value();
  EXPECT_EQ(opened(Kind::kResponse, context, stream).value(), plaintext);

  const auto reason = [&](SenderKey::Parts parts) {
    return SenderKey::from_parts(std::move(parts), key.root_key().clone()).error().reason();
  };
  auto parts = key.parts();
  parts.exponent = 17;
  EXPECT_EQ(reason(parts), "bad-exponent");
  parts = key.parts();
  parts.recipient_count = 0;
  EXPECT_EQ(reason(parts), "bad-recipient-count");
  parts = key.parts();
  parts.blocks.pop_back();
  EXPECT_EQ(reason(parts), "header-trailing");
  parts = key.parts();
  parts.is_signed = false;
  EXPECT_EQ(reason(parts), "header-trailing");
  parts = key.parts();
  parts.blocks.resize(5000);
  EXPECT_EQ(reason(parts), "header-too-long");
}

TEST_F(SealTest, APayloadGetsANewHeaderAndKeepsItsSegments) {
  auto key = SenderKey::create(options(Kind::kPayload), random).value();
  const Bytes plaintext = random_bytes(3000);
  const Bytes stream = seal(key, {.context = context}, plaintext, random, *provider).value();
  const auto old_header = Header::parse(stream, {}).value();

  const auto newcomer = crypto::Sm2PrivateKey::generate().value();
  recipients.push_back(newcomer.public_key());
  const auto more = SenderKey::create_for_payload(options(Kind::kPayload), key.root_key()).value();
  Bytes again = replace_payload_header(old_header, more, context).value();
  append(again, ByteView(stream).subspan(old_header.size()));
  EXPECT_EQ(opened(Kind::kPayload, context, again).value(), plaintext);
  EXPECT_TRUE(open(policy(Kind::kPayload), newcomer, context, again, *provider));
  EXPECT_EQ(open(policy(Kind::kPayload), newcomer, context, stream, *provider).error().reason(), "no-recipient");

  EXPECT_EQ(replace_payload_header(old_header, more, as_bytes("other")).error().reason(), "bad-header-mac");
  const auto stranger = SenderKey::create(options(Kind::kPayload), random).value();
  EXPECT_EQ(replace_payload_header(old_header, stranger, context).error().reason(), "bad-header-mac");
  const auto other_size = SenderKey::create_for_payload(options(Kind::kPayload, 11), key.root_key()).value();
  EXPECT_EQ(replace_payload_header(old_header, other_size, context).error().reason(), "bad-exponent");
  EXPECT_EQ(SenderKey::create_for_payload(options(Kind::kResponse), key.root_key()).error().reason(), "not-a-payload");
}

TEST_F(SealTest, TwoStreamsUnderOneRootKeyShareTheirBlocksAndNothingElse) {
  auto key = SenderKey::create(options(Kind::kResponse), random).value();
  const Bytes one = seal(key, {.context = context}, Bytes(64), random, *provider).value();
  const Bytes two = seal(key, {.context = context}, Bytes(64), random, *provider).value();
  const auto first = Header::parse(one, {}).value();
  const auto second = Header::parse(two, {}).value();
  EXPECT_EQ(first.cache_key(), second.cache_key());
  EXPECT_NE(to_hex(first.salt()), to_hex(second.salt()));
  EXPECT_NE(to_hex(ByteView(one).last(84)), to_hex(ByteView(two).last(84)));

  // Segments of one do not fit the other.
  Bytes mixed(first.bytes().begin(), first.bytes().end());
  append(mixed, ByteView(two).subspan(second.size()));
  EXPECT_EQ(opened(Kind::kResponse, context, mixed).error().reason(), "bad-tag");
}

TEST_F(SealTest, TheOpenerGivesHeaderAndRootKeyOnlyAfterTheyVerified) {
  auto key = SenderKey::create(options(Kind::kPayload), random).value();
  const Bytes stream = seal(key, {.context = context}, Bytes(64), random, *provider).value();
  Opener opener(policy(Kind::kPayload), receiver, context, *provider);
  ByteView in = ByteView(stream).first(key.header_size() - 1);
  ASSERT_TRUE(opener.next(in));
  EXPECT_FALSE(opener.header());
  EXPECT_FALSE(opener.root_key());
  in = ByteView(stream).subspan(key.header_size() - 1, 1);
  ASSERT_TRUE(opener.next(in));
  ASSERT_TRUE(opener.header());
  EXPECT_EQ(opener.root_key()->reveal_for_grant(), key.root_key().reveal_for_grant());

  Opener wrong(policy(Kind::kPayload), receiver, to_bytes("other"), *provider);
  in = stream;
  EXPECT_FALSE(wrong.next(in));
  EXPECT_FALSE(wrong.header());
  EXPECT_FALSE(wrong.root_key());
}

TEST_F(SealTest, AReceiverMaySetALowerLimitForSegments) {
  auto key = quick_key(Kind::kPayload, 17);
  const Bytes stream = seal(key, {.context = context}, {}, random, *provider).value();
  Policy gateway;
  EXPECT_TRUE(open(gateway, receiver, context, stream, *provider));
  gateway.exponent_max = kResponseExponentMax;
  EXPECT_EQ(open(gateway, receiver, context, stream, *provider).error().reason(), "bad-exponent");
}

TEST_F(SealTest, VerifyHeaderNamesTheFirstFault) {
  auto key = SenderKey::create(options(Kind::kResponse), random).value();
  const Bytes stream = seal(key, {.context = context}, {}, random, *provider).value();
  const auto header = Header::parse(stream, {}).value();
  EXPECT_TRUE(verify_header(header, receiver, context, policy(Kind::kResponse)));
  EXPECT_TRUE(check_signature(header, signer.public_key()));
  EXPECT_EQ(check_signature(header, receiver.public_key()).error().reason(), "bad-signature");
  EXPECT_EQ(verify_header(header, signer, context, policy(Kind::kResponse)).error().reason(), "no-recipient");
  Policy other = policy(Kind::kResponse);
  other.signer = receiver.public_key();
  EXPECT_EQ(verify_header(header, receiver, context, other).error().reason(), "bad-signature");
  // A MAC that does not fit comes before a signature that does not.
  EXPECT_EQ(verify_header(header, receiver, as_bytes("x"), other).error().reason(), "bad-header-mac");
}

TEST(Length, HasExactlyOneAnswerEachWay) {
  for (const int exponent : {10, 16, 24}) {
    const std::uint64_t segment = std::uint64_t{1} << exponent;
    for (const std::uint64_t length :
         {std::uint64_t{0}, std::uint64_t{1}, segment - 1, segment, segment + 1, 5 * segment, std::uint64_t{1} << 40}) {
      const auto stream = fixed_stream_length(300, length, exponent);
      ASSERT_TRUE(stream);
      EXPECT_EQ(*stream, 300 + length + 20 * (length / segment + 1));
      EXPECT_EQ(fixed_plaintext_length(300, *stream, exponent), length);
    }
    // 19 bytes are no segment; and no final segment is full.
    EXPECT_FALSE(fixed_plaintext_length(300, 300 + 19, exponent));
    EXPECT_FALSE(fixed_plaintext_length(300, 300 + segment + 20, exponent));
    EXPECT_FALSE(fixed_plaintext_length(300, 300 + segment + 20 + 19, exponent));
    EXPECT_TRUE(fixed_plaintext_length(300, 300 + segment + 20 + 20, exponent));
  }
  EXPECT_FALSE(fixed_plaintext_length(300, 299, 16));
  EXPECT_FALSE(fixed_stream_length(300, std::uint64_t{1} << 63, 16));
  EXPECT_FALSE(fixed_stream_length(300, (std::uint64_t{1} << 63) - 100, 16));
  EXPECT_FALSE(fixed_stream_length(300, 1, 9));
  EXPECT_FALSE(fixed_stream_length(300, 1, 25));
  EXPECT_FALSE(fixed_plaintext_length(300, ~std::uint64_t{0}, 16));
}

TEST(Failure, NamesAreStableAndReadBack) {
  EXPECT_EQ(to_string(FailureClass::kTruncated), "truncated");
  EXPECT_EQ(to_string(FailureClass::kTrailingData), "trailing-data");
  for (int i = 0; i <= static_cast<int>(FailureClass::kTrailingData); ++i) {
    const Error error = failure(static_cast<FailureClass>(i));
    EXPECT_EQ(failure_class_of(error), static_cast<FailureClass>(i));
    EXPECT_FALSE(error.message().empty());
  }
  EXPECT_FALSE(failure_class_of(Error(ErrorCode::kInvalidArgument, "truncated", "not ours")));
  EXPECT_FALSE(failure_class_of(Error(ErrorCode::kVerificationFailed, "bad-digest", "not ours")));
}

TEST(Failure, EachHasItsLineInTheSpecifications) {
  const std::string errors = read_text_file(MIFENG_SOURCE_DIR "/spec/errors.md", 1 << 20).value();
  const std::string format = read_text_file(MIFENG_SOURCE_DIR "/spec/sealed-format.md", 1 << 20).value();
  for (int i = 0; i <= static_cast<int>(FailureClass::kTrailingData); ++i) {
    const std::string name = "`" + std::string(to_string(static_cast<FailureClass>(i))) + "`";
    EXPECT_NE(errors.find("| " + name + " |"), std::string::npos) << name;
    EXPECT_NE(format.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace mifeng::sealed
