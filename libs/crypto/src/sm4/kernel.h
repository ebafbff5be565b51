// What a tier of SM4-GCM has to offer: a few functions over plain memory. The mode itself (sm4_gcm.cpp) is written
// once.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mifeng/crypto/sm4_gcm.h"

namespace mifeng::crypto::sm4 {

inline constexpr std::size_t kBlock = 16;
inline constexpr std::size_t kRounds = 32;
inline constexpr std::size_t kBatchMax = 64;
inline constexpr std::size_t kBatchesMax = 3;
// Powers of H that a key has from the start; more are made for long messages only.
inline constexpr std::size_t kFewPowers = 16;

// The powers of H, H^1 last: H^k stands at end - 16 k, so that the first of n blocks meets H^n. Their form (as a factor
// in POLYVAL's field, RFC 8452 appendix A) is the same in all tiers, and so is that of the hash's state.
struct Powers {
  std::uint8_t* end;
  std::size_t count;
};

struct Kernel {
  Sm4Tier tier;
  std::size_t batch;      // blocks that are encrypted at once; a pass is two batches, interleaved
  std::size_t key_bytes;  // of the round keys in the form that this tier wants, a multiple of 64
  bool has_powers;        // whether hash() knows what to do with more than H^1

  void (*expand_key)(const std::uint8_t* key, std::uint8_t* round_keys);

  // Up to kBatchesMax batches of key stream from the block nonce | counter on, the counter 32 bits with wrap (inc32 of
  // SP 800-38D clause 6.2). With `with_hash_key` the block of zeros stands in the place of the first.
  void (*key_stream)(const std::uint8_t* round_keys, const std::uint8_t* nonce, std::uint32_t counter,
                     bool with_hash_key, std::uint8_t* out, std::size_t batches);

  // From H^1 .. H^count, makes H^(count+1) .. H^(2 count).
  void (*double_powers)(Powers powers);
  // GHASH (SP 800-38D clause 6.4) over whole blocks.
  void (*hash)(Powers powers, std::uint8_t* state, const std::uint8_t* data, std::size_t blocks);

  // Encrypts or decrypts `passes` passes, and hashes what is the ciphertext beside it; wants powers.count == batch.
  // `in` and `out` are the same or do not overlap. Null where nothing is gained by it.
  using Passes = void (*)(const std::uint8_t* round_keys, Powers powers, std::uint8_t* state, const std::uint8_t* nonce,
                          std::uint32_t counter, const std::uint8_t* in, std::uint8_t* out, std::size_t passes);
  Passes seal_passes;
  Passes open_passes;
};

extern const Kernel kPortable;
#if defined(__x86_64__)
extern const Kernel kAesSsse3;
extern const Kernel kAesAvx2;
extern const Kernel kVaesAvx2;
extern const Kernel kGfniAvx2;
extern const Kernel kGfniAvx512;
#endif
const Kernel& kernel_of(Sm4Tier tier);

}  // namespace mifeng::crypto::sm4
