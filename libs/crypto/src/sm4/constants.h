// Constants of SM4's rounds and key schedule (GB/T 32907-2016 clauses 6 and 7), and the maps that the x86 kernels use.
#pragma once

#include <cstdint>

#include "sm4/algebra.h"
#include "sm4/kernel.h"

namespace mifeng::crypto::sm4 {

// Clause 7.3: FK, and CK whose bytes are 0, 7, 14, ...
inline constexpr std::uint32_t kFk[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
struct RoundConstants {
  std::uint32_t ck[kRounds];
};
constexpr RoundConstants make_round_constants() {
  RoundConstants constants{};
  for (unsigned i = 0; i < 4 * kRounds; ++i) constants.ck[i / 4] = constants.ck[i / 4] << 8 | (7 * i & 255);
  return constants;
}
inline constexpr RoundConstants kCk = make_round_constants();
constexpr std::uint32_t mapped_bytes(const Affine& map, std::uint32_t word) {
  std::uint32_t mapped = 0;
  for (int shift = 0; shift < 32; shift += 8) mapped |= static_cast<std::uint32_t>(map(word >> shift & 255)) << shift;
  return mapped;
}

// The x86 kernels keep all of SM4's state under the linear map kIn<AesField>, so that an inversion in AES's field needs
// nothing ahead of it but the round key, to which the constant is added beforehand.
inline constexpr Affine kToState = {kIn<AesField>.map, 0};
inline constexpr Affine kKeyToState = kIn<AesField>;
inline constexpr Affine kFromState = {inverse(kIn<AesField>.map), 0};

// CK as the state has it, ready for the S-box.
constexpr RoundConstants make_state_constants() {
  RoundConstants constants = kCk;
  for (std::uint32_t& ck : constants.ck) ck = mapped_bytes(kKeyToState, ck);
  return constants;
}
inline constexpr RoundConstants kStateCk = make_state_constants();

// L of clause 6.2.2 by bytes: B <<< 24 only moves bytes, B ^ (B <<< 8) ^ (B <<< 16) does so before one rotation by 2
// whose bits cross to the next byte. With byte 0 the highest,
//   L(B)[j] = P B[j] + (P + Q) B[j+1] + (P + Q) B[j+2] + Q B[j+3]   where P b = b + (b << 2), Q b = b + (b >> 6),
// and with m[j] = Q B[j] + P B[j-1] this is the sum of the three m[k] with k != j: two maps of a byte and a few sums.
constexpr Map shifted(int left) {
  Map map{};
  for (int bit = 0; bit < 8; ++bit)
    if (bit + left >= 0 && bit + left < 8) map.image[bit] = static_cast<std::uint8_t>(1 << (bit + left));
  return map;
}
inline constexpr Map kP = shifted(0) + shifted(2);
inline constexpr Map kQ = shifted(0) + shifted(-6);

// Maps after S, from an inverse in AES's field to the state. The constant of S comes once through P + Q.
constexpr Affine from_inverse(const Map& map, unsigned constant) {
  return {kToState.map * map * kOut<AesField>.map, kToState(constant)};
}
inline constexpr Affine kInverseToP = from_inverse(kP, static_cast<unsigned>(kP(kD) ^ kQ(kD)));
inline constexpr Affine kInverseToQ = from_inverse(kQ, 0);

// L' of clause 7.3, B ^ (B <<< 13) ^ (B <<< 23), in the same way: what byte j takes from byte j + 0 .. 3.
inline constexpr Map kLPrime[4] = {shifted(0), shifted(5), shifted(-3) + shifted(7), shifted(-1)};
inline constexpr Affine kInverseToLPrime[4] = {
    from_inverse(kLPrime[0], (kLPrime[0] + kLPrime[1] + kLPrime[2] + kLPrime[3])(kD)), from_inverse(kLPrime[1], 0),
    from_inverse(kLPrime[2], 0), from_inverse(kLPrime[3], 0)};

// The same from AES's own S-box (FIPS 197 clause 5.1.1), which is an inversion and an affine map.
inline constexpr Affine kAesOut = {circulant(0x1f), 0x63};
constexpr Affine after_aes(const Affine& from_inverse) {
  const Map map = from_inverse.map * inverse(kAesOut.map);
  return {map, static_cast<std::uint8_t>(map(kAesOut.constant) ^ from_inverse.constant)};
}

// As GF2P8AFFINEQB wants a map: byte 7-i is row i, the input bits whose sum is output bit i.
constexpr std::uint64_t gfni_matrix(const Map& map) {
  std::uint64_t matrix = 0;
  for (unsigned row = 0; row < 8; ++row)
    for (unsigned bit = 0; bit < 8; ++bit)
      matrix |= static_cast<std::uint64_t>(map.image[bit] >> row & 1) << (8 * (7 - row) + bit);
  return matrix;
}

// As PSHUFB wants an affine map: its values over the low and over the high four bits, whose sum is the whole.
struct alignas(16) Nibbles {
  std::uint8_t low[16];
  std::uint8_t high[16];
};
constexpr Nibbles nibbles(const Affine& affine) {
  Nibbles tables{};
  for (unsigned n = 0; n < 16; ++n) {
    tables.low[n] = affine(n);
    tables.high[n] = affine.map(n << 4);
  }
  return tables;
}

}  // namespace mifeng::crypto::sm4
