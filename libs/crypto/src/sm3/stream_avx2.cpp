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
    const auto made = expanded<Lanes8>(Lanes8::load(word[j - 16]), Lanes8::load(word[j - 13]),
                                       Lanes8::load(word[j - 9]), Lanes8::load(word[j - 6]), Lanes8::load(word[j - 3]));
    Lanes8::store(word[j], made);
  }
};

// Eight rounds of one block, whose words are kGroup apart.
template <bool kEarly>
MIFENG_INLINE void eight_rounds(std::uint32_t (&v)[8], const std::uint32_t* w, const std::uint32_t* t,
                                Sm3Parts& parts) {
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const std::uint32_t* at = w + i * kGroup;
    sm3_round<kEarly>(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], at[0], at[4 * kGroup], t[i], parts);
    sm3_round<kEarly>(v[3], v[0], v[1], v[2], v[7], v[4], v[5], v[6], at[kGroup], at[5 * kGroup], t[i + 1], parts);
    sm3_round<kEarly>(v[2], v[3], v[0], v[1], v[6], v[7], v[4], v[5], at[2 * kGroup], at[6 * kGroup], t[i + 2], parts);
    sm3_round<kEarly>(v[1], v[2], v[3], v[0], v[5], v[6], v[7], v[4], at[3 * kGroup], at[7 * kGroup], t[i + 3], parts);
  }
}

}  // namespace

void compress_avx2(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  Expansion expansions[2];
  const std::uint32_t* const constants = sm3_ready(kSm3T.data());  // kept in a register, not computed in each turn
  std::uint32_t v[8];
  for (unsigned i = 0; i < 8; ++i) v[i] = state[i];
  expansions[0].start(data);
  for (unsigned j = 16; j < kWords; ++j) expansions[0].make(j);
  for (unsigned now = 0; blocks != 0; now ^= 1, blocks -= kGroup) {
    const Expansion& from = expansions[now];
    Expansion& to = expansions[now ^ 1];
    // Beside the last group its own words are made once more: one loop for all cases is less code to fetch.
    if (blocks != kGroup) data += kGroup * kBlockSize;
    to.start(data);
    for (unsigned block = 0; block < kGroup; ++block) {
      // Six times eight words and the last four; the two blocks at the end make the last eight, again.
      const unsigned first_made = block < 6 ? 16 + 8 * block : kWords - 8;
      Sm3Parts parts(v[4]);
      const std::uint32_t* w = sm3_ready(&from.word[0][block]);
      for (unsigned i = 0; i < 8; ++i, w += 8 * kGroup) {
        to.make(first_made + i);
        if (i < 2)
          eight_rounds<true>(v, w, constants + 8 * i, parts);
        else
          eight_rounds<false>(v, w, constants + 8 * i, parts);
      }
      // Not gathered into vector registers, and not read back out of memory, either of which takes long.
      for (unsigned i = 0; i < 8; ++i) state[i] = v[i] = sm3_ready(state[i] ^ v[i]);
    }
  }
}

}  // namespace mifeng::crypto::sm3_kernel
MIFENG_TARGET_END
#endif
