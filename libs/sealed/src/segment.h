// A segment's length field and nonce.
//
//   0    4  bit 31: final; bits 30..25 zero; bits 24..0: plaintext length n
//   4    n  SM4-GCM ciphertext
//   4+n 16  tag; the length field is the additional data
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::sealed {

inline constexpr std::uint64_t kSegmentsMax = std::uint64_t{1} << 32;
inline constexpr std::uint32_t kFinalBit = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kReservedBits = 0x7e000000;
inline constexpr std::uint32_t kLengthBits = 0x01ffffff;

inline void store_segment_length(std::span<std::uint8_t, 4> out, std::size_t size, bool final) {
  const std::uint32_t field = static_cast<std::uint32_t>(size) | (final ? kFinalBit : 0);
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(field >> (24 - 8 * i));
}

// The segment's number as 11 bytes, then 1 for the final one.
inline std::array<std::uint8_t, crypto::kGcmNonceSize> segment_nonce(std::uint64_t index, bool final) {
  std::array<std::uint8_t, crypto::kGcmNonceSize> nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::uint8_t>(index >> (8 * i));
  nonce[11] = final ? 1 : 0;
  return nonce;
}

}  // namespace mifeng::sealed
