// SM4's key schedule by GFNI, for x86 kernels; included as sliced.h is.
#pragma once

#include <immintrin.h>

#include "sm4/constants.h"

namespace mifeng::crypto::sm4 {
namespace {

constexpr std::uint64_t kToStateMatrix = gfni_matrix(kToState.map);
constexpr std::uint64_t kFromStateMatrix = gfni_matrix(kFromState.map);
constexpr std::uint64_t kPMatrix = gfni_matrix(kInverseToP.map);
constexpr std::uint64_t kQMatrix = gfni_matrix(kInverseToQ.map);
template <int kByte>
constexpr std::uint64_t kLPrimeMatrix = gfni_matrix(kInverseToLPrime[kByte].map);

MIFENG_INLINE __m128i matrix_128(std::uint64_t matrix) { return _mm_set1_epi64x(static_cast<long long>(matrix)); }

struct GfniSchedule {
  static MIFENG_INLINE __m128i to_state(__m128i x) {
    return _mm_gf2p8affine_epi64_epi8(x, matrix_128(kToStateMatrix), kToState.constant);
  }
  template <int kByte>
  static MIFENG_INLINE __m128i l_prime_byte(__m128i t) {
    return _mm_gf2p8affineinv_epi64_epi8(t, matrix_128(kLPrimeMatrix<kByte>), kInverseToLPrime[kByte].constant);
  }
  static MIFENG_INLINE void l_prime(__m128i t, __m128i (&b)[4]) {
    b[0] = l_prime_byte<0>(t);
    b[1] = l_prime_byte<1>(t);
    b[2] = l_prime_byte<2>(t);
    b[3] = l_prime_byte<3>(t);
  }
};

}  // namespace
}  // namespace mifeng::crypto::sm4
