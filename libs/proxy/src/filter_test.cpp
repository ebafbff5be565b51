// Seal and open filter against each other, in pieces of many sizes.
#include <gtest/gtest.h>

#include "mifeng/base/random.h"
#include "mifeng/proxy/open_filter.h"
#include "mifeng/proxy/seal_filter.h"

namespace mifeng::proxy {
namespace {

struct FilterTest : testing::Test {
  SystemRandom random;
  std::unique_ptr<crypto::Sm4GcmProvider> provider = crypto::Sm4GcmProvider::create().value();
  crypto::Sm2PrivateKey output = crypto::Sm2PrivateKey::generate().value();
  crypto::Sm2PrivateKey instance = crypto::Sm2PrivateKey::generate().value();
  sealed::SenderKey key = make_key();
  Bytes context = to_bytes("context");

  sealed::SenderKey make_key() {
    sealed::SenderKeyOptions options;
    options.kind = sealed::Kind::kResponse;
    options.exponent = 10;
    options.recipients = std::span(&output.public_key(), 1);
    options.signer = &instance;
    return sealed::SenderKey::create(options, random).value();
  }

  CachedKey cached(const sealed::Header& header) {
    return {key.root_key().clone(), crypto::sm3(header.blocks()), instance.public_key().point(), "dep-1"};
  }

  Bytes seal(ByteView plaintext, std::optional<std::uint64_t> length, std::size_t piece, SealFilter::After between) {
    SealFilter filter = SealFilter::create(key, context, length, random, *provider).value();
    Bytes stream(filter.header().begin(), filter.header().end());
    while (!filter.finished()) {
      ByteView in = plaintext.first(std::min(piece, plaintext.size()));
      plaintext = plaintext.subspan(in.size());
      const auto after = plaintext.empty() ? SealFilter::After::kLast : between;
      for (;;) {
        Bytes segment(filter.segment_room());
        const std::size_t written = filter.next(in, after, segment).value();
        append(stream, ByteView(segment).first(written));
        if (written == 0 || filter.finished()) break;
      }
      EXPECT_TRUE(in.empty());
    }
    if (length) {
      EXPECT_EQ(stream.size(), filter.stream_length());
    }
    return stream;
  }

  Result<Bytes> open(ByteView stream, std::size_t piece, SealForm form = SealForm::kBody) {
    OpenFilter filter(form, context);
    Bytes plaintext;
    while (!stream.empty()) {
      ByteView in = stream.first(std::min(piece, stream.size()));
      stream = stream.subspan(in.size());
      while (!in.empty()) {
        if (filter.stage() == OpenFilter::Stage::kHeader) {
          MIFENG_CHECK(filter.feed_header(in));
          if (filter.stage() == OpenFilter::Stage::kKey) MIFENG_CHECK(filter.start(cached(filter.header()), *provider));
        } else {
          MIFENG_TRY(const ByteView more, filter.next(in));
          append(plaintext, more);
        }
      }
    }
    MIFENG_CHECK(filter.finish());
    return plaintext;
  }
};

Bytes numbers(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 % 253);
  return bytes;
}

TEST_F(FilterTest, RoundTripsInEveryPiece) {
  for (const std::size_t size : {1u, 1023u, 1024u, 1025u, 5000u}) {
    const Bytes plaintext = numbers(size);
    for (const std::size_t piece : {1u, 7u, 1024u, 2000u, 100000u}) {
      for (const bool fixed : {true, false}) {
        const auto length = fixed ? std::optional<std::uint64_t>(size) : std::nullopt;
        for (const auto between : {SealFilter::After::kMore, SealFilter::After::kFlush}) {
          const Bytes stream = seal(plaintext, length, piece, between);
          EXPECT_EQ(open(stream, piece).value(), plaintext) << size << " in pieces of " << piece;
        }
      }
    }
  }
}

TEST_F(FilterTest, AFlushEndsASegmentWhereTheLengthIsNotKnown) {
  const Bytes stream = seal(numbers(30), std::nullopt, 10, SealFilter::After::kFlush);
  EXPECT_EQ(stream.size(), key.header_size() + 30 + 3 * sealed::kSegmentOverhead);
  const Bytes one = seal(numbers(30), 30, 10, SealFilter::After::kFlush);
  EXPECT_EQ(one.size(), key.header_size() + 30 + sealed::kSegmentOverhead);
}

TEST_F(FilterTest, SealsNoOtherLengthThanItSaid) {
  Bytes room(2048);
  for (const std::size_t said : {9u, 11u}) {
    SealFilter filter = SealFilter::create(key, context, said, random, *provider).value();
    const Bytes plaintext = numbers(10);
    ByteView in = plaintext;
    const auto result = filter.next(in, SealFilter::After::kLast, room);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().reason(), "length-mismatch");
    EXPECT_FALSE(filter.finished());
  }
}

TEST_F(FilterTest, KnowsThePlaintextsLengthFromTheStreams) {
  for (const std::size_t size : {1u, 1023u, 1024u, 1025u, 2048u}) {
    const Bytes stream = seal(numbers(size), size, 4096, SealFilter::After::kMore);
    OpenFilter filter(SealForm::kBody, context);
    ByteView in = stream;
    ASSERT_TRUE(filter.feed_header(in));
    EXPECT_EQ(filter.plaintext_length(stream.size()).value(), size);
    EXPECT_EQ(filter.plaintext_length(key.header_size() + 19).error().reason(), "fixed-rule");
  }
  const Bytes flushed = seal(numbers(10), std::nullopt, 10, SealFilter::After::kMore);
  OpenFilter filter(SealForm::kBody, context);
  ByteView in = flushed;
  ASSERT_TRUE(filter.feed_header(in));
  EXPECT_EQ(filter.plaintext_length(flushed.size()).value(), std::nullopt);
}

TEST_F(FilterTest, TheSealOfNothingOpensToNothing) {
  const auto field = seal_empty(key, context, random, *provider);
  const Bytes stream = from_base64(*field).value();
  EXPECT_EQ(open(stream, 1, SealForm::kField).value(), Bytes());
  const Bytes body = seal(numbers(5), 5, 5, SealFilter::After::kMore);
  EXPECT_EQ(open(body, 1000, SealForm::kField).error().reason(), "seal-not-empty");
}

TEST_F(FilterTest, RefusesAnotherContextACutAndATail) {
  Bytes stream = seal(numbers(3000), 3000, 5000, SealFilter::After::kMore);
  context = to_bytes("another");
  EXPECT_EQ(open(stream, 5000).error().reason(), "bad-header-mac");
  context = to_bytes("context");
  EXPECT_EQ(open(ByteView(stream).first(stream.size() - 1), 5000).error().reason(), "truncated");
  EXPECT_EQ(open(ByteView(stream).first(20), 5000).error().reason(), "truncated");
  stream.push_back(0);
  EXPECT_EQ(open(stream, 5000).error().reason(), "trailing-data");
}

TEST_F(FilterTest, WantsASignature) {
  sealed::SenderKeyOptions options;
  options.kind = sealed::Kind::kResponse;
  options.recipients = std::span(&output.public_key(), 1);
  key = sealed::SenderKey::create(options, random).value();
  const Bytes stream = seal(numbers(10), 10, 10, SealFilter::After::kMore);
  EXPECT_EQ(open(stream, 5000).error().reason(), "missing-signature");
}

}  // namespace
}  // namespace mifeng::proxy
