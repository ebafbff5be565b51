// Numbers modulo n, the order of sm2p256v1's group (GB/T 32918.5). There are a few of these operations in a signature,
// so this is plain C++. No branch and no address depends on a value.
#pragma once

#include <cstdint>

namespace mifeng::crypto::sm2 {

__extension__ using Wide = unsigned __int128;

struct Number {
  std::uint64_t limb[4];  // the lowest first
};

inline constexpr Number kN = {{0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff}};
inline constexpr Number kNRSquared = {
    {0x901192af7c114f20, 0x3464504ade6fa2fa, 0x620fc84c3affe0d4, 0x1eb5e412a22b3d3b}};  // 2^512 mod n
inline constexpr std::uint64_t kNFactor = 0x327f9e8872350975;                           // -1/n mod 2^64

// a + 2^256 top, below 2 n, less n where that does not go below zero.
inline Number subtract_n(const Number& a, std::uint64_t top) {
  Number less{};
  std::uint64_t borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const Wide difference = Wide{a.limb[i]} - kN.limb[i] - borrow;
    less.limb[i] = static_cast<std::uint64_t>(difference);
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
  }
  const std::uint64_t keep = 0 - (borrow & (top ^ 1));
  for (int i = 0; i < 4; ++i) less.limb[i] ^= keep & (less.limb[i] ^ a.limb[i]);
  return less;
}

inline Number add_modulo_n(const Number& a, const Number& b) {
  Number sum{};
  Wide carry = 0;
  for (int i = 0; i < 4; ++i) {
    carry += Wide{a.limb[i]} + b.limb[i];
    sum.limb[i] = static_cast<std::uint64_t>(carry);
    carry >>= 64;
  }
  return subtract_n(sum, static_cast<std::uint64_t>(carry));
}

inline Number negate_modulo_n(const Number& a) {  // n - a, and 0 for 0
  Number out{};
  std::uint64_t borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const Wide difference = Wide{kN.limb[i]} - a.limb[i] - borrow;
    out.limb[i] = static_cast<std::uint64_t>(difference);
    borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
  }
  return subtract_n(out, 0);
}

// a b / 2^256 modulo n (Montgomery); one of the two below n.
inline Number montgomery_modulo_n(const Number& a, const Number& b) {
  std::uint64_t t[6] = {};
  for (const std::uint64_t word : b.limb) {
    Wide carry = 0;
    for (int k = 0; k < 4; ++k) {
      carry += Wide{a.limb[k]} * word + t[k];
      t[k] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    carry += t[4];
    t[4] = static_cast<std::uint64_t>(carry);
    t[5] = static_cast<std::uint64_t>(carry >> 64);
    const std::uint64_t m = t[0] * kNFactor;
    carry = (Wide{m} * kN.limb[0] + t[0]) >> 64;
    for (int k = 1; k < 4; ++k) {
      carry += Wide{m} * kN.limb[k] + t[k];
      t[k - 1] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    carry += t[4];
    t[3] = static_cast<std::uint64_t>(carry);
    t[4] = t[5] + static_cast<std::uint64_t>(carry >> 64);
  }
  return subtract_n({{t[0], t[1], t[2], t[3]}}, t[4]);
}

inline Number multiply_modulo_n(const Number& a, const Number& b) {
  return montgomery_modulo_n(montgomery_modulo_n(a, kNRSquared), b);
}

// a^(n-2), which is 1/a, and 0 for 0. The exponent is public.
inline Number invert_modulo_n(const Number& a) {
  const Number base = montgomery_modulo_n(a, kNRSquared);
  Number out = base;
  for (int bit = 254; bit >= 0; --bit) {
    out = montgomery_modulo_n(out, out);
    const std::uint64_t word = kN.limb[bit / 64] - (bit / 64 == 0 ? 2 : 0);
    if ((word >> (bit % 64) & 1) != 0) out = montgomery_modulo_n(out, base);
  }
  return montgomery_modulo_n(out, {{1, 0, 0, 0}});
}

inline bool is_zero(const Number& a) { return (a.limb[0] | a.limb[1] | a.limb[2] | a.limb[3]) == 0; }

// Of 256 bits, which are below 2 n, modulo n.
inline Number number_of(const std::uint8_t* big_endian) {
  Number out{};
  for (int i = 0; i < 32; ++i) out.limb[3 - i / 8] = out.limb[3 - i / 8] << 8 | big_endian[i];
  return subtract_n(out, 0);
}

// Whether 1 <= a < n, for all bytes in the same time.
inline bool is_in_range(const std::uint8_t* big_endian) {
  unsigned borrow = 0;
  unsigned any = 0;
  for (int i = 31; i >= 0; --i) {
    const auto limit = static_cast<unsigned>(kN.limb[3 - i / 8] >> (56 - i % 8 * 8) & 0xff);
    borrow = (big_endian[i] - limit - borrow) >> 31;
    any |= big_endian[i];
  }
  return (borrow & ((0 - any) >> 31)) != 0;
}

inline void store(const Number& a, std::uint8_t* big_endian) {
  for (int i = 0; i < 32; ++i) big_endian[i] = static_cast<std::uint8_t>(a.limb[3 - i / 8] >> (56 - i % 8 * 8));
}

}  // namespace mifeng::crypto::sm2
