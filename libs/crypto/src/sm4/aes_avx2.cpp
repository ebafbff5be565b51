// 32 blocks at once: AVX2, with AES-NI for the S-box in two halves, and PCLMULQDQ a block at a time.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm4/constants.h"
#include "target.h"

MIFENG_TARGET("avx2,aes,pclmul")

#include "sm4/aes.h"
#include "sm4/ghash_clmul.h"
#include "sm4/key_schedule.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"
#include "sm4/x86_256.h"

namespace mifeng::crypto::sm4 {
namespace {

struct AesLast {
  static MIFENG_INLINE __m256i apply(__m256i x) {
    const __m128i low = _mm_aesenclast_si128(_mm256_castsi256_si128(x), _mm_setzero_si128());
    const __m128i high = _mm_aesenclast_si128(_mm256_extracti128_si256(x, 1), _mm_setzero_si128());
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  }
};

using Slices = AesSlices<Slices256, AesLast>;
using Ghash = Hash<Field128, Field128>;

}  // namespace

const Kernel kAesAvx2 = {
    .tier = Sm4Tier::kAesAvx2,
    .batch = 32,
    .key_bytes = 16 * kRounds,
    .has_powers = true,
    .expand_key = expand_key<AesSchedule>,
    .key_stream = key_stream<Slices>,
    .double_powers = double_powers<Field128, Field128>,
    .hash = hash_blocks<Field128, Field128>,
    .seal_passes = passes<Slices, Ghash, true>,
    .open_passes = passes<Slices, Ghash, false>,
};

}  // namespace mifeng::crypto::sm4
MIFENG_TARGET_END
#endif
