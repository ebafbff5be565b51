// SM3 of one message. A round waits for the one before it, but the message expansion (GB/T 32905-2016 clause 5.3.2)
// waits for nothing: that of eight blocks is done in the lanes of vector registers, a word at a time, between the
// rounds of the eight blocks before, whose units it leaves free.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm3/kernels.h"
#include "sm3_rounds.h"
#include "target.h"

MIFENG_TARGET("avx2,bmi,bmi2")

#include "sm3/lanes.h"
#include "sm3/lanes_avx2.h"

namespace mifeng::crypto::sm3_kernel {
namespace {

constexpr unsigned kGroup = 8;
constexpr std::size_t kBlockSize = 64;
constexpr unsigned kWords = 68;

// The expanded words of eight blocks: word j of block b is word[j][b].
struct Expansion {
  alignas(32) std::uint32_t word[kWords][kGroup];

  MIFENG_INLINE void start(const std::uint8_t* data) {
    const std::uint8_t* rows[kGroup];
    for (unsigned i = 0; i < kGroup; ++i) rows[i] = data + i * kBlockSize;
    __m256i words[16];
    Lanes8::load_blocks(rows, 0, words);
    for (unsigned i = 0; i < 16; ++i) Lanes8::store(word[i], words[i]);
  }
  MIFENG_INLINE void make(unsigned j) {
    Lanes8::store(word[j],
                  expanded<Lanes8>(Lanes8::load(word[j - 16]), Lanes8::load(word[j - 13]), Lanes8::load(word[j - 9]),
                                   Lanes8::load(word[j - 6]), Lanes8::load(word[j - 3])));
  }
};

MIFENG_INLINE std::uint32_t left(std::uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

// Keeps the compiler from adding in another order: what comes last must not wait for what was there before, and an LEA
// of three parts takes longer than an ADD.
MIFENG_INLINE std::uint32_t ready(std::uint32_t x) {
  __asm__("" : "+r"(x));
  return x;
}

template <bool kEarly>
MIFENG_INLINE void word_round(std::uint32_t a, std::uint32_t& b, std::uint32_t c, std::uint32_t& d, std::uint32_t e,
                              std::uint32_t& f, std::uint32_t g, std::uint32_t& h, std::uint32_t w, std::uint32_t w4,
                              std::uint32_t t) {
  const std::uint32_t a12 = left(a, 12);
  const std::uint32_t ss1 = left(ready(a12 + t) + e, 7);
  const std::uint32_t ff = kEarly ? a ^ b ^ c : (a & b) + ((a ^ b) & c);
  const std::uint32_t gg = kEarly ? e ^ f ^ g : (e & f) + (~e & g);
  const std::uint32_t tt1 = ready(ready(d + (w ^ w4)) + ff) + (ss1 ^ a12);
  const std::uint32_t tt2 = ready(ready(h + w) + gg) + ss1;
  b = left(b, 9);
  d = tt1;
  f = left(f, 19);
  h = tt2 ^ left(tt2, 9) ^ left(tt2, 17);
}

// Rounds kRound to 63 of one block, whose words are eight apart; beside them, eight words for the group to come.
template <unsigned kRound, bool kMore>
MIFENG_INLINE void rounds(std::uint32_t (&v)[8], const std::uint32_t* w, Expansion& to, unsigned first_made) {
  if constexpr (kRound < 64) {
    constexpr bool kEarly = kRound < 16;
    constexpr std::uint32_t t[4] = {kSm3T[kRound], kSm3T[kRound + 1], kSm3T[kRound + 2], kSm3T[kRound + 3]};
    constexpr unsigned kAt = kGroup * kRound;
    if constexpr (kMore && kRound % 8 == 0) to.make(first_made + kRound / 8);
    word_round<kEarly>(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], w[kAt], w[kAt + 4 * kGroup], t[0]);
    word_round<kEarly>(v[3], v[0], v[1], v[2], v[7], v[4], v[5], v[6], w[kAt + kGroup], w[kAt + 5 * kGroup], t[1]);
    word_round<kEarly>(v[2], v[3], v[0], v[1], v[6], v[7], v[4], v[5], w[kAt + 2 * kGroup], w[kAt + 6 * kGroup], t[2]);
    word_round<kEarly>(v[1], v[2], v[3], v[0], v[5], v[6], v[7], v[4], w[kAt + 3 * kGroup], w[kAt + 7 * kGroup], t[3]);
    rounds<kRound + 4, kMore>(v, w, to, first_made);
  }
}

template <bool kMore>
MIFENG_INLINE void compress_block(std::uint32_t* state, const Expansion& from, unsigned block, Expansion& to,
                                  unsigned first_made) {
  std::uint32_t v[8];
  for (unsigned i = 0; i < 8; ++i) v[i] = state[i];
  rounds<0, kMore>(v, &from.word[0][block], to, first_made);
  for (unsigned i = 0; i < 8; ++i) state[i] ^= v[i];
}

// Eight blocks, and the expansion of the next eight beside the first seven of them.
template <bool kMore>
MIFENG_INLINE void compress_group(std::uint32_t* state, const Expansion& from, Expansion& to) {
  constexpr unsigned kBusy = kMore ? (kWords - 16 + 7) / 8 : 0;
  for (unsigned block = 0; block < kBusy; ++block) {
    // The last of them has only four words left to make, and makes four of those before again.
    const unsigned first_made = 16 + 8 * block;
    compress_block<true>(state, from, block, to, first_made < kWords - 8 ? first_made : kWords - 8);
  }
  for (unsigned block = kBusy; block < kGroup; ++block) compress_block<false>(state, from, block, to, 0);
}

}  // namespace

void compress_avx2(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  Expansion expansions[2];
  expansions[0].start(data);
  for (unsigned i = 16; i < kWords; ++i) expansions[0].make(i);
  unsigned now = 0;
  for (blocks -= kGroup; blocks != 0; blocks -= kGroup, now ^= 1) {
    data += kGroup * kBlockSize;
    expansions[now ^ 1].start(data);
    compress_group<true>(state, expansions[now], expansions[now ^ 1]);
  }
  compress_group<false>(state, expansions[now], expansions[now ^ 1]);
}

}  // namespace mifeng::crypto::sm3_kernel
MIFENG_TARGET_END
#endif
