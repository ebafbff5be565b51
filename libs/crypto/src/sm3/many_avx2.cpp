// SM3 of eight or sixteen messages side by side.
#if defined(__x86_64__)
#include <immintrin.h>

#include "sm3/kernels.h"
#include "sm3_rounds.h"
#include "target.h"

MIFENG_TARGET("avx2")

#include "sm3/lanes.h"
#include "sm3/lanes_avx2.h"

namespace mifeng::crypto::sm3_kernel {

void hash_8_avx2(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out) {
  hash_pieces<Lanes8, 1>(in, piece_size, out);
}
void hash_16_avx2(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out) {
  hash_pieces<Lanes8, 2>(in, piece_size, out);
}

}  // namespace mifeng::crypto::sm3_kernel
MIFENG_TARGET_END
#endif
