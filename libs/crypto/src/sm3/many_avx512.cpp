// SM3 of sixteen or 32 messages side by side: AVX-512 rotates in one instruction, and has any function of three bits.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm3/kernels.h"
#include "sm3_rounds.h"
#include "target.h"

MIFENG_TARGET("avx512f,avx512bw")

#include "sm3/lanes.h"

namespace mifeng::crypto::sm3_kernel {
namespace {

struct Lanes16 {
  using V = __m512i;
  static constexpr int kCount = 16;
  static MIFENG_INLINE V all(std::uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
  static MIFENG_INLINE V plus(V a, V b) { return _mm512_add_epi32(a, b); }
  static MIFENG_INLINE V sum(V a, V b) { return _mm512_xor_si512(a, b); }
  // The last argument is the function's table.
  static MIFENG_INLINE V sum(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
  static MIFENG_INLINE V majority(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0xe8); }
  static MIFENG_INLINE V choice(V e, V f, V g) { return _mm512_ternarylogic_epi32(e, f, g, 0xca); }
  template <int kBits>
  static MIFENG_INLINE V left(V x) {
    return _mm512_rol_epi32(x, kBits);
  }
  static MIFENG_INLINE V p0(V x) { return sum(x, left<9>(x), left<17>(x)); }
  static MIFENG_INLINE V p1(V x) { return sum(x, left<15>(x), left<23>(x)); }
  static MIFENG_INLINE V swapped(V x) {
    return _mm512_shuffle_epi8(
        x, _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)));
  }

  // The sixteen words of a block from each of sixteen places.
  static MIFENG_INLINE void load_blocks(const std::uint8_t* const* from, std::size_t offset, V* words) {
    V rows[16];
    for (int lane = 0; lane < 16; ++lane) rows[lane] = swapped(_mm512_loadu_si512(from[lane] + offset));
    // Within each quarter, four rows by four words ...
    V fours[16];
    for (int i = 0; i < 16; i += 4) {
      const V low_0 = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
      const V high_0 = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
      const V low_1 = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
      const V high_1 = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
      fours[i] = _mm512_unpacklo_epi64(low_0, low_1);
      fours[i + 1] = _mm512_unpackhi_epi64(low_0, low_1);
      fours[i + 2] = _mm512_unpacklo_epi64(high_0, high_1);
      fours[i + 3] = _mm512_unpackhi_epi64(high_0, high_1);
    }
    // ... and then the quarters.
    for (int i = 0; i < 4; ++i) {
      const V even_0 = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0x88);
      const V odd_0 = _mm512_shuffle_i32x4(fours[i], fours[i + 4], 0xdd);
      const V even_1 = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0x88);
      const V odd_1 = _mm512_shuffle_i32x4(fours[i + 8], fours[i + 12], 0xdd);
      words[i] = _mm512_shuffle_i32x4(even_0, even_1, 0x88);
      words[i + 4] = _mm512_shuffle_i32x4(odd_0, odd_1, 0x88);
      words[i + 8] = _mm512_shuffle_i32x4(even_0, even_1, 0xdd);
      words[i + 12] = _mm512_shuffle_i32x4(odd_0, odd_1, 0xdd);
    }
  }
  static MIFENG_INLINE void store_digests(V (&state)[8], std::uint8_t* const* to) {
    alignas(64) std::uint32_t words[8][16];
    for (int i = 0; i < 8; ++i) _mm512_store_si512(words[i], swapped(state[i]));
    for (int lane = 0; lane < 16; ++lane)
      for (int i = 0; i < 8; ++i) __builtin_memcpy(to[lane] + 4 * i, &words[i][lane], 4);
  }
};

}  // namespace

void hash_16_avx512(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out) {
  hash_pieces<Lanes16, 1>(in, piece_size, out);
}
void hash_32_avx512(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out) {
  hash_pieces<Lanes16, 2>(in, piece_size, out);
}

}  // namespace mifeng::crypto::sm3_kernel
MIFENG_TARGET_END
#endif
