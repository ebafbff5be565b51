// SM4-GCM (GB/T 32907-2016, GB/T 36624-2018, RFC 8998): 16-byte key, 12-byte nonce, 16-byte tag.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"

namespace mifeng::crypto {

inline constexpr std::size_t kSm4KeySize = 16;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

using Sm4Key = std::span<const std::uint8_t, kSm4KeySize>;
using GcmNonce = std::span<const std::uint8_t, kGcmNonceSize>;
using GcmTag = std::span<std::uint8_t, kGcmTagSize>;
using ConstGcmTag = std::span<const std::uint8_t, kGcmTagSize>;

// One key, ready for use. One thread at a time. `in` and `out` have the same size and are either the same memory or do
// not overlap. A nonce must never seal twice under one key.
class Sm4GcmCipher {
 public:
  virtual ~Sm4GcmCipher() = default;
  virtual void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) = 0;
  // False where the tag does not fit; `out` is then wiped, so that no unverified plaintext is left in it.
  [[nodiscard]] virtual bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out,
                                  ConstGcmTag tag) = 0;
};

// Makes ciphers: the seam behind which libgcrypt stands today and a faster kernel will. Thread-safe; make one in each
// process (nginx: in each worker, after the fork) and let it live longer than its ciphers. It keeps a few spent cipher
// contexts, wiped, because making one costs more than a short message.
class Sm4GcmProvider {
 public:
  // The best one on this machine. kInternal "no-sm4-gcm" where the library has no SM4.
  static Result<std::unique_ptr<Sm4GcmProvider>> create();

  virtual ~Sm4GcmProvider() = default;
  // kResourceExhausted "out-of-memory".
  virtual Result<std::unique_ptr<Sm4GcmCipher>> cipher(Sm4Key key) = 0;
  virtual const char* name() const = 0;  // "libgcrypt 1.10.1"
};

}  // namespace mifeng::crypto
