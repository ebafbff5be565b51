// SM3 (GB/T 32905-2016): a hash of 32 bytes over blocks of 64.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "mifeng/base/bytes.h"

namespace mifeng::crypto {

inline constexpr std::size_t kSm3Size = 32;
inline constexpr std::size_t kSm3BlockSize = 64;
using Sm3Digest = std::array<std::uint8_t, kSm3Size>;

// Incremental. A plain value of 112 bytes: a copy is a fork of the hash (what has gone in so far is shared work), and
// making one allocates nothing. That is why it is ours and not EVP_MD_CTX; bench/results/crypto.json has the numbers.
class Sm3 {
 public:
  Sm3();
  Sm3& update(ByteView data);
  // Spends the object: afterwards only assignment and destruction are allowed.
  Sm3Digest finish();

 private:
  friend class HmacSm3Key;
  friend class HmacSm3;
  std::array<std::uint32_t, 8> state_;
  std::uint64_t length_ = 0;  // bytes so far
  std::array<std::uint8_t, kSm3BlockSize> buffer_;
};

Sm3Digest sm3(ByteView data);

}  // namespace mifeng::crypto
