// Eight words side by side (AVX2), for SM3 kernels. Included below their MIFENG_TARGET; see target.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace mifeng::crypto::sm3_kernel {
namespace {

struct Lanes8 {
  using V = __m256i;
  static constexpr int kCount = 8;
  static MIFENG_INLINE V all(std::uint32_t word) { return _mm256_set1_epi32(static_cast<int>(word)); }
  static MIFENG_INLINE V plus(V a, V b) { return _mm256_add_epi32(a, b); }
  static MIFENG_INLINE V sum(V a, V b) { return _mm256_xor_si256(a, b); }
  static MIFENG_INLINE V sum(V a, V b, V c) { return sum(sum(a, b), c); }
  static MIFENG_INLINE V majority(V a, V b, V c) {
    return _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(_mm256_or_si256(a, b), c));
  }
  static MIFENG_INLINE V choice(V e, V f, V g) { return sum(_mm256_and_si256(sum(f, g), e), g); }
  template <int kBits>
  static MIFENG_INLINE V left(V x) {
    return _mm256_or_si256(_mm256_slli_epi32(x, kBits), _mm256_srli_epi32(x, 32 - kBits));
  }
  // By 17 is by 9 and then by a whole byte, which one instruction does; by 23 is by 15 and a byte.
  static MIFENG_INLINE V p0(V x) {
    const V by_9 = left<9>(x);
    return sum(x, by_9, left_8(by_9));
  }
  static MIFENG_INLINE V p1(V x) {
    const V by_15 = left<15>(x);
    return sum(x, by_15, left_8(by_15));
  }
  static MIFENG_INLINE V swapped(V x) {
    return bytes(x, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));
  }
  static MIFENG_INLINE V load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  static MIFENG_INLINE void store(void* to, V value) { _mm256_storeu_si256(static_cast<__m256i*>(to), value); }

  // Rows of eight words become columns.
  static MIFENG_INLINE void transpose(V (&x)[8]) {
    V pairs[8];
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_epi32(x[i], x[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_epi32(x[i], x[i + 1]);
    }
    V fours[8];
    for (int i = 0; i < 8; i += 4)
      for (int j = 0; j < 2; ++j) {
        fours[i + 2 * j] = _mm256_unpacklo_epi64(pairs[i + j], pairs[i + j + 2]);
        fours[i + 2 * j + 1] = _mm256_unpackhi_epi64(pairs[i + j], pairs[i + j + 2]);
      }
    for (int i = 0; i < 4; ++i) {
      x[i] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x20);
      x[i + 4] = _mm256_permute2x128_si256(fours[i], fours[i + 4], 0x31);
    }
  }
  // The sixteen words of a block from each of eight places.
  static MIFENG_INLINE void load_blocks(const std::uint8_t* const* from, std::size_t offset, V* words) {
    for (int half = 0; half < 2; ++half) {
      V rows[8];
      for (int lane = 0; lane < 8; ++lane)
        rows[lane] = swapped(load(from[lane] + offset + 32 * static_cast<std::size_t>(half)));
      transpose(rows);
      for (int i = 0; i < 8; ++i) words[8 * half + i] = rows[i];
    }
  }
  static MIFENG_INLINE void store_digests(V (&state)[8], std::uint8_t* const* to) {
    transpose(state);
    for (int lane = 0; lane < 8; ++lane) store(to[lane], swapped(state[lane]));
  }

 private:
  static MIFENG_INLINE V left_8(V x) {
    return bytes(x, _mm_set_epi8(14, 13, 12, 15, 10, 9, 8, 11, 6, 5, 4, 7, 2, 1, 0, 3));
  }
  static MIFENG_INLINE V bytes(V x, __m128i order) {
    return _mm256_shuffle_epi8(x, _mm256_broadcastsi128_si256(order));
  }
};

}  // namespace
}  // namespace mifeng::crypto::sm3_kernel
