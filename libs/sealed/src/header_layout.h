// The layout of a header's parts, shared by what writes and what reads it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/sealed/header.h"

namespace mifeng::sealed {

inline constexpr std::array<std::uint8_t, 3> kMagic = {0x4d, 0x46, 0x53};
inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::uint8_t kFlagSigned = 1;
inline constexpr std::uint8_t kFlagFixed = 2;

inline Bytes sender_statement(Kind kind, int exponent, std::size_t recipient_count, ByteView recipient_blocks) {
  Bytes statement = to_bytes("mifeng/v1/sender");
  statement.push_back(static_cast<std::uint8_t>(kind));
  statement.push_back(static_cast<std::uint8_t>(exponent));
  statement.push_back(static_cast<std::uint8_t>(recipient_count));
  append(statement, recipient_blocks);
  return statement;
}

}  // namespace mifeng::sealed
