// Points of sm2p256v1 in Jacobian coordinates (x = X/Z^2, y = Y/Z^3; Z = 0 is infinity), and multiples of them. No
// branch and no address depends on a point or a scalar. Formulas: dbl-2001-b, madd and add-1998-cmo-2 of the
// Explicit-Formulas Database, for a = -3.
#pragma once

#include <immintrin.h>

#include "sm2/field.h"

MIFENG_TARGET("avx2,bmi2")

namespace mifeng::crypto::sm2 {
namespace {

struct alignas(32) Affine {  // (0, 0), which is not on the curve, stands for infinity
  Fp x, y;
};
struct alignas(32) Jacobian {
  Fp x, y, z;
};

constexpr Fp kCurveB = {{0x90d230632bc0dd42, 0x71cf379ae9b537ab, 0x527981505ea51c3c, 0x240fe188ba20e2c8}};
constexpr Affine kBase = {{{0x61328990f418029e, 0x3e7981eddca6c050, 0xd6a1ed99ac24c3c3, 0x91167a5ee1c13b05}},
                          {{0xc1354e593c2d0ddd, 0xc1f5e5788d3295fa, 0x8d4cfb066e2a48f8, 0x63cd65d481d735bd}}};

MIFENG_INLINE Jacobian select(std::uint64_t mask, const Jacobian& a, const Jacobian& b) {
  return {select(mask, a.x, b.x), select(mask, a.y, b.y), select(mask, a.z, b.z)};
}

MIFENG_INLINE bool is_on_curve(const Affine& point) {  // of a public point; y^2 = x^3 - 3x + b
  const Fp three_x = add(add(point.x, point.x), point.x);
  const Fp right = add(sub(mul(sqr(point.x), point.x), three_x), kCurveB);
  return zero_mask(sub(sqr(point.y), right)) != 0;
}

// Also of infinity; no point has order 2.
__attribute__((noinline)) Jacobian twice(const Jacobian& p) {
  const Fp delta = sqr(p.z);
  const Fp gamma = sqr(p.y);
  const Fp beta = mul(p.x, gamma);
  const Fp product = mul(sub(p.x, delta), add(p.x, delta));
  const Fp alpha = add(add(product, product), product);
  const Fp beta2 = add(beta, beta);
  const Fp beta4 = add(beta2, beta2);
  Jacobian out;
  const Fp yz = mul(p.y, p.z);
  out.z = add(yz, yz);
  out.x = sub(sqr(alpha), add(beta4, beta4));
  const Fp gamma2 = add(gamma, gamma);
  const Fp square = sqr(gamma2);  // 4 gamma^2
  out.y = sub(mul(alpha, sub(beta4, out.x)), add(square, square));
  return out;
}

// p + q where they are different or one is infinity (p + -p is infinity by itself: H = 0 makes Z3 = 0).
__attribute__((noinline)) Jacobian add_different(const Jacobian& p, const Affine& q) {
  const Fp zz = sqr(p.z);
  const Fp h = sub(mul(q.x, zz), p.x);
  const Fp r = sub(mul(q.y, mul(zz, p.z)), p.y);
  const Fp hh = sqr(h);
  const Fp hhh = mul(hh, h);
  const Fp v = mul(p.x, hh);
  Jacobian out;
  out.z = mul(p.z, h);
  out.x = sub(sub(sqr(r), hhh), add(v, v));
  out.y = sub(mul(r, sub(v, out.x)), mul(p.y, hhh));
  out = select(zero_mask(p.z), Jacobian{q.x, q.y, kOne}, out);
  // A q of (0, 0) under a p of infinity gives Z = 1 above and p here.
  return select(zero_mask(q.x) & zero_mask(q.y), p, out);
}

__attribute__((noinline)) Jacobian add_different(const Jacobian& p, const Jacobian& q) {
  const Fp pzz = sqr(p.z);
  const Fp qzz = sqr(q.z);
  const Fp u = mul(p.x, qzz);
  const Fp s = mul(p.y, mul(qzz, q.z));
  const Fp h = sub(mul(q.x, pzz), u);
  const Fp r = sub(mul(q.y, mul(pzz, p.z)), s);
  const Fp hh = sqr(h);
  const Fp hhh = mul(hh, h);
  const Fp v = mul(u, hh);
  Jacobian out;
  out.z = mul(mul(p.z, q.z), h);
  out.x = sub(sub(sqr(r), hhh), add(v, v));
  out.y = sub(mul(r, sub(v, out.x)), mul(s, hhh));
  out = select(zero_mask(p.z), q, out);
  return select(zero_mask(q.z), p, out);
}

// p + q for all p and q.
__attribute__((noinline)) Jacobian add_any(const Jacobian& p, const Jacobian& q) {
  const Fp pzz = sqr(p.z);
  const Fp qzz = sqr(q.z);
  const std::uint64_t equal = zero_mask(sub(mul(p.x, qzz), mul(q.x, pzz))) &
                              zero_mask(sub(mul(p.y, mul(qzz, q.z)), mul(q.y, mul(pzz, p.z)))) & ~zero_mask(p.z) &
                              ~zero_mask(q.z);
  return select(equal, twice(p), add_different(p, q));
}

MIFENG_INLINE Jacobian to_jacobian(const Affine& p) {
  return {p.x, p.y, select(zero_mask(p.x) & zero_mask(p.y), Fp{}, kOne)};
}

// Infinity becomes (0, 0).
MIFENG_INLINE Affine to_affine(const Jacobian& p) {
  const Fp inverse = invert(p.z);
  const Fp square = sqr(inverse);
  return {mul(p.x, square), mul(p.y, mul(square, inverse))};
}

// A signed digit of Booth's: the window of `Width` bits of a scalar and the highest bit below it make
// -2^(Width-1) .. 2^(Width-1).
struct Digit {
  std::uint32_t size;
  std::uint64_t is_negative;  // a mask
};
template <int Width>
class Digits {
 public:
  static constexpr int kCount = 256 / Width + 1;
  explicit Digits(const std::uint8_t* big_endian) {
    // Twice the scalar, the lowest byte first, and zeros above.
    std::uint8_t below = 0;
    for (int i = 0; i < 32; ++i) {
      const std::uint8_t byte = big_endian[31 - i];
      bytes_[i] = static_cast<std::uint8_t>(byte << 1 | below);
      below = byte >> 7;
    }
    bytes_[32] = below;
  }
  ~Digits() {
    __builtin_memset(bytes_, 0, sizeof bytes_);
    asm volatile("" : : "r"(bytes_) : "memory");
  }
  Digits(const Digits&) = delete;
  Digits& operator=(const Digits&) = delete;

