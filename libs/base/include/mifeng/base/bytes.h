// Bytes in memory, and their spelling as hex and base64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(std::string_view text) { return {as_bytes(text).begin(), as_bytes(text).end()}; }

inline void append(Bytes& to, ByteView more) { to.insert(to.end(), more.begin(), more.end()); }
inline void append(Bytes& to, std::string_view more) { append(to, as_bytes(more)); }

// Big-endian, as every integer of our formats.
template <typename Integer>
void append_be(Bytes& to, Integer value) {
  for (int shift = static_cast<int>(sizeof(Integer) - 1) * 8; shift >= 0; shift -= 8)
    to.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> shift));
}
template <typename Integer>
Integer load_be(ByteView from) {  // reads the first sizeof(Integer) bytes; the caller has checked that they are there
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) value = value << 8 | from[i];
  return static_cast<Integer>(value);
}

// Lower-case hex of any length.
std::string to_hex(ByteView bytes);
// Either case, an even number of digits, nothing else; kInvalidArgument "bad-hex".
Result<Bytes> from_hex(std::string_view hex);

// RFC 4648 section 4: standard alphabet, padded.
std::string to_base64(ByteView bytes);
// Strict: padding present, no white space, unused bits zero, so that one byte string has one spelling;
// kInvalidArgument "bad-base64".
Result<Bytes> from_base64(std::string_view text);

// Compares in a time that depends on the lengths alone.
bool equal_in_constant_time(ByteView a, ByteView b);

}  // namespace mifeng
