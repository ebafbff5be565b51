// HMAC-SM3 (RFC 2104 with SM3, block 64, output 32 bytes).
#pragma once

#include "mifeng/base/secret.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::crypto {

// A key with both pads already hashed (two compressions, made once): each MAC under it then costs one compression for
// the outer hash and those of its message. The pads lie in locked memory.
class HmacSm3Key {
 public:
  explicit HmacSm3Key(ByteView key);  // any length, as RFC 2104 has it
  HmacSm3Key clone() const { return HmacSm3Key(pads_.clone()); }

 private:
  friend class HmacSm3;
  explicit HmacSm3Key(Secret<2 * kSm3Size> pads) : pads_(std::move(pads)) {}
  Secret<2 * kSm3Size> pads_;  // chaining values after the inner and after the outer pad
};

// One MAC, incremental. Wiped when it goes. The key need not outlive it.
class HmacSm3 {
 public:
  explicit HmacSm3(const HmacSm3Key& key);
  HmacSm3(const HmacSm3&) = default;
  HmacSm3& operator=(const HmacSm3&) = default;
  ~HmacSm3();
  HmacSm3& update(ByteView data) {
    inner_.update(data);
    return *this;
  }
  Sm3Digest finish();  // once

 private:
  Sm3 inner_;
  std::array<std::uint32_t, 8> outer_;
};

Sm3Digest hmac_sm3(ByteView key, ByteView message);

}  // namespace mifeng::crypto
