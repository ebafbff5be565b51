// 32 blocks at once: VAES for the S-box, VPCLMULQDQ two blocks at a time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm4/constants.h"
#include "target.h"

MIFENG_TARGET("avx2,aes,vaes,pclmul,vpclmulqdq")

#include "sm4/aes.h"
#include "sm4/field_256.h"
#include "sm4/ghash_clmul.h"
#include "sm4/key_schedule.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"
#include "sm4/x86_256.h"

namespace mifeng::crypto::sm4 {
namespace {

struct AesLast {
  static MIFENG_INLINE __m256i apply(__m256i x) { return _mm256_aesenclast_epi128(x, _mm256_setzero_si256()); }
};

using Slices = AesSlices<Slices256, AesLast>;
using Ghash = Hash<Field256, Field128>;

}  // namespace

const Kernel kVaesAvx2 = {
    .tier = Sm4Tier::kVaesAvx2,
    .batch = 32,
    .key_bytes = 16 * kRounds,
    .has_powers = true,
    .expand_key = expand_key<AesSchedule>,
    .key_stream = key_stream<Slices>,
    .double_powers = double_powers<Field256, Field128>,
    .hash = hash_blocks<Field256, Field128>,
    .seal_passes = passes<Slices, Ghash, true>,
    .open_passes = passes<Slices, Ghash, false>,
};

}  // namespace mifeng::crypto::sm4
MIFENG_TARGET_END
#endif
