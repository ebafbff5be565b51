#include "mifeng/sealed/length.h"

#include "mifeng/sealed/seal.h"

namespace mifeng::sealed {
namespace {

constexpr std::uint64_t kLengthMax = (std::uint64_t{1} << 63) - 1;

bool is_exponent(int exponent) { return exponent >= kExponentMin && exponent <= kExponentMax; }

}  // namespace

std::optional<std::uint64_t> fixed_stream_length(std::uint64_t header_size, std::uint64_t plaintext_length,
                                                 int exponent) {
  if (!is_exponent(exponent) || header_size > kHeaderSizeMax || plaintext_length > kLengthMax - header_size)
    return std::nullopt;
  const std::uint64_t overhead = kSegmentOverhead * ((plaintext_length >> exponent) + 1);
  if (overhead > kLengthMax - header_size - plaintext_length) return std::nullopt;
  return header_size + plaintext_length + overhead;
}

std::optional<std::uint64_t> fixed_plaintext_length(std::uint64_t header_size, std::uint64_t stream_length,
                                                    int exponent) {
  if (!is_exponent(exponent) || stream_length > kLengthMax || header_size > stream_length) return std::nullopt;
  const std::uint64_t segments_length = stream_length - header_size;
  const std::uint64_t full = (std::uint64_t{1} << exponent) + kSegmentOverhead;
  const std::uint64_t last = segments_length % full;  // the final segment, always shorter than a full one
  if (last < kSegmentOverhead) return std::nullopt;
  return (segments_length / full << exponent) + last - kSegmentOverhead;
}

}  // namespace mifeng::sealed
