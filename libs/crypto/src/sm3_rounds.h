// The rounds of SM3 (GB/T 32905 clause 5.3), once for a word and for a vector of words: `Word` is std::uint32_t, or a
// vector type of it, which holds one word of each of several hashes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace mifeng::crypto {

inline constexpr std::array<std::uint32_t, 8> kSm3Initial = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                                             0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

// T_j <<< (j mod 32) of clause 5.3.3, for all 64 rounds.
constexpr std::array<std::uint32_t, 64> make_sm3_constants() {
  std::array<std::uint32_t, 64> t{};
  for (unsigned j = 0; j < 64; ++j) t[j] = std::rotl(j < 16 ? 0x79cc4519U : 0x7a879d8aU, static_cast<int>(j % 32));
  return t;
}
inline constexpr auto kSm3T = make_sm3_constants();

// Macros, since a vector must not be returned from a function (see sm3_many.cpp); undefined below.
#define MIFENG_ROTL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define MIFENG_P0(x) ((x) ^ MIFENG_ROTL(x, 9) ^ MIFENG_ROTL(x, 17))
#define MIFENG_P1(x) ((x) ^ MIFENG_ROTL(x, 15) ^ MIFENG_ROTL(x, 23))

// One round of clause 5.3.3. The register names move instead of the values: the caller passes them rotated by one.
template <unsigned kRound, typename Word>
[[gnu::always_inline]] inline void sm3_round(const Word& a, Word& b, const Word& c, Word& d, const Word& e, Word& f,
                                             const Word& g, Word& h, const Word& w, const Word& w4) {
  const Word a12 = MIFENG_ROTL(a, 12);
  const Word sum = a12 + e + kSm3T[kRound];
  const Word ss1 = MIFENG_ROTL(sum, 7);
  Word ff;
  Word gg;
  if constexpr (kRound < 16) {
    ff = a ^ b ^ c;
    gg = e ^ f ^ g;
  } else {
    ff = (a & b) | ((a | b) & c);
    gg = ((f ^ g) & e) ^ g;
  }
  const Word tt1 = ff + d + (ss1 ^ a12) + (w ^ w4);
  const Word tt2 = gg + h + ss1 + w;
  b = MIFENG_ROTL(b, 9);
  d = tt1;
  f = MIFENG_ROTL(f, 19);
  h = MIFENG_P0(tt2);
}

// Words 16.. of the message expansion (clause 5.3.2), in a ring of 16.
template <unsigned kWord, typename Word>
[[gnu::always_inline]] inline void sm3_expand(Word (&w)[16]) {
  const Word mixed = w[kWord % 16] ^ w[(kWord + 7) % 16] ^ MIFENG_ROTL(w[(kWord + 13) % 16], 15);
  w[kWord % 16] = MIFENG_P1(mixed) ^ MIFENG_ROTL(w[(kWord + 3) % 16], 7) ^ w[(kWord + 10) % 16];
}

template <unsigned kFrom, typename Word>
[[gnu::always_inline]] inline void sm3_four_rounds(Word (&v)[8], Word (&w)[16]) {
  Word &a = v[0], &b = v[1], &c = v[2], &d = v[3], &e = v[4], &f = v[5], &g = v[6], &h = v[7];
  // Round j needs W[j] and W[j+4]; W[j+4] is made just before.
  if constexpr (kFrom + 4 >= 16) sm3_expand<kFrom + 4>(w);
  sm3_round<kFrom>(a, b, c, d, e, f, g, h, w[kFrom % 16], w[(kFrom + 4) % 16]);
  if constexpr (kFrom + 5 >= 16) sm3_expand<kFrom + 5>(w);
  sm3_round<kFrom + 1>(d, a, b, c, h, e, f, g, w[(kFrom + 1) % 16], w[(kFrom + 5) % 16]);
  if constexpr (kFrom + 6 >= 16) sm3_expand<kFrom + 6>(w);
  sm3_round<kFrom + 2>(c, d, a, b, g, h, e, f, w[(kFrom + 2) % 16], w[(kFrom + 6) % 16]);
  if constexpr (kFrom + 7 >= 16) sm3_expand<kFrom + 7>(w);
  sm3_round<kFrom + 3>(b, c, d, a, f, g, h, e, w[(kFrom + 3) % 16], w[(kFrom + 7) % 16]);
}

// `v` is the chaining value before and what is to be added (xor) to it after; `w` the block's words, used up.
template <typename Word>
[[gnu::always_inline]] inline void sm3_all_rounds(Word (&v)[8], Word (&w)[16]) {
  sm3_four_rounds<0>(v, w);
  sm3_four_rounds<4>(v, w);
  sm3_four_rounds<8>(v, w);
  sm3_four_rounds<12>(v, w);
  sm3_four_rounds<16>(v, w);
  sm3_four_rounds<20>(v, w);
  sm3_four_rounds<24>(v, w);
  sm3_four_rounds<28>(v, w);
  sm3_four_rounds<32>(v, w);
  sm3_four_rounds<36>(v, w);
  sm3_four_rounds<40>(v, w);
  sm3_four_rounds<44>(v, w);
  sm3_four_rounds<48>(v, w);
  sm3_four_rounds<52>(v, w);
  sm3_four_rounds<56>(v, w);
  sm3_four_rounds<60>(v, w);
}

#undef MIFENG_ROTL
#undef MIFENG_P0
#undef MIFENG_P1

}  // namespace mifeng::crypto
