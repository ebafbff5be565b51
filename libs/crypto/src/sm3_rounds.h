// The rounds of SM3 (GB/T 32905 clause 5.3) on words.
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

// Not std::rotl: the kernels that are built for one processor take nothing from the standard library (target.h).
[[gnu::always_inline]] inline std::uint32_t sm3_rotl(std::uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

// Keeps the compiler from adding in another order: what comes last must not wait for what was there before, and an LEA
// of three parts takes longer than an ADD.
template <typename T>
[[gnu::always_inline]] inline T sm3_ready(T x) {
  __asm__("" : "+r"(x));
  return x;
}

// E as the sum (xor) of two parts, of which the round that makes it has the second two steps earlier than E itself.
struct Sm3Parts {
  std::uint32_t u, v;
  explicit Sm3Parts(std::uint32_t e) : u(e), v(0) {}
};

// One round of clause 5.3.3, one of the first sixteen or another. The register names move instead of the values: the
// caller passes them rotated by one. `parts` are those of e, and then of what becomes e in the next round.
//
// What a message takes is the longest chain of operations that wait for one another. From one TT2 to the next,
//
//   E' = P0(TT2) = u + v,  u = TT2 + (TT2 <<< 9),  v = TT2 <<< 17      (+ is XOR here)
//   SS1 = ((A <<< 12) + T + E') <<< 7                                  (and addition from here on)
//   GG  = g + ((f + g) & E') = g + ((f + g) & v) + ((f + g) & u)       (XOR)
//   TT2 = GG + H + SS1 + W
//
// there are six by way of SS1: rotation, two XORs, addition, rotation, addition. GG of a finished E would take seven;
// of the parts it takes six as well, for u is there one step before E and v two.
template <bool kEarly>
[[gnu::always_inline]] inline void sm3_round(std::uint32_t a, std::uint32_t& b, std::uint32_t c, std::uint32_t& d,
                                             std::uint32_t e, std::uint32_t& f, std::uint32_t g, std::uint32_t& h,
                                             std::uint32_t w, std::uint32_t w4, std::uint32_t t, Sm3Parts& parts) {
  const std::uint32_t a12 = sm3_rotl(a, 12);
  const std::uint32_t ss1 = sm3_rotl(sm3_ready(a12 + t) + e, 7);
  const std::uint32_t ff = kEarly ? a ^ b ^ c : ((a ^ b) & (b ^ c)) ^ b;
  const std::uint32_t fg = sm3_ready(f ^ g);
  const std::uint32_t gg =
      kEarly ? sm3_ready(fg ^ parts.v) ^ parts.u : sm3_ready(sm3_ready(fg & parts.v) ^ g) ^ sm3_ready(fg & parts.u);
  const std::uint32_t tt1 = sm3_ready(sm3_ready(d + (w ^ w4)) + ff) + (ss1 ^ a12);
  const std::uint32_t tt2 = sm3_ready(sm3_ready(h + w) + gg) + ss1;
  b = sm3_rotl(b, 9);
  d = tt1;
  f = sm3_rotl(f, 19);
  parts.u = sm3_ready(tt2 ^ sm3_rotl(tt2, 9));
  parts.v = sm3_ready(sm3_rotl(tt2, 17));
  h = parts.u ^ parts.v;
}

// Words 16.. of the message expansion (clause 5.3.2), in a ring of 16.
[[gnu::always_inline]] inline void sm3_expand(std::uint32_t (&w)[16], unsigned word) {
  const std::uint32_t mixed = w[word % 16] ^ w[(word + 7) % 16] ^ sm3_rotl(w[(word + 13) % 16], 15);
  w[word % 16] =
      mixed ^ sm3_rotl(mixed, 15) ^ sm3_rotl(mixed, 23) ^ sm3_rotl(w[(word + 3) % 16], 7) ^ w[(word + 10) % 16];
}

template <unsigned kFrom>
[[gnu::always_inline]] inline void sm3_four_rounds(std::uint32_t (&v)[8], std::uint32_t (&w)[16], Sm3Parts& parts) {
  std::uint32_t &a = v[0], &b = v[1], &c = v[2], &d = v[3], &e = v[4], &f = v[5], &g = v[6], &h = v[7];
  constexpr bool kEarly = kFrom < 16;
  // Round j needs W[j] and W[j+4]; W[j+4] is made just before.
  if constexpr (kFrom + 4 >= 16) sm3_expand(w, kFrom + 4);
  sm3_round<kEarly>(a, b, c, d, e, f, g, h, w[kFrom % 16], w[(kFrom + 4) % 16], kSm3T[kFrom], parts);
  if constexpr (kFrom + 5 >= 16) sm3_expand(w, kFrom + 5);
  sm3_round<kEarly>(d, a, b, c, h, e, f, g, w[(kFrom + 1) % 16], w[(kFrom + 5) % 16], kSm3T[kFrom + 1], parts);
  if constexpr (kFrom + 6 >= 16) sm3_expand(w, kFrom + 6);
  sm3_round<kEarly>(c, d, a, b, g, h, e, f, w[(kFrom + 2) % 16], w[(kFrom + 6) % 16], kSm3T[kFrom + 2], parts);
  if constexpr (kFrom + 7 >= 16) sm3_expand(w, kFrom + 7);
  sm3_round<kEarly>(b, c, d, a, f, g, h, e, w[(kFrom + 3) % 16], w[(kFrom + 7) % 16], kSm3T[kFrom + 3], parts);
}

// `v` is the chaining value before and what is to be added (xor) to it after; `w` the block's words, used up.
[[gnu::always_inline]] inline void sm3_all_rounds(std::uint32_t (&v)[8], std::uint32_t (&w)[16]) {
  Sm3Parts parts(v[4]);
  sm3_four_rounds<0>(v, w, parts);
  sm3_four_rounds<4>(v, w, parts);
  sm3_four_rounds<8>(v, w, parts);
  sm3_four_rounds<12>(v, w, parts);
  sm3_four_rounds<16>(v, w, parts);
  sm3_four_rounds<20>(v, w, parts);
  sm3_four_rounds<24>(v, w, parts);
  sm3_four_rounds<28>(v, w, parts);
  sm3_four_rounds<32>(v, w, parts);
  sm3_four_rounds<36>(v, w, parts);
  sm3_four_rounds<40>(v, w, parts);
  sm3_four_rounds<44>(v, w, parts);
  sm3_four_rounds<48>(v, w, parts);
  sm3_four_rounds<52>(v, w, parts);
  sm3_four_rounds<56>(v, w, parts);
  sm3_four_rounds<60>(v, w, parts);
}

}  // namespace mifeng::crypto
