// 16 blocks at once: AES-NI for the S-box, PCLMULQDQ, and nothing newer than SSSE3 beside them.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm4/constants.h"
#include "target.h"

MIFENG_TARGET("ssse3,aes,pclmul")

#include "sm4/aes.h"
#include "sm4/ghash_clmul.h"
#include "sm4/key_schedule.h"
#include "sm4/sliced.h"
#include "sm4/x86_128.h"

namespace mifeng::crypto::sm4 {
namespace {

struct AesLast {
  static MIFENG_INLINE __m128i apply(__m128i x) { return _mm_aesenclast_si128(x, _mm_setzero_si128()); }
};

using Slices = AesSlices<Slices128, AesLast>;
using Ghash = Hash<Field128, Field128>;

}  // namespace

const Kernel kAesSsse3 = {
    .tier = Sm4Tier::kAesSsse3,
    .batch = 16,
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
