// 64 blocks at once: GFNI for the S-box, three-input XORs, and VPCLMULQDQ four blocks at a time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm4/constants.h"
#include "target.h"

MIFENG_TARGET("avx512f,avx512bw,avx512vl,gfni,aes,pclmul,vpclmulqdq")

#include "sm4/gfni.h"
#include "sm4/ghash_clmul.h"
#include "sm4/key_schedule.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"

namespace mifeng::crypto::sm4 {
namespace {

struct Field512 {
  using V = __m512i;
  static MIFENG_INLINE V zero() { return _mm512_setzero_si512(); }
  static MIFENG_INLINE V all(std::uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }
  static MIFENG_INLINE V load(const std::uint8_t* from) { return _mm512_loadu_si512(from); }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) { _mm512_storeu_si512(to, value); }
  static MIFENG_INLINE V add(V a, V b) { return _mm512_xor_si512(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return _mm512_ternarylogic_epi32(a, b, c, 0x96); }
  template <int kHalves>
  static MIFENG_INLINE V multiply(V a, V b) {
    return _mm512_clmulepi64_epi128(a, b, kHalves);
  }
  static MIFENG_INLINE V shifted_up(V a) { return _mm512_bslli_epi128(a, 8); }
  static MIFENG_INLINE V shifted_down(V a) { return _mm512_bsrli_epi128(a, 8); }
  static MIFENG_INLINE V swapped(V a) { return _mm512_shuffle_epi32(a, static_cast<_MM_PERM_ENUM>(0x4e)); }
  static MIFENG_INLINE V repeated(__m128i a) { return _mm512_broadcast_i32x4(a); }
  static MIFENG_INLINE V reversed(V a) {
    return _mm512_shuffle_epi8(a, repeated(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  }
  static MIFENG_INLINE V first_only(__m128i a) { return _mm512_inserti32x4(zero(), a, 0); }
  static MIFENG_INLINE __m128i lanes_summed(V a) {
    const __m256i halves = _mm256_xor_si256(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    return _mm_xor_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
  }
};

struct Slices512 {
  using V = __m512i;
  static MIFENG_INLINE V load(const std::uint8_t* from) { return Field512::load(from); }
  static MIFENG_INLINE void store(std::uint8_t* to, V value) { Field512::store(to, value); }
  static MIFENG_INLINE V all(std::uint32_t byte) { return _mm512_set1_epi8(static_cast<char>(byte)); }
  static MIFENG_INLINE V repeated(const std::uint8_t* four_bytes) {
    int value;
    __builtin_memcpy(&value, four_bytes, 4);
    return _mm512_set1_epi32(value);
  }
  static MIFENG_INLINE V add(V a, V b) { return Field512::add(a, b); }
  static MIFENG_INLINE V add(V a, V b, V c) { return Field512::add(a, b, c); }
  static MIFENG_INLINE V both(V a, V b) { return _mm512_and_si512(a, b); }
  static MIFENG_INLINE V add_numbers(V a, V b) { return _mm512_add_epi8(a, b); }
  static MIFENG_INLINE V is_below(V a, V b) { return _mm512_movm_epi8(_mm512_cmplt_epu8_mask(a, b)); }
  static MIFENG_INLINE V interleave_low(V a, V b) { return _mm512_unpacklo_epi8(a, b); }
  static MIFENG_INLINE V interleave_high(V a, V b) { return _mm512_unpackhi_epi8(a, b); }
  // Transposed within 16 bytes, byte k of quarter q is in register k, quarter q: block 4 k + q.
  static MIFENG_INLINE V lane_numbers() {
    const __m128i fours = _mm_set_epi8(60, 56, 52, 48, 44, 40, 36, 32, 28, 24, 20, 16, 12, 8, 4, 0);
    return _mm512_add_epi8(_mm512_broadcast_i32x4(fours),
                           _mm512_set_epi64(0x0303030303030303, 0x0303030303030303, 0x0202020202020202,
                                            0x0202020202020202, 0x0101010101010101, 0x0101010101010101, 0, 0));
  }
  static MIFENG_INLINE V all_but_first() { return _mm512_set_epi64(-1, -1, -1, -1, -1, -1, -1, -256); }

  template <int kConstant>
  static MIFENG_INLINE V mapped(V x, std::uint64_t matrix) {
    return _mm512_gf2p8affine_epi64_epi8(x, Field512::all(matrix), kConstant);
  }
  static MIFENG_INLINE V to_state(V x) { return mapped<0>(x, kToStateMatrix); }
  static MIFENG_INLINE V from_state(V x) { return mapped<0>(x, kFromStateMatrix); }
  static MIFENG_INLINE void add_transformed(const V (&t)[4], V (&x)[4]) {
    V p[4];
    V q[4];
    for (int j = 0; j < 4; ++j) {
      p[j] = _mm512_gf2p8affineinv_epi64_epi8(t[j], Field512::all(kPMatrix), kInverseToP.constant);
      q[j] = _mm512_gf2p8affineinv_epi64_epi8(t[j], Field512::all(kQMatrix), kInverseToQ.constant);
    }
    add_others<Slices512>(x, p, q);
  }
};

using Ghash = Hash<Field512, Field128>;

}  // namespace

const Kernel kGfniAvx512 = {
    .tier = Sm4Tier::kGfniAvx512,
    .batch = 64,
    .key_bytes = 16 * kRounds,
    .has_powers = true,
    .expand_key = expand_key<GfniSchedule>,
    .key_stream = key_stream<Slices512>,
    .double_powers = double_powers<Field512, Field128>,
    .hash = hash_blocks<Field512, Field128>,
    .seal_passes = passes<Slices512, Ghash, true>,
    .open_passes = passes<Slices512, Ghash, false>,
};

}  // namespace mifeng::crypto::sm4
MIFENG_TARGET_END
#endif
