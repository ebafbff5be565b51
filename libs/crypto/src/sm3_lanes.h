// How wide sm3_many() works, for the test and the measurement that try each width that this processor has.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "mifeng/crypto/sm3_many.h"

namespace mifeng::crypto {

inline constexpr std::size_t kSm3LanesMax = 32;

struct Sm3Lanes {
  std::size_t count;
  std::size_t worthwhile;  // from so many pieces on, a pass with idle lanes beats what narrower ones do
  void (*hash)(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out);
};

// The widest first.
std::vector<Sm3Lanes> supported_sm3_lanes();
// By each of `widths` in turn as long as it is worthwhile, and what is left one by one.
void sm3_many(std::span<const Sm3Lanes> widths, ByteView data, std::size_t piece_size, std::span<Sm3Digest> out);

}  // namespace mifeng::crypto
