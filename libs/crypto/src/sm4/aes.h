// SM4's S-box by AES's, for x86 kernels without GFNI; included as sliced.h is. AESENCLAST is the inversion, and PSHUFB
// looks an affine map up by halves of a byte in a register, which takes the same time whatever is looked up.
#pragma once

#include <immintrin.h>

#include "sm4/constants.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"

namespace mifeng::crypto::sm4 {
namespace {

// The two halves of each byte; one look for all maps of the same bytes.
template <typename Slices>
struct Halves {
  typename Slices::V low, high;
  explicit MIFENG_INLINE Halves(typename Slices::V x)
      : low(Slices::both(x, Slices::all(15))), high(Slices::both(Slices::right_by_4(x), Slices::all(15))) {}
  MIFENG_INLINE typename Slices::V mapped(const Nibbles& tables) const {
    return Slices::add(Slices::permuted(Slices::in_each_16(load_128(tables.low)), low),
                       Slices::permuted(Slices::in_each_16(load_128(tables.high)), high));
  }
};

constexpr Nibbles kToStateNibbles = nibbles(kToState);
constexpr Nibbles kFromStateNibbles = nibbles(kFromState);
constexpr Nibbles kPNibbles = nibbles(after_aes(kInverseToP));
constexpr Nibbles kQNibbles = nibbles(after_aes(kInverseToQ));
constexpr Nibbles kLPrimeNibbles[4] = {nibbles(after_aes(kInverseToLPrime[0])), nibbles(after_aes(kInverseToLPrime[1])),
                                       nibbles(after_aes(kInverseToLPrime[2])),
                                       nibbles(after_aes(kInverseToLPrime[3]))};

struct AesSchedule {
  static MIFENG_INLINE __m128i to_state(__m128i x) { return Halves<Slices128>(x).mapped(kToStateNibbles); }
  static MIFENG_INLINE void l_prime(__m128i t, __m128i (&b)[4]) {
    // ShiftRows changes nothing in four equal words.
    const Halves<Slices128> a(_mm_aesenclast_si128(t, _mm_setzero_si128()));
    for (int j = 0; j < 4; ++j) b[j] = a.mapped(kLPrimeNibbles[j]);
  }
};

// AesLast puts a register through AESENCLAST with a round key of zeros.
template <typename Base, typename AesLast>
struct AesSlices : Base {
  using V = typename Base::V;
  static MIFENG_INLINE V to_state(V x) { return Halves<Base>(x).mapped(kToStateNibbles); }
  static MIFENG_INLINE V from_state(V x) { return Halves<Base>(x).mapped(kFromStateNibbles); }
  static MIFENG_INLINE void add_transformed(const V (&t)[4], V (&x)[4]) {
    // What undoes ShiftRows (FIPS 197 clause 5.1.2).
    const V unshift = Base::in_each_16(_mm_set_epi8(3, 6, 9, 12, 15, 2, 5, 8, 11, 14, 1, 4, 7, 10, 13, 0));
    V p[4];
    V q[4];
    for (int j = 0; j < 4; ++j) {
      const Halves<Base> a(Base::permuted(AesLast::apply(t[j]), unshift));
      p[j] = a.mapped(kPNibbles);
      q[j] = a.mapped(kQNibbles);
    }
    add_others<Base>(x, p, q);
  }
};

}  // namespace
}  // namespace mifeng::crypto::sm4
