// The algebra of SM4's S-box, worked out by the compiler, so that no kernel needs a table indexed by a secret.
//
// GB/T 32907-2016 clause 6.2 gives the S-box as a table. Its structure is S(x) = A(1/(A(x) + d3)) + d3, where A is a
// circulant matrix over GF(2) and 1/ is inversion in GF(2^8) modulo x^8+x^7+x^6+x^5+x^4+x^2+1. Any other GF(2^8) is
// the same field under another name: an isomorphism on the way in and one on the way out let a processor's AES or GFNI
// instructions do the inversion. Both are linear, like A, and melt into it.
#pragma once

#include <cstdint>

namespace mifeng::crypto::sm4 {

// A linear map of bytes: the image of each bit, the lowest first.
struct Map {
  std::uint8_t image[8];
  constexpr std::uint8_t operator()(unsigned x) const {
    unsigned sum = 0;
    for (unsigned bit = 0; bit < 8; ++bit)
      if ((x >> bit & 1) != 0) sum ^= image[bit];
    return static_cast<std::uint8_t>(sum);
  }
};

// outer(inner(x)).
constexpr Map operator*(const Map& outer, const Map& inner) {
  Map product{};
  for (unsigned bit = 0; bit < 8; ++bit) product.image[bit] = outer(inner.image[bit]);
  return product;
}

constexpr Map operator+(const Map& a, const Map& b) {
  Map sum{};
  for (unsigned bit = 0; bit < 8; ++bit) sum.image[bit] = static_cast<std::uint8_t>(a.image[bit] ^ b.image[bit]);
  return sum;
}

constexpr Map inverse(const Map& map) {
  Map found{};
  for (unsigned x = 0; x < 256; ++x)
    for (unsigned bit = 0; bit < 8; ++bit)
      if (map(x) == 1U << bit) found.image[bit] = static_cast<std::uint8_t>(x);
  return found;
}

// The image of bit k is `first` rotated by k.
constexpr Map circulant(unsigned first) {
  Map map{};
  for (unsigned bit = 0; bit < 8; ++bit) map.image[bit] = static_cast<std::uint8_t>(first << bit | first >> (8 - bit));
  return map;
}

struct Affine {
  Map map;
  std::uint8_t constant;
  constexpr std::uint8_t operator()(unsigned x) const { return static_cast<std::uint8_t>(map(x) ^ constant); }
};

// GF(2^8) modulo a polynomial with bit 8 set.
template <unsigned kPolynomial>
struct PolynomialField {
  static constexpr unsigned multiply(unsigned a, unsigned b) {
    unsigned product = 0;
    for (; b != 0; b >>= 1) {
      if ((b & 1) != 0) product ^= a;
      a <<= 1;
      if ((a & 256) != 0) a ^= kPolynomial;
    }
    return product;
  }
};

// GF(((2^2)^2)^2): w^2 = w + 1, then z^2 = z + w, then y^2 = y + wz; each level's pair has its first half above. Bit
// slices want this one, since an inversion in it comes down to a few multiplications of pairs.
struct TowerField {
  static constexpr unsigned multiply2(unsigned a, unsigned b) {
    const unsigned high = (a >> 1 ^ a) & (b >> 1 ^ b) & 1;
    const unsigned low = a & b & 1;
    return (high ^ low) << 1 | (low ^ (a >> 1 & b >> 1));
  }
  static constexpr unsigned multiply4(unsigned a, unsigned b) {
    const unsigned high = multiply2(a >> 2, b >> 2);
    const unsigned low = multiply2(a & 3, b & 3);
    const unsigned both = multiply2(a >> 2 ^ (a & 3), b >> 2 ^ (b & 3));
    return (both ^ low) << 2 | (low ^ multiply2(high, 2));
  }
  static constexpr unsigned multiply(unsigned a, unsigned b) {
    const unsigned high = multiply4(a >> 4, b >> 4);
    const unsigned low = multiply4(a & 15, b & 15);
    const unsigned both = multiply4(a >> 4 ^ (a & 15), b >> 4 ^ (b & 15));
    return (both ^ low) << 4 | (low ^ multiply4(high, 8));
  }
};

// 1/x = x^254; 0 for 0.
template <typename Field>
constexpr unsigned reciprocal(unsigned x) {
  unsigned power = 1;
  for (unsigned square = 0; square < 7; ++square) {
    x = Field::multiply(x, x);
    power = Field::multiply(power, x);
  }
  return power;
}

using Sm4Field = PolynomialField<0x1f5>;
using AesField = PolynomialField<0x11b>;

// The isomorphism from SM4's field to `Field`: it takes x, a root of SM4's polynomial, to a root in the other field.
template <typename Field>
constexpr Map isomorphism() {
  for (unsigned root = 2; root < 256; ++root) {
    Map powers{};
    unsigned power = 1;
    for (unsigned exponent = 0; exponent < 8; ++exponent) {
      powers.image[exponent] = static_cast<std::uint8_t>(power);
      power = Field::multiply(power, root);
    }
    if (power == powers(0xf5)) return powers;  // x^8 = x^7+x^6+x^5+x^4+x^2+1
  }
  return {};
}

inline constexpr Map kA = circulant(0xcb);
inline constexpr std::uint8_t kD = 0xd3;

// S(x) = kOut<Field>(1/kIn<Field>(x)), the inversion in `Field`.
template <typename Field>
inline constexpr Affine kIn = {isomorphism<Field>() * kA, isomorphism<Field>()(kD)};
template <typename Field>
inline constexpr Affine kOut = {kA* inverse(isomorphism<Field>()), kD};

template <typename Field>
constexpr std::uint8_t sbox(unsigned x) {
  return kOut<Field>(reciprocal<Field>(kIn<Field>(x)));
}

}  // namespace mifeng::crypto::sm4
