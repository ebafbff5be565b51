// Texts that lie in several places, and texts that come piece by piece: by every tier that this processor has, cut
// anywhere, the result is that of the text in one piece.
#include <algorithm>

#include "sm4_gcm_tiers.h"

namespace mifeng::crypto {
namespace {

class Sm4GcmPieces : public Sm4GcmTiers {
 protected:
  // The text in pieces of these sizes, each in a place of its own at an address of its own, with room around it.
  struct Scattered {
    static constexpr std::size_t kRoom = 48;
    std::vector<Bytes> places;
    std::vector<MutableBytes> parts;
  };
  Scattered scatter(const std::vector<std::size_t>& sizes, ByteView from) {
    Scattered scattered;
    for (const std::size_t size : sizes) {
      const std::size_t offset = below(16);
      auto& place = scattered.places.emplace_back(2 * Scattered::kRoom + size, 0xa5);
      scattered.parts.push_back(MutableBytes(place).subspan(Scattered::kRoom - offset, size));
      if (!from.empty()) std::copy_n(from.begin(), size, scattered.parts.back().begin());
      from = from.empty() ? from : from.subspan(size);
    }
    return scattered;
  }
  // What the parts hold, in one; whatever is beside them must be as it was.
  static Bytes gathered(const Scattered& scattered) {
    Bytes all;
    for (std::size_t i = 0; i < scattered.parts.size(); ++i) {
      const ByteView part = scattered.parts[i];
      append(all, part);
      const Bytes& place = scattered.places[i];
      const auto touched = [](std::uint8_t byte) { return byte != 0xa5; };
      EXPECT_FALSE(std::any_of(place.data(), part.data(), touched));
      EXPECT_FALSE(std::any_of(part.data() + part.size(), place.data() + place.size(), touched));
    }
    return all;
  }
  static std::vector<GcmPiece> pieces_of(const Scattered& in, const Scattered& out) {
    std::vector<GcmPiece> pieces;
    for (std::size_t i = 0; i < in.parts.size(); ++i) pieces.push_back({in.parts[i], out.parts[i]});
    return pieces;
  }

