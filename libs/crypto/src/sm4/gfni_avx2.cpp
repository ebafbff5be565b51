// 32 blocks at once: GFNI for the S-box, VPCLMULQDQ two blocks at a time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm4/constants.h"
#include "target.h"

MIFENG_TARGET("avx2,gfni,aes,pclmul,vpclmulqdq")

#include "sm4/field_256.h"
#include "sm4/gfni.h"
#include "sm4/ghash_clmul.h"
#include "sm4/key_schedule.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"
#include "sm4/x86_256.h"

namespace mifeng::crypto::sm4 {
namespace {

struct Slices : Slices256 {
  static MIFENG_INLINE V matrix(std::uint64_t matrix) { return Field256::all(matrix); }
  static MIFENG_INLINE V to_state(V x) {
    return _mm256_gf2p8affine_epi64_epi8(x, matrix(kToStateMatrix), kToState.constant);
  }
  static MIFENG_INLINE V from_state(V x) {
    return _mm256_gf2p8affine_epi64_epi8(x, matrix(kFromStateMatrix), kFromState.constant);
  }
  static MIFENG_INLINE void add_transformed(const V (&t)[4], V (&x)[4]) {
    V p[4];
    V q[4];
    for (int j = 0; j < 4; ++j) {
      p[j] = _mm256_gf2p8affineinv_epi64_epi8(t[j], matrix(kPMatrix), kInverseToP.constant);
      q[j] = _mm256_gf2p8affineinv_epi64_epi8(t[j], matrix(kQMatrix), kInverseToQ.constant);
    }
    add_others<Slices256>(x, p, q);
  }
};

using Ghash = Hash<Field256, Field128>;

}  // namespace

const Kernel kGfniAvx2 = {
    .tier = Sm4Tier::kGfniAvx2,
    .batch = 32,
    .key_bytes = 16 * kRounds,
    .has_powers = true,
    .expand_key = expand_key<GfniSchedule>,
    .key_stream = key_stream<Slices>,
    .double_powers = double_powers<Field256, Field128>,
    .hash = hash_blocks<Field256, Field128>,
    .seal_passes = passes<Slices, Ghash, true>,
    .open_passes = passes<Slices, Ghash, false>,
};

}  // namespace mifeng::crypto::sm4
MIFENG_TARGET_END
#endif
