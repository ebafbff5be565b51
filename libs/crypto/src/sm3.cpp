#include "mifeng/crypto/sm3.h"

#include <cstring>

#include "sm3/kernels.h"
#include "sm3_compress.h"
#include "sm3_rounds.h"

namespace mifeng::crypto {
namespace {

std::uint32_t load(const std::uint8_t* from) {
  std::uint32_t word;
  std::memcpy(&word, from, 4);
  return __builtin_bswap32(word);
}

[[gnu::always_inline]] inline void compress_blocks(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  for (; blocks != 0; --blocks, data += kSm3BlockSize) {
    std::uint32_t w[16];
    std::uint32_t v[8];
    for (unsigned i = 0; i < 16; ++i) w[i] = load(data + 4 * i);
    for (unsigned i = 0; i < 8; ++i) v[i] = state[i];
    sm3_all_rounds(v, w);
    for (unsigned i = 0; i < 8; ++i) state[i] ^= v[i];
  }
}

void compress_plain(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  compress_blocks(state, data, blocks);
}
#if defined(__x86_64__)
// The same code once with BMI2, whose rotate into another register saves a move for each of the 13 rotations a round.
[[gnu::target("bmi2")]] void compress_bmi2(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  compress_blocks(state, data, blocks);
}
void compress_groups(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  const std::size_t in_groups = blocks / 8 * 8;
  if (in_groups != 0) sm3_kernel::compress_avx2(state, data, in_groups);
  compress_bmi2(state, data + in_groups * kSm3BlockSize, blocks - in_groups);
}
#endif

const Sm3Compress kCompress = supported_sm3_compressions().front();

}  // namespace

std::vector<Sm3Compress> supported_sm3_compressions() {
  std::vector<Sm3Compress> supported;
#if defined(__x86_64__)
  const bool bmi2 = __builtin_cpu_supports("bmi2");
  if (bmi2 && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("avx2")) supported.push_back(compress_groups);
  if (bmi2) supported.push_back(compress_bmi2);
#endif
  supported.push_back(compress_plain);
  return supported;
}

void sm3_compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* data, std::size_t blocks) {
  kCompress(state.data(), data, blocks);
}

void sm3_store(const std::array<std::uint32_t, 8>& state, std::uint8_t* out) {
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(state[i]);
    std::memcpy(out + 4 * i, &word, 4);
  }
}

Sm3::Sm3() : state_(kSm3Initial), buffer_{} {}

Sm3& Sm3::update(ByteView data) {
  std::size_t used = length_ % kSm3BlockSize;
  length_ += data.size();
  if (used != 0) {
    const std::size_t take = std::min(kSm3BlockSize - used, data.size());
    if (take != 0) std::memcpy(buffer_.data() + used, data.data(), take);
    data = data.subspan(take);
    used += take;
    if (used < kSm3BlockSize) return *this;
    sm3_compress(state_, buffer_.data(), 1);
  }
  const std::size_t whole = data.size() / kSm3BlockSize;
  if (whole != 0) sm3_compress(state_, data.data(), whole);
  data = data.subspan(whole * kSm3BlockSize);
  if (!data.empty()) std::memcpy(buffer_.data(), data.data(), data.size());
  return *this;
}

Sm3Digest Sm3::finish() {
  // Clause 5.2: a one bit, zeros, the length in bits as 64 bits.
  std::size_t used = length_ % kSm3BlockSize;
  buffer_[used++] = 0x80;
  if (used > kSm3BlockSize - 8) {
    std::memset(buffer_.data() + used, 0, kSm3BlockSize - used);
    sm3_compress(state_, buffer_.data(), 1);
    used = 0;
  }
  std::memset(buffer_.data() + used, 0, kSm3BlockSize - 8 - used);
  const std::uint64_t bits = __builtin_bswap64(length_ * 8);
  std::memcpy(buffer_.data() + kSm3BlockSize - 8, &bits, 8);
  sm3_compress(state_, buffer_.data(), 1);
  Sm3Digest digest;
  sm3_store(state_, digest.data());
  return digest;
}

Sm3Digest sm3(ByteView data) { return Sm3().update(data).finish(); }

}  // namespace mifeng::crypto
