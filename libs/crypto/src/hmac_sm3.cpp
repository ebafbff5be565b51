#include "mifeng/crypto/hmac_sm3.h"

#include <cstring>

#include "sm3_compress.h"

namespace mifeng::crypto {

HmacSm3Key::HmacSm3Key(ByteView key) {
  std::array<std::uint8_t, kSm3BlockSize> block{};
  if (key.size() > block.size()) {
    const Sm3Digest hashed = sm3(key);
    std::memcpy(block.data(), hashed.data(), hashed.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  const auto pads = pads_.reveal_for_writing();
  for (std::uint8_t& byte : block) byte ^= 0x36;
  Sm3 pad;
  sm3_compress(pad.state_, block.data(), 1);
  std::memcpy(pads.data(), pad.state_.data(), kSm3Size);
  for (std::uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
  pad = Sm3();
  sm3_compress(pad.state_, block.data(), 1);
  std::memcpy(pads.data() + kSm3Size, pad.state_.data(), kSm3Size);
  wipe(&pad, sizeof pad);
  wipe(block.data(), block.size());
}

HmacSm3::HmacSm3(const HmacSm3Key& key) {
  const auto pads = key.pads_.reveal_for_computing();
  std::memcpy(inner_.state_.data(), pads.data(), kSm3Size);
  std::memcpy(outer_.data(), pads.data() + kSm3Size, kSm3Size);
  inner_.length_ = kSm3BlockSize;  // the pad
}

HmacSm3::~HmacSm3() {
  wipe(&inner_, sizeof inner_);
  wipe(&outer_, sizeof outer_);
}

Sm3Digest HmacSm3::finish() {
  Sm3Digest digest = inner_.finish();
  Sm3 outer;
  outer.state_ = outer_;
  outer.length_ = kSm3BlockSize;
  digest = outer.update(digest).finish();
  wipe(&outer, sizeof outer);
  return digest;
}

Sm3Digest hmac_sm3(ByteView key, ByteView message) { return HmacSm3(HmacSm3Key(key)).update(message).finish(); }

}  // namespace mifeng::crypto
