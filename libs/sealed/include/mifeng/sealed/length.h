// Lengths of fixed streams: a plaintext of L bytes has exactly one encoding length, H + L + 20 * (L div S + 1).
#pragma once

#include <cstdint>
#include <optional>

namespace mifeng::sealed {

// None where the result does not fit 63 bits. `exponent` in 10..24.
std::optional<std::uint64_t> fixed_stream_length(std::uint64_t header_size, std::uint64_t plaintext_length,
                                                 int exponent);
// None where no plaintext has this encoding length.
std::optional<std::uint64_t> fixed_plaintext_length(std::uint64_t header_size, std::uint64_t stream_length,
                                                    int exponent);

}  // namespace mifeng::sealed
