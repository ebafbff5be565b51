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

// A part of a text that lies in several places: `in` and `out` have the same size and are either the same memory, or
// `out` overlaps with nothing of the message.
struct GcmPiece {
  ByteView in;
  MutableBytes out;
};

// Texts that come piece by piece, one after the other under the key of the cipher that made it, which outlives it.
// begin(), then seal() or open_unverified() for each piece in the order of the text, then finish() or verify(); another
// order is a programmer error. Cuts may lie anywhere. Sizes and overlaps as for Sm4GcmCipher.
class Sm4GcmStream {
 public:
  virtual ~Sm4GcmStream() = default;  // a text may be left unfinished
  // `expected`: bytes of text that will come, as far as they are known; others may.
  virtual void begin(GcmNonce nonce, ByteView additional, std::size_t expected) = 0;
  virtual void seal(ByteView in, MutableBytes out) = 0;
  virtual void finish(GcmTag tag) = 0;
  // What this leaves in `out` is nobody's to read before verify() has said true, and to be wiped where it says false.
  virtual void open_unverified(ByteView in, MutableBytes out) = 0;
  [[nodiscard]] virtual bool verify(ConstGcmTag tag) = 0;
};

// One key, ready for use (SP 800-38D clause 7). One thread at a time, its streams included. `in` and `out` have the
// same size and are either the same memory or do not overlap; a text is at most 2^36 - 32 bytes (clause 5.2.1.1), else
// a programmer error. A nonce must never seal twice under one key.
class Sm4GcmCipher {
 public:
  virtual ~Sm4GcmCipher() = default;
  virtual void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) = 0;
  // False where the tag does not fit; `out` is then wiped, so that no unverified plaintext is left in it.
  [[nodiscard]] virtual bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out,
                                  ConstGcmTag tag) = 0;
  // The same for a text that lies in several places; where the tag does not fit each `out` is wiped.
  virtual void seal(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces, GcmTag tag) = 0;
  [[nodiscard]] virtual bool open(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces,
                                  ConstGcmTag tag) = 0;
  // kResourceExhausted "out-of-memory".
  virtual Result<std::unique_ptr<Sm4GcmStream>> stream() = 0;
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
