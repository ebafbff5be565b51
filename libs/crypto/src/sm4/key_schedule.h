// SM4's key schedule (GB/T 32907-2016 clause 7.3) for x86 kernels; included as sliced.h is.
#pragma once

#include <immintrin.h>

#include "sm4/constants.h"
#include "sm4/x86_128.h"

namespace mifeng::crypto::sm4 {
namespace {

// Schedule is its choice of instructions, for words that are the same in all four places of a register. A round key is
// stored as 16 bytes: the bytes of its word from the highest on, four times each.
template <typename Schedule>
void expand_key(const std::uint8_t* key, std::uint8_t* round_keys) {
  __m128i k[4];
  for (int i = 0; i < 4; ++i) {
    std::uint32_t word;
    __builtin_memcpy(&word, key + 4 * i, 4);
    k[i] = Schedule::to_state(_mm_set1_epi32(static_cast<int>(__builtin_bswap32(word) ^ kFk[i])));
  }
  const __m128i spread = _mm_set_epi8(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m128i by_1 = _mm_set_epi8(14, 13, 12, 15, 10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3);
  const __m128i by_2 = _mm_set_epi8(13, 12, 15, 14, 9, 8, 11, 10, 5, 4, 7, 6, 1, 0, 3, 2);
  const __m128i by_3 = _mm_set_epi8(12, 15, 14, 13, 8, 11, 10, 9, 4, 7, 6, 5, 0, 3, 2, 1);
  for (std::size_t i = 0; i < kRounds; i += 4)
    for (std::size_t j = 0; j < 4; ++j) {
      const __m128i others = _mm_xor_si128(_mm_xor_si128(k[(j + 1) % 4], k[(j + 2) % 4]),
                                           _mm_set1_epi32(static_cast<int>(kStateCk.ck[i + j])));
      __m128i b[4];
      Schedule::l_prime(_mm_xor_si128(others, k[(j + 3) % 4]), b);
      k[j] = _mm_xor_si128(_mm_xor_si128(_mm_xor_si128(k[j], b[0]), _mm_shuffle_epi8(b[1], by_1)),
                           _mm_xor_si128(_mm_shuffle_epi8(b[2], by_2), _mm_shuffle_epi8(b[3], by_3)));
      const __m128i ready = _mm_xor_si128(k[j], _mm_set1_epi8(static_cast<char>(kKeyToState.constant)));
      store_128(round_keys + 16 * (i + j), _mm_shuffle_epi8(ready, spread));
    }
}

}  // namespace
}  // namespace mifeng::crypto::sm4
