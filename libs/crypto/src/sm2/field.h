// The field of sm2p256v1 (GB/T 32918.5) with MULX: p = 2^256 - 2^224 - 2^96 + 2^64 - 1, elements in Montgomery's form
// (x 2^256 mod p), always below p. No branch and no address depends on a value. Only for a file with
// MIFENG_TARGET("avx2,bmi2").
//
// As the lowest limb of p is 2^64 - 1, the factor m of a step of Montgomery's reduction is the lowest limb itself, and
// (t + m p) / 2^64 is limbs 1.. of t plus m (2^192 - 2^160 - 2^32 + 1): shifts, additions and no multiplication.
//
// MULX leaves the flags alone, so a row of products is two chains of additions, over the even and over the odd columns;
// ADCX and ADOX would save no instruction, and a processor renames flags.
#pragma once

#include <cstdint>

#include "target.h"

namespace mifeng::crypto::sm2 {
namespace {

struct Fp {
  std::uint64_t limb[4];  // the lowest first
};

constexpr std::uint64_t kP1 = 0xffffffff00000000;
constexpr std::uint64_t kP3 = 0xfffffffeffffffff;
constexpr Fp kOne = {{1, 0x00000000ffffffff, 0, 0x0000000100000000}};  // 2^256 mod p
constexpr Fp kRSquared = {{0x0000000200000003, 0x00000002ffffffff, 0x0000000100000001, 0x0000000400000002}};

// clang-format off

// (A1 .. A5) += A0 (2^192 - 2^160 - 2^32 + 1), which leaves A0 without meaning.
#define MIFENG_SM2_REDUCE(A0, A1, A2, A3, A4, A5)                                                     \
  "mov %[" A0 "], %[t0]\n\t" "shl $32, %[t0]\n\t" "mov %[" A0 "], %[t1]\n\t" "shr $32, %[t1]\n\t"     \
  "mov %[" A0 "], %[t2]\n\t" "sub %[t1], %[t2]\n\t"                                                   \
  "sub %[t0], %[" A1 "]\n\t" "sbb %[t1], %[" A2 "]\n\t" "sbb %[t0], %[" A3 "]\n\t" "sbb $0, %[t2]\n\t" \
  "add %[" A0 "], %[" A1 "]\n\t" "adc $0, %[" A2 "]\n\t" "adc $0, %[" A3 "]\n\t"                      \
  "adc %[t2], %[" A4 "]\n\t" "adc $0, %[" A5 "]\n\t"

// (A0 .. A5) += a times the limb of b at OFFSET; A5 comes in without meaning, A4 is 0 or 1.
#define MIFENG_SM2_ROW(OFFSET, A0, A1, A2, A3, A4, A5)                                                \
  "mov " OFFSET "(%[b]), %%rdx\n\t" "xor %k[" A5 "], %k[" A5 "]\n\t"                                  \
  "mulx (%[a]), %[t0], %[t1]\n\t" "add %[t0], %[" A0 "]\n\t" "adc %[t1], %[" A1 "]\n\t"               \
  "mulx 16(%[a]), %[t0], %[t1]\n\t" "adc %[t0], %[" A2 "]\n\t" "adc %[t1], %[" A3 "]\n\t"             \
  "adc $0, %[" A4 "]\n\t"                                                                             \
  "mulx 8(%[a]), %[t0], %[t1]\n\t" "add %[t0], %[" A1 "]\n\t" "adc %[t1], %[" A2 "]\n\t"              \
  "mulx 24(%[a]), %[t0], %[t1]\n\t" "adc %[t0], %[" A3 "]\n\t" "adc %[t1], %[" A4 "]\n\t"             \
  "adc $0, %[" A5 "]\n\t"

// (L0 .. L3) and a carry in TOP (0 or 1), less p where that does not go below zero. SPARE is a register.
#define MIFENG_SM2_SUBTRACT_P(L0, L1, L2, L3, TOP, SPARE)                                             \
  "mov %[" L0 "], %[t0]\n\t" "mov %[" L1 "], %[t1]\n\t" "mov %[" L2 "], %[t2]\n\t"                    \
  "mov %[" L3 "], %[" SPARE "]\n\t"                                                                   \
  "sub $-1, %[t0]\n\t" "movabs %[p1], %%rdx\n\t" "sbb %%rdx, %[t1]\n\t" "sbb $-1, %[t2]\n\t"             \
  "movabs %[p3], %%rdx\n\t" "sbb %%rdx, %[" SPARE "]\n\t" "sbb $0, %[" TOP "]\n\t"                       \
  "cmovnc %[t0], %[" L0 "]\n\t" "cmovnc %[t1], %[" L1 "]\n\t" "cmovnc %[t2], %[" L2 "]\n\t"           \
  "cmovnc %[" SPARE "], %[" L3 "]\n\t"

MIFENG_INLINE Fp mul(const Fp& a, const Fp& b) {
  std::uint64_t c0, c1, c2, c3, c4, c5, t0, t1, t2;
  asm("mov (%[b]), %%rdx\n\t"
      "mulx (%[a]), %[c0], %[c1]\n\t" "mulx 8(%[a]), %[t0], %[c2]\n\t"
      "mulx 16(%[a]), %[t1], %[c3]\n\t" "mulx 24(%[a]), %[t2], %[c4]\n\t"
      "xor %k[c5], %k[c5]\n\t"
      "add %[t0], %[c1]\n\t" "adc %[t1], %[c2]\n\t" "adc %[t2], %[c3]\n\t" "adc $0, %[c4]\n\t"
      MIFENG_SM2_REDUCE("c0", "c1", "c2", "c3", "c4", "c5")
      MIFENG_SM2_ROW("8", "c1", "c2", "c3", "c4", "c5", "c0")
      MIFENG_SM2_REDUCE("c1", "c2", "c3", "c4", "c5", "c0")
      MIFENG_SM2_ROW("16", "c2", "c3", "c4", "c5", "c0", "c1")
      MIFENG_SM2_REDUCE("c2", "c3", "c4", "c5", "c0", "c1")
      MIFENG_SM2_ROW("24", "c3", "c4", "c5", "c0", "c1", "c2")
      MIFENG_SM2_REDUCE("c3", "c4", "c5", "c0", "c1", "c2")
      MIFENG_SM2_SUBTRACT_P("c4", "c5", "c0", "c1", "c2", "c3")
      : [c0] "=&r"(c0), [c1] "=&r"(c1), [c2] "=&r"(c2), [c3] "=&r"(c3), [c4] "=&r"(c4), [c5] "=&r"(c5),
        [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2)
      : [a] "r"(a.limb), [b] "r"(b.limb), [p1] "i"(kP1), [p3] "i"(kP3), "m"(a), "m"(b)
      : "rdx", "cc");
  return {{c4, c5, c0, c1}};
}

// (L1, L2, L3, L0) = (L0 .. L3) / 2^64 after a step of the reduction; what is below 2^256 stays so, as
// (2^256 + 2^64 p) / 2^64 is below.
#define MIFENG_SM2_REDUCE_LOW(L0, L1, L2, L3)                                                         \
  "mov %[" L0 "], %[t0]\n\t" "shl $32, %[t0]\n\t" "mov %[" L0 "], %[t1]\n\t" "shr $32, %[t1]\n\t"     \
  "mov %[" L0 "], %[t2]\n\t" "sub %[t1], %[" L0 "]\n\t"                                               \
  "sub %[t0], %[" L1 "]\n\t" "sbb %[t1], %[" L2 "]\n\t" "sbb %[t0], %[" L3 "]\n\t" "sbb $0, %[" L0 "]\n\t" \
  "add %[t2], %[" L1 "]\n\t" "adc $0, %[" L2 "]\n\t" "adc $0, %[" L3 "]\n\t" "adc $0, %[" L0 "]\n\t"

MIFENG_INLINE Fp sqr(const Fp& a) {
  std::uint64_t c0, c1, c2, c3, c4, c5, c6, c7, t0, t1, t2;
  // The products of two different limbs, doubled, and then the squares.
  asm("mov (%[a]), %%rdx\n\t"
      "mulx 8(%[a]), %[c1], %[c2]\n\t" "mulx 16(%[a]), %[t0], %[c3]\n\t" "mulx 24(%[a]), %[t1], %[c4]\n\t"
      "add %[t0], %[c2]\n\t" "adc %[t1], %[c3]\n\t" "adc $0, %[c4]\n\t"
      "mov 8(%[a]), %%rdx\n\t"
      "mulx 16(%[a]), %[t0], %[t1]\n\t" "mulx 24(%[a]), %[t2], %[c5]\n\t"
      "add %[t2], %[t1]\n\t" "adc $0, %[c5]\n\t"
      "add %[t0], %[c3]\n\t" "adc %[t1], %[c4]\n\t" "adc $0, %[c5]\n\t"
      "mov 16(%[a]), %%rdx\n\t"
      "mulx 24(%[a]), %[t0], %[c6]\n\t" "add %[t0], %[c5]\n\t" "adc $0, %[c6]\n\t"
      "xor %k[c7], %k[c7]\n\t"
      "add %[c1], %[c1]\n\t" "adc %[c2], %[c2]\n\t" "adc %[c3], %[c3]\n\t" "adc %[c4], %[c4]\n\t"
      "adc %[c5], %[c5]\n\t" "adc %[c6], %[c6]\n\t" "adc $0, %[c7]\n\t"
      "mov (%[a]), %%rdx\n\t" "mulx %%rdx, %[c0], %[t0]\n\t" "add %[t0], %[c1]\n\t"
      "mov 8(%[a]), %%rdx\n\t" "mulx %%rdx, %[t0], %[t1]\n\t" "adc %[t0], %[c2]\n\t" "adc %[t1], %[c3]\n\t"
      "mov 16(%[a]), %%rdx\n\t" "mulx %%rdx, %[t0], %[t1]\n\t" "adc %[t0], %[c4]\n\t" "adc %[t1], %[c5]\n\t"
      "mov 24(%[a]), %%rdx\n\t" "mulx %%rdx, %[t0], %[t1]\n\t" "adc %[t0], %[c6]\n\t" "adc %[t1], %[c7]\n\t"
      MIFENG_SM2_REDUCE_LOW("c0", "c1", "c2", "c3")
      MIFENG_SM2_REDUCE_LOW("c1", "c2", "c3", "c0")
      MIFENG_SM2_REDUCE_LOW("c2", "c3", "c0", "c1")
      MIFENG_SM2_REDUCE_LOW("c3", "c0", "c1", "c2")
      "add %[c0], %[c4]\n\t" "adc %[c1], %[c5]\n\t" "adc %[c2], %[c6]\n\t" "adc %[c3], %[c7]\n\t"
      "mov $0, %k[c0]\n\t" "adc $0, %[c0]\n\t"
      MIFENG_SM2_SUBTRACT_P("c4", "c5", "c6", "c7", "c0", "c1")
      : [c0] "=&r"(c0), [c1] "=&r"(c1), [c2] "=&r"(c2), [c3] "=&r"(c3), [c4] "=&r"(c4), [c5] "=&r"(c5),
        [c6] "=&r"(c6), [c7] "=&r"(c7), [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2)
      : [a] "r"(a.limb), [p1] "i"(kP1), [p3] "i"(kP3), "m"(a)
      : "rdx", "cc");
  return {{c4, c5, c6, c7}};
}

MIFENG_INLINE Fp add(const Fp& a, const Fp& b) {
  std::uint64_t c0 = a.limb[0], c1 = a.limb[1], c2 = a.limb[2], c3 = a.limb[3], top, t0, t1, t2, t3;
  asm("add %[b0], %[c0]\n\t" "adc %[b1], %[c1]\n\t" "adc %[b2], %[c2]\n\t" "adc %[b3], %[c3]\n\t"
      "mov $0, %k[top]\n\t" "adc $0, %[top]\n\t"
      MIFENG_SM2_SUBTRACT_P("c0", "c1", "c2", "c3", "top", "t3")
      : [c0] "+&r"(c0), [c1] "+&r"(c1), [c2] "+&r"(c2), [c3] "+&r"(c3), [top] "=&r"(top),
        [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3)
      : [b0] "m"(b.limb[0]), [b1] "m"(b.limb[1]), [b2] "m"(b.limb[2]), [b3] "m"(b.limb[3]), [p1] "i"(kP1),
        [p3] "i"(kP3)
      : "rdx", "cc");
  return {{c0, c1, c2, c3}};
}

MIFENG_INLINE Fp sub(const Fp& a, const Fp& b) {
  std::uint64_t c0 = a.limb[0], c1 = a.limb[1], c2 = a.limb[2], c3 = a.limb[3], t0, t1, t2;
  // The borrow as a mask of p.
  asm("sub %[b0], %[c0]\n\t" "sbb %[b1], %[c1]\n\t" "sbb %[b2], %[c2]\n\t" "sbb %[b3], %[c3]\n\t"
      "sbb %[t0], %[t0]\n\t" "movabs %[p1], %[t1]\n\t" "and %[t0], %[t1]\n\t" "movabs %[p3], %[t2]\n\t"
      "and %[t0], %[t2]\n\t"
      "add %[t0], %[c0]\n\t" "adc %[t1], %[c1]\n\t" "adc %[t0], %[c2]\n\t" "adc %[t2], %[c3]\n\t"
      : [c0] "+&r"(c0), [c1] "+&r"(c1), [c2] "+&r"(c2), [c3] "+&r"(c3), [t0] "=&r"(t0), [t1] "=&r"(t1),
        [t2] "=&r"(t2)
      : [b0] "m"(b.limb[0]), [b1] "m"(b.limb[1]), [b2] "m"(b.limb[2]), [b3] "m"(b.limb[3]), [p1] "i"(kP1),
        [p3] "i"(kP3)
      : "cc");
  return {{c0, c1, c2, c3}};
}
// clang-format on

// All ones where the element is zero, else zero.
MIFENG_INLINE std::uint64_t zero_mask(const Fp& a) {
  const std::uint64_t any = a.limb[0] | a.limb[1] | a.limb[2] | a.limb[3];
  return ((any | (0 - any)) >> 63) - 1;
}

// `a` where the mask is all ones, `b` where it is zero.
MIFENG_INLINE Fp select(std::uint64_t mask, const Fp& a, const Fp& b) {
  Fp out;
  for (int i = 0; i < 4; ++i) out.limb[i] = b.limb[i] ^ (mask & (a.limb[i] ^ b.limb[i]));
  return out;
}

MIFENG_INLINE Fp sqr_times(Fp a, int times) {
  for (int i = 0; i < times; ++i) a = sqr(a);
  return a;
}

// a^(p-2), which is 1/a, and 0 for 0. eN has N ones: p-2 is 31 ones, a zero, four times 32 ones, 32 zeros, 32 ones, 30
// ones, 01.
__attribute__((noinline)) Fp invert(const Fp& a) {
  const Fp e2 = mul(sqr(a), a);
  const Fp e4 = mul(sqr_times(e2, 2), e2);
  const Fp e8 = mul(sqr_times(e4, 4), e4);
  const Fp e16 = mul(sqr_times(e8, 8), e8);
  const Fp e24 = mul(sqr_times(e16, 8), e8);
  const Fp e28 = mul(sqr_times(e24, 4), e4);
  const Fp e30 = mul(sqr_times(e28, 2), e2);
  const Fp e31 = mul(sqr(e30), a);
  const Fp e32 = mul(sqr(e31), a);
  Fp out = mul(sqr_times(e31, 33), e32);
  for (int i = 0; i < 3; ++i) out = mul(sqr_times(out, 32), e32);
  out = mul(sqr_times(out, 64), e32);
  out = mul(sqr_times(out, 30), e30);
  return mul(sqr_times(out, 2), a);
}

MIFENG_INLINE Fp from_bytes(const std::uint8_t* big_endian) {
  Fp out;
  for (int i = 0; i < 4; ++i) {
    std::uint64_t word;
    __builtin_memcpy(&word, big_endian + 8 * (3 - i), 8);
    out.limb[i] = __builtin_bswap64(word);
  }
  return mul(out, kRSquared);
}

MIFENG_INLINE void to_bytes(const Fp& a, std::uint8_t* big_endian) {
  const Fp plain = mul(a, Fp{{1, 0, 0, 0}});
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t word = __builtin_bswap64(plain.limb[i]);
    __builtin_memcpy(big_endian + 8 * (3 - i), &word, 8);
  }
}

}  // namespace
}  // namespace mifeng::crypto::sm2
