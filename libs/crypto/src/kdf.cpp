#include "mifeng/crypto/kdf.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace mifeng::crypto {

Secret<kSm3Size> hkdf_sm3_extract(ByteView salt, ByteView input_key) {
  Sm3Digest prk = hmac_sm3(salt, input_key);
  Secret<kSm3Size> out{std::span<const std::uint8_t, kSm3Size>(prk)};
  wipe(prk.data(), prk.size());
  return out;
}

void hkdf_sm3_expand(const HmacSm3Key& prk, ByteView info, MutableBytes out) {
  assert(out.size() <= 255 * kSm3Size);
  Sm3Digest block{};
  for (std::uint8_t counter = 1; !out.empty(); ++counter) {
    HmacSm3 mac(prk);
    if (counter > 1) mac.update(block);
    mac.update(info).update(ByteView(&counter, 1));
    block = mac.finish();
    const std::size_t take = std::min(block.size(), out.size());
    std::memcpy(out.data(), block.data(), take);
    out = out.subspan(take);
  }
  wipe(block.data(), block.size());
}

SecretBytes hkdf_sm3(ByteView salt, ByteView input_key, ByteView info, std::size_t size) {
  const Secret<kSm3Size> prk = hkdf_sm3_extract(salt, input_key);
  SecretBytes out(size);
  hkdf_sm3_expand(HmacSm3Key(prk.reveal_for_computing()), info, out.reveal_for_writing());
  return out;
}

SecretBytes pbkdf2_hmac_sm3(ByteView password, ByteView salt, std::uint32_t rounds, std::size_t size) {
  assert(rounds >= 1);
  const HmacSm3Key key(password);
  SecretBytes out(size);
  MutableBytes rest = out.reveal_for_writing();
  for (std::uint32_t block = 1; !rest.empty(); ++block) {
    const std::array<std::uint8_t, 4> number = {
        static_cast<std::uint8_t>(block >> 24), static_cast<std::uint8_t>(block >> 16),
        static_cast<std::uint8_t>(block >> 8), static_cast<std::uint8_t>(block)};
    Sm3Digest u = HmacSm3(key).update(salt).update(number).finish();
    Sm3Digest sum = u;
    for (std::uint32_t round = 1; round < rounds; ++round) {
      u = HmacSm3(key).update(u).finish();
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= u[i];
    }
    const std::size_t take = std::min(sum.size(), rest.size());
    std::memcpy(rest.data(), sum.data(), take);
    rest = rest.subspan(take);
    wipe(u.data(), u.size());
    wipe(sum.data(), sum.size());
  }
  return out;
}

}  // namespace mifeng::crypto
