// How wide sm3_many() works, for the test that tries each width that this processor has.
#pragma once

#include <cstddef>
#include <vector>

#include "mifeng/crypto/sm3_many.h"

namespace mifeng::crypto {

struct Sm3Lanes {
  std::size_t count;
  std::size_t worthwhile;  // from so many pieces on, a pass with idle lanes beats hashing them one by one
  void (*hash)(const std::uint8_t* const* in, std::size_t piece_size, Sm3Digest* out);  // null: one by one
};

// The widest first; one by one is always there, as the last.
std::vector<Sm3Lanes> supported_sm3_lanes();
void sm3_many(const Sm3Lanes& lanes, ByteView data, std::size_t piece_size, std::span<Sm3Digest> out);

}  // namespace mifeng::crypto
