// GHASH's field two blocks at a time (VPCLMULQDQ), for x86 kernels; included as sliced.h is.
#pragma once

#include <immintrin.h>

#include "sm4/x86_256.h"

namespace mifeng::crypto::sm4 {
namespace {

struct Field256 : Vector256 {
  template <int kHalves>
  static MIFENG_INLINE V multiply(V a, V b) {
    return _mm256_clmulepi64_epi128(a, b, kHalves);
  }
  static MIFENG_INLINE V shifted_up(V a) { return _mm256_slli_si256(a, 8); }
  static MIFENG_INLINE V shifted_down(V a) { return _mm256_srli_si256(a, 8); }
  static MIFENG_INLINE V swapped(V a) { return _mm256_shuffle_epi32(a, 0x4e); }
  static MIFENG_INLINE V reversed(V a) {
    return _mm256_shuffle_epi8(a, repeated(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  }
  static MIFENG_INLINE V first_only(__m128i a) { return _mm256_inserti128_si256(zero(), a, 0); }
  static MIFENG_INLINE __m128i lanes_summed(V a) {
    return _mm_xor_si128(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  }
};

}  // namespace
}  // namespace mifeng::crypto::sm4
