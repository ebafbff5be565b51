// SM4 in counter mode over byte slices, for x86 kernels: a register holds one byte of every block of a pass, and the
// sixteen of them the state. Included by a kernel after its #pragma for the target; Slices is its choice of
// instructions. Nothing here but templates over types without linkage: none of this code may be merged with that of a
// kernel for another processor.
#pragma once

#include "sm4/constants.h"

namespace mifeng::crypto::sm4 {
namespace {

// A word of the state: one byte of each block in each register, the highest byte first.
template <typename Slices>
struct Word {
  typename Slices::V byte[4];
};

// T of clause 6.2 into x, by p = P S and q = Q S of its bytes (constants.h).
template <typename Slices>
MIFENG_INLINE void add_others(typename Slices::V (&x)[4], const typename Slices::V (&p)[4],
                              const typename Slices::V (&q)[4]) {
  typename Slices::V m[4];
  for (int j = 0; j < 4; ++j) m[j] = Slices::add(q[j], p[(j + 3) % 4]);
  const auto all = Slices::add(Slices::add(m[0], m[1]), Slices::add(m[2], m[3]));
  for (int j = 0; j < 4; ++j) x[j] = Slices::add(x[j], m[j], all);
}

// Clause 6.1: x0 ^= T(x1 ^ x2 ^ x3 ^ rk). The key's four bytes are there four times each. x3 is what the round before
// has made, and comes last: the rest of the sum need not wait for it.
template <typename Slices>
MIFENG_INLINE void round(Word<Slices>& x0, const Word<Slices>& x1, const Word<Slices>& x2, const Word<Slices>& x3,
                         const std::uint8_t* round_key) {
  Word<Slices> t;
  for (int j = 0; j < 4; ++j)
    t.byte[j] = Slices::add(Slices::add(x1.byte[j], x2.byte[j], Slices::repeated(round_key + 4 * j)), x3.byte[j]);
  Slices::add_transformed(t.byte, x0.byte);
}

// The blocks that are encrypted side by side: two batches where there are enough, since one alone waits for its own
// results most of the time.
template <typename Slices>
struct Batch {
  Word<Slices> x[4];
};

// The 32 rounds; beside.work() is called 16 times for each batch among them, for work that fills the gaps.
template <typename Slices, int kBatches, typename Beside>
MIFENG_INLINE void rounds(Batch<Slices> (&batches)[kBatches], const std::uint8_t* round_keys, Beside& beside) {
  for (std::size_t i = 0; i < kRounds / 4; ++i)
    for (int j = 0; j < 4; ++j, round_keys += 16)
      for (int k = 0; k < kBatches; ++k) {
        Word<Slices>(&x)[4] = batches[k].x;
        round<Slices>(x[j], x[(j + 1) % 4], x[(j + 2) % 4], x[(j + 3) % 4], round_keys);
        if (j % 2 != 0) beside.work();
      }
}

struct Nothing {
  MIFENG_INLINE void work() {}
};

template <typename Slices>
MIFENG_INLINE void nonce_slices(const std::uint8_t* nonce, Word<Slices> (&words)[3]) {
  for (std::size_t i = 0; i < 12; ++i) words[i / 4].byte[i % 4] = Slices::to_state(Slices::all(nonce[i]));
}

// Block `lane` of the pass has counter + lane.
template <typename Slices>
MIFENG_INLINE void counter_slices(std::uint32_t counter, Word<Slices>& word) {
  const auto lane = Slices::lane_numbers();
  const auto low = Slices::add_numbers(Slices::all(counter & 255), lane);
  const auto carried = Slices::is_below(low, lane);  // all ones where the lowest byte has wrapped
  for (int j = 0; j < 3; ++j) {
    const int shift = 24 - 8 * j;
    const std::uint32_t here = counter >> shift & 255;
    const std::uint32_t next = (counter + 256) >> shift & 255;
    word.byte[j] = Slices::to_state(Slices::add(Slices::all(here), Slices::both(carried, Slices::all(here ^ next))));
  }
  word.byte[3] = Slices::to_state(low);
}

// The slices after 32 rounds as blocks in the order of memory. Clause 6.1: the words come out in reverse.
template <typename Slices>
MIFENG_INLINE void blocks_of(const Word<Slices> (&x)[4], typename Slices::V (&blocks)[16]) {
  for (int i = 0; i < 16; ++i) blocks[i] = Slices::from_state(x[3 - i / 4].byte[i % 4]);
  // Each perfect shuffle of (register, byte) rotates the eight bits of its number by one; four exchange the halves.
  // That is done within 16 bytes, which is why lane_numbers() do not simply count.
  for (int step = 0; step < 4; ++step) {
    typename Slices::V shuffled[16];
    for (int i = 0; i < 8; ++i) {
      shuffled[2 * i] = Slices::interleave_low(blocks[i], blocks[i + 8]);
      shuffled[2 * i + 1] = Slices::interleave_high(blocks[i], blocks[i + 8]);
    }
    for (int i = 0; i < 16; ++i) blocks[i] = shuffled[i];
  }
}

template <typename Slices, int kBatches>
MIFENG_INLINE void start(Batch<Slices> (&batches)[kBatches], const Word<Slices> (&nonce)[3], std::uint32_t counter) {
  for (int k = 0; k < kBatches; ++k) {
    for (int i = 0; i < 3; ++i) batches[k].x[i] = nonce[i];
    counter_slices<Slices>(counter, batches[k].x[3]);
    counter += static_cast<std::uint32_t>(sizeof(typename Slices::V));
  }
}

template <typename Slices, int kBatches>
MIFENG_INLINE void key_stream_of(const std::uint8_t* round_keys, const std::uint8_t* nonce, std::uint32_t counter,
                                 bool with_hash_key, std::uint8_t* out) {
  constexpr std::size_t kStep = sizeof(typename Slices::V);
  Word<Slices> words[3];
  nonce_slices<Slices>(nonce, words);
  Batch<Slices> batches[kBatches];
  start<Slices>(batches, words, counter);
  if (with_hash_key) {
    const auto kept = Slices::all_but_first();
    for (auto& word : batches[0].x)
      for (auto& byte : word.byte) byte = Slices::both(kept, byte);
  }
  Nothing nothing;
  rounds<Slices>(batches, round_keys, nothing);
  for (int k = 0; k < kBatches; ++k) {
    typename Slices::V blocks[16];
    blocks_of<Slices>(batches[k].x, blocks);
    for (int i = 0; i < 16; ++i, out += kStep) Slices::store(out, blocks[i]);
  }
}

template <typename Slices>
void key_stream(const std::uint8_t* round_keys, const std::uint8_t* nonce, std::uint32_t counter, bool with_hash_key,
                std::uint8_t* out, std::size_t batches) {
  if (batches == 1)
    key_stream_of<Slices, 1>(round_keys, nonce, counter, with_hash_key, out);
  else if (batches == 2)
    key_stream_of<Slices, 2>(round_keys, nonce, counter, with_hash_key, out);
  else
    key_stream_of<Slices, 3>(round_keys, nonce, counter, with_hash_key, out);
}

// Hashes ciphertext, a register's worth at each call, a batch with each reduction.
template <typename Hash, std::size_t kStep>
struct HashBeside {
  static constexpr std::size_t kBatch = 16 * kStep;
  std::uint8_t* state;
  const std::uint8_t* data;
  const std::uint8_t* powers;
  std::size_t at;
  Hash hash;
  MIFENG_INLINE HashBeside(std::uint8_t* a_state, const std::uint8_t* a_data, const std::uint8_t* some_powers)
      : state(a_state), data(a_data), powers(some_powers), at(0) {}
  MIFENG_INLINE void work() {
    if (at == 0) hash.start(state);
    for (std::size_t end = at + kStep; at < end; at += Hash::kBytes) hash.absorb(data + at, powers + at);
    if (at != kBatch) return;
    hash.finish(state);
    at = 0;
    data += kBatch;
  }
};

// Sealing hashes the ciphertext of the pass before, opening that of the pass at hand, which may be overwritten by it.
template <typename Slices, typename Hash, bool kSeal>
void passes(const std::uint8_t* round_keys, Powers powers, std::uint8_t* state, const std::uint8_t* nonce,
            std::uint32_t counter, const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  constexpr std::size_t kStep = sizeof(typename Slices::V);
  constexpr std::size_t kPass = 2 * 16 * kStep;
  using Beside = HashBeside<Hash, kStep>;
  const std::uint8_t* first_power = powers.end - Beside::kBatch;
  Word<Slices> words[3];
  nonce_slices<Slices>(nonce, words);
  const std::uint8_t* ciphertext = kSeal ? nullptr : in;
  for (; count != 0; --count) {
    Batch<Slices> batches[2];
    start<Slices>(batches, words, counter);
    counter += static_cast<std::uint32_t>(kPass / kBlock);
    if (ciphertext == nullptr) {
      Nothing nothing;
      rounds<Slices>(batches, round_keys, nothing);
    } else {
      Beside beside(state, ciphertext, first_power);
      rounds<Slices>(batches, round_keys, beside);
    }
    ciphertext = kSeal ? out : in + kPass;
    for (auto& batch : batches) {
      typename Slices::V blocks[16];
      blocks_of<Slices>(batch.x, blocks);
      for (int i = 0; i < 16; ++i, in += kStep, out += kStep)
        Slices::store(out, Slices::add(blocks[i], Slices::load(in)));
    }
  }
  if constexpr (kSeal) {
    Beside last(state, ciphertext, first_power);
    for (int part = 0; part < 2 * 16; ++part) last.work();
  }
}

}  // namespace
}  // namespace mifeng::crypto::sm4
