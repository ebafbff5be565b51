#include "mifeng/crypto/sm3_many.h"

#include <algorithm>
#include <cassert>

#include "sm3/kernels.h"
#include "sm3_lanes.h"

namespace mifeng::crypto {
namespace {

const std::vector<Sm3Lanes> kSupported = supported_sm3_lanes();

}  // namespace

std::vector<Sm3Lanes> supported_sm3_lanes() {
  std::vector<Sm3Lanes> supported;
#if defined(__x86_64__)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  if (avx512) {
    supported.push_back({32, 19, sm3_kernel::hash_32_avx512});
    supported.push_back({16, 3, sm3_kernel::hash_16_avx512});
  }
  if (__builtin_cpu_supports("avx2")) {
    supported.push_back({16, 11, sm3_kernel::hash_16_avx2});
    supported.push_back({8, 3, sm3_kernel::hash_8_avx2});
  }
#endif
  return supported;
}

void sm3_many(std::span<const Sm3Lanes> widths, ByteView data, std::size_t piece_size, std::span<Sm3Digest> out) {
  assert(piece_size != 0 && piece_size % kSm3BlockSize == 0 && data.size() == out.size() * piece_size);
  for (const Sm3Lanes& lanes : widths)
    while (out.size() >= lanes.worthwhile) {
      const std::size_t count = std::min(lanes.count, out.size());
      std::array<const std::uint8_t*, kSm3LanesMax> in{};
      std::array<std::uint8_t*, kSm3LanesMax> digests{};
      Sm3Digest idle;  // idle lanes repeat the last piece
      for (std::size_t lane = 0; lane < lanes.count; ++lane) {
        in[lane] = data.data() + std::min(lane, count - 1) * piece_size;
        digests[lane] = lane < count ? out[lane].data() : idle.data();
      }
      lanes.hash(in.data(), piece_size, digests.data());
      data = data.subspan(count * piece_size);
      out = out.subspan(count);
    }
  for (Sm3Digest& digest : out) {
    digest = sm3(data.first(piece_size));
    data = data.subspan(piece_size);
  }
}

void sm3_many(ByteView data, std::size_t piece_size, std::span<Sm3Digest> out) {
  sm3_many(kSupported, data, piece_size, out);
}

}  // namespace mifeng::crypto
