// Registers of 16 bytes (SSSE3), and GHASH's field in them (PCLMULQDQ), for x86 kernels; included as sliced.h is.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace mifeng::crypto::sm4 {
namespace {

MIFENG_INLINE __m128i load_128(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
MIFENG_INLINE void store_128(void* to, __m128i value) { _mm_storeu_si128(static_cast<__m128i*>(to), value); }

struct Field128 {
  using V = __m128i;
  static MIFENG_INLINE V zero() { return _mm_setzero_si128(); }
  static MIFENG_INLINE V all(std::uint64_t value) { return _mm_set1_epi64x(static_cast<long long>(value)); }
  static MIFENG_INLINE V load(const std::uint8_t* from) { return load_128(from); }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) { store_128(to, value); }
  static MIFENG_INLINE V add(V a, V b) { return _mm_xor_si128(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return add(add(a, b), c); }
  template <int kHalves>
  static MIFENG_INLINE V multiply(V a, V b) {
    return _mm_clmulepi64_si128(a, b, kHalves);
  }
  static MIFENG_INLINE V shifted_up(V a) { return _mm_slli_si128(a, 8); }
  static MIFENG_INLINE V shifted_down(V a) { return _mm_srli_si128(a, 8); }
  static MIFENG_INLINE V swapped(V a) { return _mm_shuffle_epi32(a, 0x4e); }
  static MIFENG_INLINE V reversed(V a) {
    return _mm_shuffle_epi8(a, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
  }
  static MIFENG_INLINE V repeated(__m128i a) { return a; }
  static MIFENG_INLINE V first_only(__m128i a) { return a; }
  static MIFENG_INLINE __m128i lanes_summed(V a) { return a; }
};

struct Slices128 {
  using V = __m128i;
  static MIFENG_INLINE V load(const std::uint8_t* from) { return load_128(from); }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) { store_128(to, value); }
  static MIFENG_INLINE V all(std::uint32_t byte) { return _mm_set1_epi8(static_cast<char>(byte)); }
  static MIFENG_INLINE V repeated(const std::uint8_t* four_bytes) {
    int value;
    __builtin_memcpy(&value, four_bytes, 4);
    return _mm_set1_epi32(value);
  }
  static MIFENG_INLINE V add(V a, V b) { return _mm_xor_si128(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return add(add(a, b), c); }
  static MIFENG_INLINE V both(V a, V b) { return _mm_and_si128(a, b); }
  static MIFENG_INLINE V add_numbers(V a, V b) { return _mm_add_epi8(a, b); }
  static MIFENG_INLINE V is_below(V a, V b) {
    return _mm_andnot_si128(_mm_cmpeq_epi8(_mm_max_epu8(a, b), a), all(255));
  }
  static MIFENG_INLINE V right_by_4(V x) { return _mm_srli_epi16(x, 4); }
  static MIFENG_INLINE V permuted(V x, V index) { return _mm_shuffle_epi8(x, index); }
  static MIFENG_INLINE V in_each_16(__m128i x) { return x; }
  static MIFENG_INLINE V interleave_low(V a, V b) { return _mm_unpacklo_epi8(a, b); }
  static MIFENG_INLINE V interleave_high(V a, V b) { return _mm_unpackhi_epi8(a, b); }
  static MIFENG_INLINE V lane_numbers() { return _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0); }
  static MIFENG_INLINE V all_but_first() { return _mm_set_epi64x(-1, -256); }
};

}  // namespace
}  // namespace mifeng::crypto::sm4
