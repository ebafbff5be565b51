// Every tier of SM4-GCM that this processor has, against libgcrypt and OpenSSL.
#include <cstdio>
#include <string>

#include "sm4_gcm_tiers.h"

namespace mifeng::crypto {
namespace {

// A tier that this processor lacks is not tested here: the output says so, and it cannot be had.
TEST_F(Sm4GcmTiers, SaysWhichRan) {
  std::string ran;
  std::string missing;
  for (const Sm4Tier tier : kSm4Tiers) {
    (is_supported(tier) ? ran : missing) += std::string(" ") + to_string(tier);
    if (!is_supported(tier)) {
      EXPECT_EQ(Sm4GcmProvider::create(tier).error().reason(), "no-sm4-gcm");
    }
  }
  std::printf("tiers of SM4-GCM tested:%s; not on this processor:%s; chosen: %s\n", ran.c_str(),
              missing.empty() ? " none" : missing.c_str(), to_string(best_sm4_tier()));
  RecordProperty("tiers_tested", ran);
  RecordProperty("tiers_missing", missing);
  EXPECT_TRUE(is_supported(Sm4Tier::kPortable));
  EXPECT_STREQ(Sm4GcmProvider::create().value()->name(), to_string(best_sm4_tier()));
#if defined(__x86_64__)
  if (__builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul")) {
    EXPECT_GE(tiers.size(), 2U);
  }
#endif
}

// All lengths to 4096. Without optimisation (the sanitizers' build) those of the tiers that are not chosen have gaps,
// but none around the ends of blocks of 512 bytes.
TEST_F(Sm4GcmTiers, EveryLength) {
#if defined(__OPTIMIZE__)
  constexpr bool kHurried = false;
#else
  constexpr bool kHurried = true;
#endif
  Bytes one(4096);
  Bytes other(4096);
  for (std::size_t size = 0; size <= 4096; ++size) {
    const bool everyone = !kHurried || size % 13 == 0 || (size + 18) % 512 <= 36;
    new_message(size, size % 41);
    for (const OneTier& tier : tiers) {
      if (!everyone && tier.tier != best_sm4_tier()) continue;
      const auto cipher = cipher_of(*tier.provider);
      ASSERT_NO_FATAL_FAILURE(check(*cipher, MutableBytes(one).first(size), MutableBytes(other).first(size)))
          << to_string(tier.tier) << " " << size;
      ASSERT_NO_FATAL_FAILURE(check(*cipher, MutableBytes(one).first(size), MutableBytes(one).first(size)))
          << to_string(tier.tier) << " in place " << size;
    }
  }
}

TEST_F(Sm4GcmTiers, RandomLengthsTo1MiB) {
  Bytes one(1 << 20);
  Bytes other(1 << 20);
  for (int i = 0; i < 40; ++i) {
    new_message(i == 0 ? one.size() : below(std::size_t{1} << (10 + i % 11)), below(2000));
    ASSERT_NO_FATAL_FAILURE(check_each_tier(one, other));
  }
}

// Far beyond what a pass, the powers of H and two bytes of the counter hold. The segments of a stream are no longer.
TEST_F(Sm4GcmTiers, AFewLengthsTo16MiB) {
  constexpr std::size_t kMost = std::size_t{1} << 24;
  Bytes one(kMost);
  Bytes other(kMost);
  for (int i = 0; i < 3; ++i) {
    new_message(i == 0 ? kMost : (kMost >> i) + below(kMost >> i), below(100));
    ASSERT_NO_FATAL_FAILURE(check_each_tier(one, other));
  }
}

TEST_F(Sm4GcmTiers, EveryAlignment) {
  Bytes one(10'000);
  Bytes other(10'000);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    for (const std::size_t size : {33U, 1025U, 9000U}) {
      new_message(size, 5);
      for (const OneTier& tier : tiers) {
        const auto cipher = cipher_of(*tier.provider);
        const MutableBytes in = MutableBytes(one).subspan(offset, size);
        for (const std::size_t out_offset : {std::size_t{0}, below(64), offset})
          ASSERT_NO_FATAL_FAILURE(check(*cipher, in, MutableBytes(other).subspan(out_offset, size)))
              << to_string(tier.tier) << " " << size << " " << offset << " " << out_offset;
        ASSERT_NO_FATAL_FAILURE(check(*cipher, in, in)) << to_string(tier.tier) << " " << size << " " << offset;
      }
    }
  }
}

// What else a call is given may lie anywhere as well.
TEST_F(Sm4GcmTiers, EveryAlignmentOfKeyNonceAdditionalDataAndTag) {
  Bytes room(512);
  Bytes out(200);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    new_message(out.size(), 75);
    const auto at_offset = [&](std::size_t place, ByteView bytes) {
      const MutableBytes there = MutableBytes(room).subspan(place + offset, bytes.size());
      std::copy(bytes.begin(), bytes.end(), there.begin());
      return there;
    };
    const MutableBytes moved_key = at_offset(0, key);
    const MutableBytes moved_nonce = at_offset(128, iv());
    const MutableBytes moved_additional = at_offset(256, additional);
    const MutableBytes moved_tag = at_offset(400, Bytes(kGcmTagSize));
    for (const OneTier& tier : tiers) {
      const auto cipher = tier.provider->cipher(moved_key.first<kSm4KeySize>()).value();
      cipher->seal(moved_nonce.first<kGcmNonceSize>(), moved_additional, text, out, moved_tag.first<kGcmTagSize>());
      ASSERT_EQ(out, sealed) << to_string(tier.tier) << " " << offset;
      ASSERT_EQ(to_hex(moved_tag), to_hex(tag)) << to_string(tier.tier) << " " << offset;
      ASSERT_TRUE(cipher->open(moved_nonce.first<kGcmNonceSize>(), moved_additional, sealed, out,
                               moved_tag.first<kGcmTagSize>()))
          << to_string(tier.tier) << " " << offset;
      ASSERT_EQ(out, text);
    }
  }
}

// Nothing is written beside the text.
TEST_F(Sm4GcmTiers, StaysWithinItsBuffers) {
  for (const std::size_t size : {0U, 1U, 31U, 63U, 65U, 1023U, 2049U, 12'289U}) {
    new_message(size, 3);
    for (const OneTier& tier : tiers) {
      Bytes in(size);
      Bytes room(size + 128, 0xa5);
      const auto cipher = cipher_of(*tier.provider);
      ASSERT_NO_FATAL_FAILURE(check(*cipher, in, MutableBytes(room).subspan(64, size)));
      for (std::size_t i = 0; i < 64; ++i) {
        EXPECT_EQ(room[i], 0xa5);
        EXPECT_EQ(room[64 + size + i], 0xa5);
      }
    }
  }
}

TEST_F(Sm4GcmTiers, EveryLengthOfAdditionalData) {
  Bytes one(100);
  for (std::size_t size = 0; size <= 600; ++size) {
    new_message(size % 100, size);
    for (const OneTier& tier : tiers)
      ASSERT_NO_FATAL_FAILURE(
          check(*cipher_of(*tier.provider), MutableBytes(one).first(text.size()), MutableBytes(one).first(text.size())))
          << to_string(tier.tier) << " " << size;
  }
}

// The powers of H grow with what has been asked for so far.
TEST_F(Sm4GcmTiers, OneKeyForManyMessagesInAnyOrder) {
  for (const OneTier& tier : tiers) {
    key = some(kSm4KeySize);
    const auto cipher = cipher_of(*tier.provider);
    const auto expected = reference_cipher();
    Bytes room;
    for (int i = 0; i < 60; ++i) {
      nonce = some(kGcmNonceSize);
      additional = some(below(64));
      text = some(below(std::size_t{1} << (4 + below(12))));
      sealed.resize(text.size());
      room.resize(text.size());
      expected->seal(iv(), additional, text, sealed, tag);
      ASSERT_NO_FATAL_FAILURE(check(*cipher, room, room)) << to_string(tier.tier) << " " << i;
    }
  }
}

TEST_F(Sm4GcmTiers, RefusesWhateverWasTouchedAndLeavesNoText) {
  for (const std::size_t size : {0U, 1U, 16U, 100U, 1024U, 2017U, 20'000U}) {
    new_message(size, 20);
    for (const OneTier& tier : tiers) {
      const auto cipher = cipher_of(*tier.provider);
      const auto refuses = [&](GcmNonce a_nonce, const Bytes& some_additional, const Bytes& some_text,
                               const Tag& a_tag) {
        Bytes out(size, 0xee);
        EXPECT_FALSE(cipher->open(a_nonce, some_additional, some_text, out, a_tag));
        EXPECT_EQ(out, Bytes(size)) << "unverified plaintext was left";
        out = some_text;
        EXPECT_FALSE(cipher->open(a_nonce, some_additional, out, out, a_tag));
        EXPECT_EQ(out, Bytes(size)) << "unverified plaintext was left in place";
      };
      for (std::size_t bit = 0; bit < 128; ++bit) {
        Tag touched = tag;
        touched[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
        refuses(iv(), additional, sealed, touched);
      }
      for (std::size_t i = 0; i < size; i += 1 + size / 50) {
        Bytes touched = sealed;
        touched[i] ^= static_cast<std::uint8_t>(1U << i % 8);
        refuses(iv(), additional, touched, tag);
      }
      for (std::size_t i = 0; i < additional.size(); ++i) {
        Bytes touched = additional;
        touched[i] ^= 0x80;
        refuses(iv(), touched, sealed, tag);
      }
      refuses(iv(), Bytes(additional.begin(), additional.end() - 1), sealed, tag);
      Bytes other = nonce;
      other[11] ^= 1;
      refuses(GcmNonce(other.data(), kGcmNonceSize), additional, sealed, tag);
      Bytes out(size);
      EXPECT_TRUE(cipher->open(iv(), additional, sealed, out, tag));
      EXPECT_EQ(out, text);
    }
  }
}

}  // namespace
}  // namespace mifeng::crypto
