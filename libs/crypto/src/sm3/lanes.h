// SM3 (GB/T 32905-2016 clause 5.3) of several messages, one in each lane of vector registers; included below a kernel's
// MIFENG_TARGET. Lanes is its choice of instructions.
#pragma once

#include "sm3_rounds.h"

namespace mifeng::crypto::sm3_kernel {
namespace {

// Word j of the message expansion (clause 5.3.2), from those sixteen and less before it.
template <typename Lanes>
MIFENG_INLINE typename Lanes::V expanded(typename Lanes::V w16, typename Lanes::V w13, typename Lanes::V w9,
                                         typename Lanes::V w6, typename Lanes::V w3) {
  const auto mixed = Lanes::sum(w16, w9, Lanes::template left<15>(w3));
  return Lanes::sum(Lanes::p1(mixed), Lanes::template left<7>(w13), w6);
}

// Clause 5.3.3, as sm3_round() has it.
template <typename Lanes, bool kEarly>
MIFENG_INLINE void round(typename Lanes::V a, typename Lanes::V& b, typename Lanes::V c, typename Lanes::V& d,
                         typename Lanes::V e, typename Lanes::V& f, typename Lanes::V g, typename Lanes::V& h,
                         typename Lanes::V w, typename Lanes::V w4, std::uint32_t t) {
  const auto a12 = Lanes::template left<12>(a);
  const auto ss1 = Lanes::template left<7>(Lanes::plus(Lanes::plus(a12, Lanes::all(t)), e));
  const auto ff = kEarly ? Lanes::sum(a, b, c) : Lanes::majority(a, b, c);
  const auto gg = kEarly ? Lanes::sum(e, f, g) : Lanes::choice(e, f, g);
  const auto tt1 = Lanes::plus(Lanes::plus(Lanes::plus(d, Lanes::sum(w, w4)), ff), Lanes::sum(ss1, a12));
  const auto tt2 = Lanes::plus(Lanes::plus(Lanes::plus(h, w), gg), ss1);
  b = Lanes::template left<9>(b);
  d = tt1;
  f = Lanes::template left<19>(f);
  h = Lanes::p0(tt2);
}

// Messages one a lane, in kGroups registers' worth of lanes: two keep the processor busy where one waits for itself.
template <typename Lanes, int kGroups>
struct Words {
  typename Lanes::V state[kGroups][8];
  typename Lanes::V w[kGroups][16];
};

template <typename Lanes, bool kEarly, int kGroups>
MIFENG_INLINE void sixteen_rounds(typename Lanes::V (&all_v)[kGroups][8], typename Lanes::V (&all_w)[kGroups][16],
                                  const std::uint32_t* t) {
#pragma GCC unroll 16
  for (unsigned i = 0; i < 16; ++i) {
#pragma GCC unroll 2
    for (int group = 0; group < kGroups; ++group) {
      auto& v = all_v[group];
      auto& w = all_w[group];
      // Round j needs W[j + 4]; what is made here takes the place of a word that nothing needs any more.
      if (!kEarly || i >= 12)
        w[(i + 4) % 16] =
            expanded<Lanes>(w[(i + 4) % 16], w[(i + 7) % 16], w[(i + 11) % 16], w[(i + 14) % 16], w[(i + 1) % 16]);
      // The register names move instead of the values.
      const unsigned s = 4 - i % 4;
      round<Lanes, kEarly>(v[s % 4], v[(s + 1) % 4], v[(s + 2) % 4], v[(s + 3) % 4], v[4 + s % 4], v[4 + (s + 1) % 4],
                           v[4 + (s + 2) % 4], v[4 + (s + 3) % 4], w[i], w[(i + 4) % 16], t[i]);
    }
  }
}

template <typename Lanes, int kGroups>
MIFENG_INLINE void compress(Words<Lanes, kGroups>& words) {
  typename Lanes::V v[kGroups][8];
  for (int group = 0; group < kGroups; ++group)
    for (int i = 0; i < 8; ++i) v[group][i] = words.state[group][i];
  sixteen_rounds<Lanes, true, kGroups>(v, words.w, kSm3T.data());
  for (unsigned from = 16; from < 64; from += 16)
    sixteen_rounds<Lanes, false, kGroups>(v, words.w, kSm3T.data() + from);
  for (int group = 0; group < kGroups; ++group)
    for (int i = 0; i < 8; ++i) words.state[group][i] = Lanes::sum(words.state[group][i], v[group][i]);
}

// Pieces that end on a block, one in each lane.
template <typename Lanes, int kGroups>
void hash_pieces(const std::uint8_t* const* in, std::size_t piece_size, std::uint8_t* const* out) {
  Words<Lanes, kGroups> words;
  for (auto& state : words.state)
    for (int i = 0; i < 8; ++i) state[i] = Lanes::all(kSm3Initial.data()[i]);
  for (std::size_t at = 0; at < piece_size; at += 64) {
    for (int group = 0; group < kGroups; ++group) Lanes::load_blocks(in + group * Lanes::kCount, at, words.w[group]);
    compress(words);
  }
  // Clause 5.2: one block of padding, the same for all.
  const auto bits = static_cast<std::uint64_t>(piece_size) * 8;
  for (auto& w : words.w) {
    for (auto& word : w) word = Lanes::all(0);
    w[0] = Lanes::all(0x80000000);
    w[14] = Lanes::all(static_cast<std::uint32_t>(bits >> 32));
    w[15] = Lanes::all(static_cast<std::uint32_t>(bits));
  }
  compress(words);
  for (int group = 0; group < kGroups; ++group) Lanes::store_digests(words.state[group], out + group * Lanes::kCount);
}

}  // namespace
}  // namespace mifeng::crypto::sm3_kernel
