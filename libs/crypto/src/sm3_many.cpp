#include "mifeng/crypto/sm3_many.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "sm3_lanes.h"
#include "sm3_rounds.h"

namespace mifeng::crypto {
namespace {

// Several words side by side, one of each hash. Such a type is never passed or returned by value: how that is done
// depends on the instructions that the caller was compiled for.
typedef std::uint32_t Words8 __attribute__((vector_size(32)));
typedef std::uint32_t Words16 __attribute__((vector_size(64)));

template <typename Words>
inline constexpr std::size_t kLanes = sizeof(Words) / sizeof(std::uint32_t);

// Blocks of 64 bytes from each of the lanes' inputs, into the lanes' states.
template <typename Words>
[[gnu::always_inline]] inline void compress_lanes(Words (&state)[8], const std::uint8_t* const* in,
                                                  std::size_t blocks) {
  for (std::size_t block = 0; block < blocks; ++block) {
    Words w[16];
    for (std::size_t word = 0; word < 16; ++word)
      for (std::size_t lane = 0; lane < kLanes<Words>; ++lane) {
        std::uint32_t value;
        std::memcpy(&value, in[lane] + block * kSm3BlockSize + word * 4, 4);
        w[word][lane] = __builtin_bswap32(value);
      }
    Words v[8];
    for (std::size_t i = 0; i < 8; ++i) v[i] = state[i];
    sm3_all_rounds(v, w);
    for (std::size_t i = 0; i < 8; ++i) state[i] ^= v[i];
  }
}

template <typename Words>
[[gnu::always_inline]] inline void hash_lanes(const std::uint8_t* const* in, std::size_t piece_size, Sm3Digest* out) {
  Words state[8];
  for (std::size_t i = 0; i < 8; ++i) state[i] = Words{} + kSm3Initial[i];
  compress_lanes(state, in, piece_size / kSm3BlockSize);

  // The pieces end on a block: what is left is one block of padding, the same for all.
  std::array<std::uint8_t, kSm3BlockSize> padding{0x80};
  const std::uint64_t bits = __builtin_bswap64(std::uint64_t{piece_size} * 8);
  std::memcpy(padding.data() + kSm3BlockSize - 8, &bits, 8);
  const std::uint8_t* paddings[kLanes<Words>];
  std::fill(std::begin(paddings), std::end(paddings), padding.data());
  compress_lanes(state, paddings, 1);

  for (std::size_t lane = 0; lane < kLanes<Words>; ++lane)
    for (std::size_t i = 0; i < 8; ++i) {
      const std::uint32_t word = __builtin_bswap32(state[i][lane]);
      std::memcpy(out[lane].data() + 4 * i, &word, 4);
    }
}

[[gnu::target("avx512f")]] void hash_16(const std::uint8_t* const* in, std::size_t piece_size, Sm3Digest* out) {
  hash_lanes<Words16>(in, piece_size, out);
}
[[gnu::target("avx2")]] void hash_8(const std::uint8_t* const* in, std::size_t piece_size, Sm3Digest* out) {
  hash_lanes<Words8>(in, piece_size, out);
}

const Sm3Lanes kChosen = supported_sm3_lanes().front();

}  // namespace

std::vector<Sm3Lanes> supported_sm3_lanes() {
  std::vector<Sm3Lanes> supported;
  if (__builtin_cpu_supports("avx512f")) supported.push_back({16, 3, hash_16});
  if (__builtin_cpu_supports("avx2")) supported.push_back({8, 3, hash_8});
  supported.push_back({1, 0, nullptr});
  return supported;
}

void sm3_many(const Sm3Lanes& lanes, ByteView data, std::size_t piece_size, std::span<Sm3Digest> out) {
  assert(piece_size != 0 && piece_size % kSm3BlockSize == 0 && data.size() == out.size() * piece_size);
  while (lanes.hash != nullptr && out.size() >= lanes.worthwhile) {
    const std::size_t count = std::min(lanes.count, out.size());
    std::array<const std::uint8_t*, 16> in{};
    for (std::size_t lane = 0; lane < lanes.count; ++lane)
      in[lane] = data.data() + std::min(lane, count - 1) * piece_size;  // idle lanes repeat the last piece
    std::array<Sm3Digest, 16> digests;
    lanes.hash(in.data(), piece_size, digests.data());
    std::copy_n(digests.begin(), count, out.begin());
    data = data.subspan(count * piece_size);
    out = out.subspan(count);
  }
  for (Sm3Digest& digest : out) {
    digest = sm3(data.first(piece_size));
    data = data.subspan(piece_size);
  }
}

void sm3_many(ByteView data, std::size_t piece_size, std::span<Sm3Digest> out) {
  sm3_many(kChosen, data, piece_size, out);
}

}  // namespace mifeng::crypto
