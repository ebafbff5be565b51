// SM3 in vector registers, for processors that have them.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
namespace mifeng::crypto::sm3_kernel {

// So many pieces of `piece_size` bytes, a multiple of 64; 32 bytes to each of `out`.
void hash_8_avx2(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out);
void hash_16_avx2(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out);
void hash_16_avx512(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out);
void hash_32_avx512(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out);

// One message, `blocks` blocks of it, a multiple of 8 and at least 8 (AVX2, BMI, BMI2).
void compress_avx2(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);

}  // namespace mifeng::crypto::sm3_kernel
#endif
