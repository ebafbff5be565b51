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
// not overlap; it is at most 2^36 - 32 bytes (SP 800-38D clause 5.2.1.1), else a programmer error. A nonce must never
// seal twice under one key.
class Sm4GcmCipher {
 public:
  virtual ~Sm4GcmCipher() = default;
  virtual void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) = 0;
  // False where the tag does not fit; `out` is then wiped, so that no unverified plaintext is left in it.
  [[nodiscard]] virtual bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out,
                                  ConstGcmTag tag) = 0;
};

// How SM4 is computed: by which of a processor's instructions. The results are the same, and none of them takes a time
// that depends on a key or a text.
enum class Sm4Tier {
  kPortable,    // any processor
  kAesSsse3,    // AES-NI, PCLMULQDQ, SSSE3
  kAesAvx2,     // AES-NI, PCLMULQDQ, AVX2
  kVaesAvx2,    // VAES, VPCLMULQDQ, AVX2
  kGfniAvx2,    // GFNI, VPCLMULQDQ, AVX2
  kGfniAvx512,  // GFNI, VPCLMULQDQ, AVX-512 (F, BW, VL)
};
inline constexpr Sm4Tier kSm4Tiers[] = {Sm4Tier::kPortable, Sm4Tier::kAesSsse3, Sm4Tier::kAesAvx2,
                                        Sm4Tier::kVaesAvx2, Sm4Tier::kGfniAvx2, Sm4Tier::kGfniAvx512};

const char* to_string(Sm4Tier tier);  // "gfni-avx512"
// Whether this processor (and its operating system) can.
bool is_supported(Sm4Tier tier);
// The last of kSm4Tiers that is.
Sm4Tier best_sm4_tier();

// Makes ciphers. Thread-safe; let it live longer than its ciphers.
class Sm4GcmProvider {
 public:
  // The best one on this machine.
  static Result<std::unique_ptr<Sm4GcmProvider>> create() { return create(best_sm4_tier()); }
  // For tests and measurements. kInternal "no-sm4-gcm" where this processor cannot.
  static Result<std::unique_ptr<Sm4GcmProvider>> create(Sm4Tier tier);

  virtual ~Sm4GcmProvider() = default;
  // kResourceExhausted "out-of-memory".
  virtual Result<std::unique_ptr<Sm4GcmCipher>> cipher(Sm4Key key) = 0;
  virtual const char* name() const = 0;  // "gfni-avx512"
};

}  // namespace mifeng::crypto
