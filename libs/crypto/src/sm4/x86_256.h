// Registers of 32 bytes (AVX2), for kernels whose passes are 32 blocks; included as sliced.h is.
#pragma once

#include <immintrin.h>

#include "sm4/x86_128.h"

namespace mifeng::crypto::sm4 {
namespace {

struct Vector256 {
  using V = __m256i;
  static MIFENG_INLINE V zero() { return _mm256_setzero_si256(); }
  static MIFENG_INLINE V all(std::uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); }
  static MIFENG_INLINE V load(const std::uint8_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), value);
  }
  static MIFENG_INLINE V add(V a, V b) { return _mm256_xor_si256(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return add(add(a, b), c); }
  static MIFENG_INLINE V repeated(__m128i a) { return _mm256_broadcastsi128_si256(a); }
};

// What slices of 32 blocks need whatever substitutes them.
struct Slices256 {
  using V = __m256i;
  static MIFENG_INLINE V load(const std::uint8_t* from) { return Vector256::load(from); }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) { Vector256::store(to, value); }
  static MIFENG_INLINE V all(std::uint32_t byte) { return _mm256_set1_epi8(static_cast<char>(byte)); }
  static MIFENG_INLINE V repeated(const std::uint8_t* four_bytes) {
    int value;
    __builtin_memcpy(&value, four_bytes, 4);
    return _mm256_set1_epi32(value);
  }
  static MIFENG_INLINE V add(V a, V b) { return _mm256_xor_si256(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return add(add(a, b), c); }
  static MIFENG_INLINE V both(V a, V b) { return _mm256_and_si256(a, b); }
  static MIFENG_INLINE V add_numbers(V a, V b) { return _mm256_add_epi8(a, b); }
  static MIFENG_INLINE V is_below(V a, V b) {
    return _mm256_andnot_si256(_mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a), all(255));
  }
  static MIFENG_INLINE V right_by_4(V x) { return _mm256_srli_epi16(x, 4); }
  static MIFENG_INLINE V permuted(V x, V index) { return _mm256_shuffle_epi8(x, index); }  // within each 16 bytes
  static MIFENG_INLINE V in_each_16(__m128i x) { return Vector256::repeated(x); }
  static MIFENG_INLINE V interleave_low(V a, V b) { return _mm256_unpacklo_epi8(a, b); }
  static MIFENG_INLINE V interleave_high(V a, V b) { return _mm256_unpackhi_epi8(a, b); }
  // Transposed within 16 bytes, byte k of half h is in register k, half h: block 2 k + h.
  static MIFENG_INLINE V lane_numbers() {
    return _mm256_set_epi8(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1,  //
                           30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
  }
  static MIFENG_INLINE V all_but_first() { return _mm256_set_epi64x(-1, -1, -1, -256); }
};

}  // namespace
}  // namespace mifeng::crypto::sm4
