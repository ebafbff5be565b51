// Run under valgrind, which is told that messages, keys and passwords are undefined: it reports every branch and every
// address that depends on one. It knows AVX2 at most: what hashes with AVX-512 is named in the output as not shown.
#include <valgrind/memcheck.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "machine_flags.h"
#include "mifeng/crypto/kdf.h"
#include "mifeng/crypto/sm3_many.h"
#include "sm3_compress.h"
#include "sm3_lanes.h"

namespace mifeng::crypto {
namespace {

Bytes secret(std::size_t size) {
  Bytes bytes(size, 0x5a);
  VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
  return bytes;
}

void hash_messages() {
  for (const std::size_t size : {0U, 5U, 55U, 56U, 64U, 1000U, 5000U}) {
    const Bytes message = secret(size);
    Sm3 pieces;
    for (std::size_t at = 0; at < size; at += 700)
      pieces.update(ByteView(message).subspan(at, std::min<std::size_t>(700, size - at)));
    pieces.finish();
  }
  for (const Sm3Compress compress : supported_sm3_compressions()) {
    std::array<std::uint32_t, 8> state{};
    VALGRIND_MAKE_MEM_UNDEFINED(state.data(), sizeof state);
    const Bytes blocks = secret(24 * kSm3BlockSize);
    compress(state.data(), blocks.data(), 24);
  }
  std::printf("%zu ways to compress: %u\n", supported_sm3_compressions().size(),
              static_cast<unsigned>(VALGRIND_COUNT_ERRORS));
}

void hash_many() {
  constexpr std::size_t kPiece = 4 * kSm3BlockSize;
  const Bytes data = secret(40 * kPiece);
  std::vector<Sm3Digest> digests(40);
  for (const Sm3Lanes& lanes : supported_sm3_lanes()) {
    sm3_many(std::span(&lanes, 1), data, kPiece, digests);
    std::printf("%zu lanes: %u\n", lanes.count, static_cast<unsigned>(VALGRIND_COUNT_ERRORS));
  }
}

void derive_keys() {
  const Bytes key = secret(32);
  hmac_sm3(key, secret(100));
  hmac_sm3(secret(100), secret(100));
  hkdf_sm3(Bytes(16), key, as_bytes("info"), 80);
  pbkdf2_hmac_sm3(key, Bytes(16), 3, 64);
  // A MAC is compared as a tag is (sm4/constant_time_check.cpp).
  const Sm3Digest mac = hmac_sm3(key, as_bytes("message"));
  [[maybe_unused]] volatile bool fits = equal_in_constant_time(mac, secret(mac.size()));
}

int check() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("this proves nothing without valgrind");
    return 1;
  }
  hash_messages();
  hash_many();
  derive_keys();
  const auto errors = VALGRIND_COUNT_ERRORS;
  // 16 and 8 lanes of AVX2, and the stream with its expansion in vector registers.
  const bool all_ran =
      !machine_has_flag("avx2") ||
      (supported_sm3_lanes().size() >= 2 && (!machine_has_flag("bmi2") || supported_sm3_compressions().size() == 3));
  if (!all_ran) std::puts("some did not run, though this machine has AVX2");
  if (machine_has_flag("avx512bw")) std::puts("16 and 32 lanes of AVX-512: not shown, valgrind does not know them");
  // That it would find one.
  volatile std::uint8_t byte = 1;
  VALGRIND_MAKE_MEM_UNDEFINED(&byte, 1);
  if (byte == 2) std::puts("");
  return errors == 0 && VALGRIND_COUNT_ERRORS == errors + 1 && all_ran ? 0 : 1;
}

}  // namespace
}  // namespace mifeng::crypto

int main() { return mifeng::crypto::check(); }