  // The message in pieces of these sizes: sealed and opened, apart and in place, and the same by a stream.
  void check_pieces(Sm4GcmCipher& cipher, const std::vector<std::size_t>& sizes) {
    Tag made{};
    Scattered in = scatter(sizes, text);
    Scattered out = scatter(sizes, {});
    cipher.seal(iv(), additional, pieces_of(in, out), made);
    ASSERT_TRUE(gathered(out) == sealed && made == tag);
    ASSERT_TRUE(cipher.open(iv(), additional, pieces_of(out, out), tag));
    ASSERT_TRUE(gathered(out) == text);
    ASSERT_TRUE(gathered(in) == text);

    const auto stream = cipher.stream().value();
    // What is expected is a hint and no promise.
    const std::size_t expected = std::array{text.size(), std::size_t{0}, text.size() / 2, 3 * text.size()}[below(4)];
    stream->begin(iv(), additional, expected);
    for (std::size_t i = 0; i < sizes.size(); ++i) stream->seal(in.parts[i], in.parts[i]);
    stream->finish(made);
    ASSERT_TRUE(gathered(in) == sealed && made == tag) << expected << " expected";
    stream->begin(iv(), additional, expected);
    for (std::size_t i = 0; i < sizes.size(); ++i) stream->open_unverified(in.parts[i], out.parts[i]);
    ASSERT_TRUE(stream->verify(tag));
    ASSERT_TRUE(gathered(out) == text) << expected << " expected";
  }
  void check_pieces_by_each_tier(const std::vector<std::size_t>& sizes) {
    for (const OneTier& tier : tiers)
      ASSERT_NO_FATAL_FAILURE(check_pieces(*cipher_of(*tier.provider), sizes))
          << to_string(tier.tier) << ", " << sizes.size() << " pieces, the first of " << sizes.front() << ", of "
          << text.size() << " bytes";
  }
};

TEST_F(Sm4GcmPieces, NoneAndEmptyOnes) {
  new_message(0, 7);
  for (const OneTier& tier : tiers)
    for (const std::size_t count : {0U, 1U, 3U})
      ASSERT_NO_FATAL_FAILURE(check_pieces(*cipher_of(*tier.provider), std::vector<std::size_t>(count)));
  new_message(40, 7);
  check_pieces_by_each_tier({0, 17, 0, 0, 23, 0});
}

TEST_F(Sm4GcmPieces, EveryCutOfEveryShortText) {
  for (std::size_t size = 1; size <= 70; ++size) {
    new_message(size, size % 20);
    for (std::size_t cut = 0; cut <= size; ++cut) ASSERT_NO_FATAL_FAILURE(check_pieces_by_each_tier({cut, size - cut}));
  }
}

// Longer than the key stream that a call makes at once, and than what goes through in passes, in any tier.
TEST_F(Sm4GcmPieces, EveryCutOfALongText) {
  constexpr std::size_t kSize = 7300;
  new_message(kSize, 4);
  for (std::size_t cut = 0; cut <= kSize; ++cut)
    ASSERT_NO_FATAL_FAILURE(check_pieces(*cipher_of(*tiers[cut % tiers.size()].provider), {cut, kSize - cut}))
        << to_string(tiers[cut % tiers.size()].tier) << " cut at " << cut;
  // Around the ends of blocks, batches and passes by each.
  for (std::size_t end = 0; end <= kSize; end += 256)
    for (std::size_t cut = std::max<std::size_t>(end, 34) - 34; cut <= std::min(end + 2, kSize); ++cut)
      ASSERT_NO_FATAL_FAILURE(check_pieces_by_each_tier({cut, kSize - cut}));
}

TEST_F(Sm4GcmPieces, EverySizeOfPieces) {
  constexpr std::size_t kSize = 2100;
  new_message(kSize, 13);
  for (std::size_t piece = 1; piece <= 130; ++piece) {
    std::vector<std::size_t> sizes(kSize / piece, piece);
    sizes.push_back(kSize % piece);
    ASSERT_NO_FATAL_FAILURE(check_pieces_by_each_tier(sizes));
  }
}

// The buffers of a proxy: pages, the last one not full, a few bytes of another layer's between them.
TEST_F(Sm4GcmPieces, RandomPiecesTo1MiB) {
  for (int i = 0; i < 60; ++i) {
    const std::size_t size = i == 0 ? 1 << 20 : below(std::size_t{1} << (8 + i % 13));
    new_message(size, below(100));
    const std::size_t most = std::array<std::size_t, 5>{17, 300, 4096, 20'000, 70'000}[below(5)];
    std::vector<std::size_t> sizes;
    for (std::size_t left = size; left != 0; left -= sizes.back())
      sizes.push_back(std::min(left, size / most > 3000 ? most : below(most + 1)));
    sizes.push_back(0);
    ASSERT_NO_FATAL_FAILURE(check_pieces_by_each_tier(sizes));
  }
}

// The reference in pieces is the reference.
TEST_F(Sm4GcmPieces, LibgcryptAgrees) {
  new_message(5000, 20);
  for (const std::size_t cut : {0U, 1U, 15U, 16U, 17U, 1000U, 4900U})
    ASSERT_NO_FATAL_FAILURE(check_pieces(*reference_cipher(), {cut, 100, 4900 - cut})) << cut;
}

TEST_F(Sm4GcmPieces, AStreamServesTextAfterTextAndForgetsWhatWasLeftUnfinished) {
  for (const OneTier& tier : tiers) {
    key = some(kSm4KeySize);
    const auto cipher = cipher_of(*tier.provider);
    const auto stream = cipher->stream().value();
    for (int i = 0; i < 40; ++i) {
      const Bytes same_key = key;
      new_message(below(std::size_t{1} << (3 + below(12))), below(40));
      key = same_key;
      reference_cipher()->seal(iv(), additional, text, sealed, tag);
      Bytes out(text.size());
      if (i % 3 == 0) {  // begun, and not finished
        stream->begin(iv(), {}, 5);
        stream->seal(ByteView(text).first(text.size() / 2), MutableBytes(out).first(text.size() / 2));
      }
      stream->begin(iv(), additional, text.size());
      stream->open_unverified(sealed, out);
      // The cipher seals something else meanwhile.
      Bytes other = some(5000);
      Tag other_tag{};
      cipher->seal(iv(), {}, other, other, other_tag);
      ASSERT_TRUE(stream->verify(tag)) << to_string(tier.tier);
      ASSERT_EQ(out, text);
      Tag touched = tag;
      touched[below(16)] ^= 4;
      stream->begin(iv(), additional, text.size());
      stream->open_unverified(sealed, out);
      ASSERT_FALSE(stream->verify(touched));
    }
  }
}

TEST_F(Sm4GcmPieces, WhatDoesNotFitLeavesNoTextInAnyPiece) {
  for (const std::size_t size : {1U, 16U, 100U, 1024U, 20'000U}) {
    new_message(size, 20);
    const std::vector<std::size_t> sizes{size / 3, size / 7, size - size / 3 - size / 7};
    for (const OneTier& tier : tiers) {
      const auto cipher = cipher_of(*tier.provider);
      const auto refuses = [&](const Bytes& some_additional, const Bytes& some_text, const Tag& a_tag) {
        const Scattered in = scatter(sizes, some_text);
        const Scattered out = scatter(sizes, Bytes(size, 0xee));
        EXPECT_FALSE(cipher->open(iv(), some_additional, pieces_of(in, out), a_tag));
        EXPECT_EQ(gathered(out), Bytes(size)) << "unverified plaintext was left";
        EXPECT_FALSE(cipher->open(iv(), some_additional, pieces_of(in, in), a_tag));
        EXPECT_EQ(gathered(in), Bytes(size)) << "unverified plaintext was left in place";
      };
      for (std::size_t bit = 0; bit < 128; bit += 5) {
        Tag touched = tag;
        touched[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        refuses(additional, sealed, touched);
      }
      for (std::size_t i = 0; i < size; i += 1 + size / 20) {
        Bytes touched = sealed;
        touched[i] ^= static_cast<std::uint8_t>(1U << i % 8);
        refuses(additional, touched, tag);
      }
      refuses(Bytes(additional.begin(), additional.end() - 1), sealed, tag);
      refuses({}, sealed, tag);
    }
  }
}

// finish() after opening would give away the tag of a forged text.
TEST_F(Sm4GcmPieces, SealingAndOpeningDoNotMix) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  new_message(20, 3);
  const auto cipher = cipher_of(*tiers.front().provider);
  const auto stream = cipher->stream().value();
  Tag made{};
  EXPECT_DEATH(stream->finish(made), "");  // nothing was begun
  stream->begin(iv(), additional, 20);
  stream->open_unverified(sealed, sealed);
  EXPECT_DEATH(stream->finish(made), "");
  EXPECT_DEATH(stream->seal(text, text), "");
}

}  // namespace
}  // namespace mifeng::crypto
