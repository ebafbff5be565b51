// The compression function of SM3 by itself, for HMAC pads and PBKDF2, which work on single blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mifeng::crypto {

// `blocks` blocks of 64 bytes (GB/T 32905 clause 5.3).
void sm3_compress(std::array<std::uint32_t, 8>& state, const std::uint8_t* data, std::size_t blocks);
// How it is done: the fastest that this processor has first, and that of any processor last.
using Sm3Compress = void (*)(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
std::vector<Sm3Compress> supported_sm3_compressions();
// The chaining value as 32 bytes, big-endian words.
void sm3_store(const std::array<std::uint32_t, 8>& state, std::uint8_t* out);

}  // namespace mifeng::crypto