  Digit at(int index) const {
    const int bit = index * Width;
    const std::uint32_t two = static_cast<std::uint32_t>(bytes_[bit / 8] | bytes_[bit / 8 + 1] << 8);
    const std::uint32_t window = two >> (bit % 8) & ((2U << Width) - 1);
    const std::uint32_t negative = 0 - (window >> Width);
    const std::uint32_t folded = (((2U << Width) - 1 - window) & negative) | (window & ~negative);
    return {(folded >> 1) + (folded & 1), 0 - static_cast<std::uint64_t>(negative & 1)};
  }

 private:
  std::uint8_t bytes_[36] = {};
};

// Row entry `digit.size` (1 is the first), or zeros for 0, by a look at every entry.
template <int Count, typename Point>
MIFENG_INLINE Point look_up(const Point* row, Digit digit) {
  constexpr int kParts = sizeof(Point) / sizeof(__m256i);
  __m256i parts[kParts];
  for (auto& part : parts) part = _mm256_setzero_si256();
  const __m256i wanted = _mm256_set1_epi32(static_cast<int>(digit.size));
  __m256i number = _mm256_setzero_si256();
  for (int i = 0; i < Count; ++i) {
    number = _mm256_add_epi32(number, _mm256_set1_epi32(1));
    const __m256i mask = _mm256_cmpeq_epi32(number, wanted);
    const auto* entry = reinterpret_cast<const __m256i*>(row + i);
    for (int k = 0; k < kParts; ++k)
      parts[k] = _mm256_or_si256(parts[k], _mm256_and_si256(mask, _mm256_load_si256(entry + k)));
  }
  Point out;
  for (int k = 0; k < kParts; ++k) _mm256_store_si256(reinterpret_cast<__m256i*>(&out) + k, parts[k]);
  out.y = select(digit.is_negative, sub(Fp{}, out.y), out.y);
  return out;
}

// Digit i of a scalar selects from row i, which holds 1 .. 32 times 2^(6 i) G.
constexpr int kBaseWidth = 6;
constexpr int kBaseEntries = 1 << (kBaseWidth - 1);
constexpr int kBaseRows = Digits<kBaseWidth>::kCount;

// The scalar times G; any 256 bits. Digits from the lowest: a sum of lower digits is smaller than what a digit other
// than 0 adds, so that they are never equal, but modulo n in the last row.
MIFENG_INLINE Jacobian multiply_base(const Affine (*rows)[kBaseEntries], const std::uint8_t* scalar) {
  const Digits<kBaseWidth> digits(scalar);
  Jacobian sum = to_jacobian(look_up<kBaseEntries>(rows[0], digits.at(0)));
  for (int i = 1; i < kBaseRows - 1; ++i) sum = add_different(sum, look_up<kBaseEntries>(rows[i], digits.at(i)));
  return add_any(sum, to_jacobian(look_up<kBaseEntries>(rows[kBaseRows - 1], digits.at(kBaseRows - 1))));
}

// The scalar times a point of the curve; any 256 bits. Digits from the highest: 32 times what there is is 0, or its
// scalar is over 16, the greatest digit, and below n - 16, but in the last step.
MIFENG_INLINE Jacobian multiply(const Affine& point, const std::uint8_t* scalar) {
  constexpr int kWidth = 5;
  constexpr int kEntries = 1 << (kWidth - 1);
  using Windows = Digits<kWidth>;
  Jacobian row[kEntries];
  row[0] = to_jacobian(point);
  for (int i = 1; i < kEntries; ++i) row[i] = i % 2 == 1 ? twice(row[i / 2]) : add_different(row[i - 1], point);
  const Windows digits(scalar);
  Jacobian sum = look_up<kEntries>(row, digits.at(Windows::kCount - 1));
  for (int i = Windows::kCount - 2; i >= 0; --i) {
    for (int k = 0; k < kWidth; ++k) sum = twice(sum);
    const Jacobian chosen = look_up<kEntries>(row, digits.at(i));
    sum = i == 0 ? add_any(sum, chosen) : add_different(sum, chosen);
  }
  return sum;
}

}  // namespace
}  // namespace mifeng::crypto::sm2

MIFENG_TARGET_END
