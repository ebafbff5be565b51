#include "mifeng/crypto/sm3.h"

#include <bit>
#include <cstring>

#include "sm3_compress.h"

namespace mifeng::crypto {
namespace {

constexpr std::array<std::uint32_t, 8> kInitial = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                                   0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

// T_j <<< (j mod 32) of clause 5.3.3, for all 64 rounds.
constexpr std::array<std::uint32_t, 64> make_constants() {
  std::array<std::uint32_t, 64> t{};
  for (unsigned j = 0; j < 64; ++j) t[j] = std::rotl(j < 16 ? 0x79cc4519U : 0x7a879d8aU, static_cast<int>(j % 32));
  return t;
}
constexpr auto kT = make_constants();

constexpr std::uint32_t p0(std::uint32_t x) { return x ^ std::rotl(x, 9) ^ std::rotl(x, 17); }
constexpr std::uint32_t p1(std::uint32_t x) { return x ^ std::rotl(x, 15) ^ std::rotl(x, 23); }

std::uint32_t load(const std::uint8_t* from) {
  std::uint32_t word;
  std::memcpy(&word, from, 4);
  return __builtin_bswap32(word);
}

// One round of clause 5.3.3. The register names move instead of the values: the caller passes them rotated by one.
template <unsigned kRound>
[[gnu::always_inline]] inline void round(std::uint32_t a, std::uint32_t& b, std::uint32_t c, std::uint32_t& d,
                                         std::uint32_t e, std::uint32_t& f, std::uint32_t g, std::uint32_t& h,
                                         std::uint32_t w, std::uint32_t w4) {
  const std::uint32_t a12 = std::rotl(a, 12);
  const std::uint32_t ss1 = std::rotl(a12 + e + kT[kRound], 7);
  const std::uint32_t ff = kRound < 16 ? a ^ b ^ c : (a & b) | ((a | b) & c);
  const std::uint32_t gg = kRound < 16 ? e ^ f ^ g : ((f ^ g) & e) ^ g;
  const std::uint32_t tt1 = ff + d + (ss1 ^ a12) + (w ^ w4);
  const std::uint32_t tt2 = gg + h + ss1 + w;
  b = std::rotl(b, 9);
  d = tt1;
  f = std::rotl(f, 19);
  h = p0(tt2);
}

// Words 16.. of the message expansion (clause 5.3.2), in a ring of 16.
template <unsigned kWord>
[[gnu::always_inline]] inline void expand(std::uint32_t (&w)[16]) {
  w[kWord % 16] = p1(w[kWord % 16] ^ w[(kWord + 7) % 16] ^ std::rotl(w[(kWord + 13) % 16], 15)) ^
                  std::rotl(w[(kWord + 3) % 16], 7) ^ w[(kWord + 10) % 16];
}

template <unsigned kFrom>
[[gnu::always_inline]] inline void four_rounds(std::uint32_t (&v)[8], std::uint32_t (&w)[16]) {
  auto& [a, b, c, d, e, f, g, h] = v;
  // Round j needs W[j] and W[j+4]; W[j+4] is made just before.
  if constexpr (kFrom + 4 >= 16) expand<kFrom + 4>(w);
  round<kFrom>(a, b, c, d, e, f, g, h, w[kFrom % 16], w[(kFrom + 4) % 16]);
  if constexpr (kFrom + 5 >= 16) expand<kFrom + 5>(w);
  round<kFrom + 1>(d, a, b, c, h, e, f, g, w[(kFrom + 1) % 16], w[(kFrom + 5) % 16]);
  if constexpr (kFrom + 6 >= 16) expand<kFrom + 6>(w);
  round<kFrom + 2>(c, d, a, b, g, h, e, f, w[(kFrom + 2) % 16], w[(kFrom + 6) % 16]);
  if constexpr (kFrom + 7 >= 16) expand<kFrom + 7>(w);
  round<kFrom + 3>(b, c, d, a, f, g, h, e, w[(kFrom + 3) % 16], w[(kFrom + 7) % 16]);
}

[[gnu::always_inline]] inline void compress_blocks(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  for (; blocks != 0; --blocks, data += kSm3BlockSize) {
    std::uint32_t w[16];
    std::uint32_t v[8];
    for (unsigned i = 0; i < 16; ++i) w[i] = load(data + 4 * i);
    for (unsigned i = 0; i < 8; ++i) v[i] = state[i];
    four_rounds<0>(v, w);
    four_rounds<4>(v, w);
    four_rounds<8>(v, w);
    four_rounds<12>(v, w);
    four_rounds<16>(v, w);
    four_rounds<20>(v, w);
    four_rounds<24>(v, w);
    four_rounds<28>(v, w);
    four_rounds<32>(v, w);
    four_rounds<36>(v, w);
    four_rounds<40>(v, w);
    four_rounds<44>(v, w);
    four_rounds<48>(v, w);
    four_rounds<52>(v, w);
    four_rounds<56>(v, w);
    four_rounds<60>(v, w);
    for (unsigned i = 0; i < 8; ++i) state[i] ^= v[i];
  }
}

// The same code once with BMI2, whose rotate into another register saves a move for each of the 13 rotations a round.
[[gnu::target("bmi2")]] void compress_bmi2(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  compress_blocks(state, data, blocks);
}
void compress_plain(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  compress_blocks(state, data, blocks);
}
using Compress = void (*)(std::uint32_t*, const std::uint8_t*, std::size_t);
const Compress kCompress = __builtin_cpu_supports("bmi2") ? compress_bmi2 : compress_plain;

}  // namespace

void sm3_compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* data, std::size_t blocks) {
  kCompress(state.data(), data, blocks);
}

void sm3_store(const std::array<std::uint32_t, 8>& state, std::uint8_t* out) {
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(state[i]);
    std::memcpy(out + 4 * i, &word, 4);
  }
}

Sm3::Sm3() : state_(kInitial), buffer_{} {}

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
