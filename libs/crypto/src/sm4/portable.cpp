// SM4 and GHASH for any processor, in constant time: bit slices and masks, no table.
//
// A plane holds one bit of each byte of a word in many blocks, so that the S-box is a circuit of XOR and AND over
// planes (in the tower field of algebra.h), and a rotation by whole bytes one of the plane.
#include "sm4/constants.h"

namespace mifeng::crypto::sm4 {
namespace {

// Two times 16 blocks: bit 16 j + b of a half belongs to byte j, the highest first, of block b of that half.
typedef std::uint64_t Plane __attribute__((vector_size(16)));
constexpr std::size_t kHalves = sizeof(Plane) / sizeof(std::uint64_t);
constexpr std::size_t kBatch = 16 * kHalves;

// ---- The S-box ----

// An element of the next larger field over T; see TowerField.
template <typename T>
struct Pair {
  T high, low;
};
using Gf4 = Pair<Plane>;
using Gf16 = Pair<Gf4>;
using Gf256 = Pair<Gf16>;

inline Plane sum(const Plane& a, const Plane& b) { return a ^ b; }
inline Plane product(const Plane& a, const Plane& b) { return a & b; }
inline Plane square(const Plane& a) { return a; }
// Times what the square of the next level's generator has beside the generator: 1, w, wz.
inline Plane scaled(const Plane& a) { return a; }
inline Gf4 scaled(const Gf4& a) { return {a.high ^ a.low, a.high}; }
template <typename T>
inline Pair<T> sum(const Pair<T>& a, const Pair<T>& b) {
  return {sum(a.high, b.high), sum(a.low, b.low)};
}
inline Gf16 scaled(const Gf16& a) { return {scaled(sum(a.high, a.low)), scaled(scaled(a.high))}; }
template <typename T>
inline Pair<T> product(const Pair<T>& a, const Pair<T>& b) {
  const T low = product(a.low, b.low);
  return {sum(product(sum(a.high, a.low), sum(b.high, b.low)), low), sum(low, scaled(product(a.high, b.high)))};
}
template <typename T>
inline Pair<T> square(const Pair<T>& a) {
  const T high = square(a.high);
  return {high, sum(square(a.low), scaled(high))};
}
inline Gf4 reciprocal(const Gf4& a) { return square(a); }
// By the norm, which lies in the smaller field.
template <typename T>
inline Pair<Pair<T>> reciprocal(const Pair<Pair<T>>& a) {
  const Pair<T> both = sum(a.high, a.low);
  const Pair<T> norm = reciprocal(sum(product(a.low, both), scaled(square(a.high))));
  return {product(a.high, norm), product(both, norm)};
}

struct Planes {
  Plane bit[8];
};

template <bool kIsOut>
inline Planes mapped(const Planes& x) {
  constexpr Affine kAffine = kIsOut ? kOut<TowerField> : kIn<TowerField>;
  Planes y;
#pragma GCC unroll 8
  for (unsigned row = 0; row < 8; ++row) {
    Plane bit = Plane{} - (kAffine.constant >> row & 1);
#pragma GCC unroll 8
    for (unsigned from = 0; from < 8; ++from)
      if ((kAffine.map.image[from] >> row & 1) != 0) bit ^= x.bit[from];
    y.bit[row] = bit;
  }
  return y;
}

inline Planes substituted(const Planes& x) {
  const Planes t = mapped<false>(x);
  const Gf256 y =
      reciprocal(Gf256{{{t.bit[7], t.bit[6]}, {t.bit[5], t.bit[4]}}, {{t.bit[3], t.bit[2]}, {t.bit[1], t.bit[0]}}});
  return mapped<true>({y.low.low.low, y.low.low.high, y.low.high.low, y.low.high.high, y.high.low.low, y.high.low.high,
                       y.high.high.low, y.high.high.high});
}

// ---- Words and planes ----

// Bytes 3 2 1 0 to every second byte, and back.
std::uint64_t spread(std::uint64_t word) {
  word = (word | word << 16) & 0x0000ffff0000ffff;
  return (word | word << 8) & 0x00ff00ff00ff00ff;
}
std::uint32_t gathered(std::uint64_t word) {
  word &= 0x00ff00ff00ff00ff;
  word = (word | word >> 8) & 0x0000ffff0000ffff;
  return static_cast<std::uint32_t>(word | word >> 16);
}

// Eight times eight bits in each byte: bit i of word k and bit k of word i change places.
void transpose(std::uint64_t (&words)[8]) {
  constexpr std::uint64_t kMasks[3] = {0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f};
  for (unsigned level = 0; level < 3; ++level) {
    const unsigned distance = 1U << level;
    for (unsigned i = 0; i < 8; ++i) {
      if ((i & distance) != 0) continue;
      const std::uint64_t difference = (words[i] >> distance ^ words[i + distance]) & kMasks[level];
      words[i + distance] ^= difference;
      words[i] ^= difference << distance;
    }
  }
}

// word(i) for each block i.
template <typename Word>
Planes planes_of(Word word) {
  Planes planes;
  for (std::size_t half = 0; half < kHalves; ++half) {
    std::uint64_t words[8];
    for (unsigned i = 0; i < 8; ++i)
      words[i] = spread(__builtin_bswap32(word(16 * half + i))) | spread(__builtin_bswap32(word(16 * half + i + 8)))
                                                                      << 8;
    transpose(words);
    for (unsigned i = 0; i < 8; ++i) planes.bit[i][half] = words[i];
  }
  return planes;
}

template <typename Take>
void words_of(const Planes& planes, Take take) {
  for (std::size_t half = 0; half < kHalves; ++half) {
    std::uint64_t words[8];
    for (unsigned i = 0; i < 8; ++i) words[i] = planes.bit[i][half];
    transpose(words);
    for (unsigned i = 0; i < 8; ++i) {
      take(16 * half + i, __builtin_bswap32(gathered(words[i])));
      take(16 * half + i + 8, __builtin_bswap32(gathered(words[i] >> 8)));
    }
  }
}

std::uint32_t big_endian_32(const std::uint8_t* from) {
  return static_cast<std::uint32_t>(from[0]) << 24 | static_cast<std::uint32_t>(from[1]) << 16 |
         static_cast<std::uint32_t>(from[2]) << 8 | from[3];
}

// ---- SM4 ----

// The byte below: byte j + 1 where byte j was.
inline Plane next(const Plane& plane) { return plane >> 16 | plane << 48; }

// Clause 6.1 and 6.2: x0 ^= L(S(x1 ^ x2 ^ x3 ^ rk)).
void round(Planes& x0, const Planes& x1, const Planes& x2, const Planes& x3, const std::uint64_t* round_key) {
  Planes t;
  for (unsigned i = 0; i < 8; ++i) t.bit[i] = x1.bit[i] ^ x2.bit[i] ^ x3.bit[i] ^ round_key[i];
  const Planes b = substituted(t);
  // B ^ (B <<< 24), and (B ^ (B <<< 8) ^ (B <<< 16)) <<< 2, whose upper two bits go to the byte above.
  Planes three;
  for (unsigned i = 0; i < 8; ++i) {
    const Plane by_8 = next(b.bit[i]);
    const Plane by_16 = next(by_8);
    three.bit[i] = b.bit[i] ^ by_8 ^ by_16;
    x0.bit[i] ^= b.bit[i] ^ next(by_16);
  }
  for (unsigned i = 0; i < 6; ++i) x0.bit[i + 2] ^= three.bit[i];
  for (unsigned i = 6; i < 8; ++i) x0.bit[i - 6] ^= next(three.bit[i]);
}

// Clause 7.3. A round key is stored as its eight planes, the same for every block.
void expand_key(const std::uint8_t* key, std::uint8_t* round_keys) {
  std::uint32_t k[4];
  for (unsigned i = 0; i < 4; ++i) k[i] = big_endian_32(key + 4 * i) ^ kFk[i];
  for (unsigned i = 0; i < kRounds; ++i) {
    const std::uint32_t t = k[(i + 1) % 4] ^ k[(i + 2) % 4] ^ k[(i + 3) % 4] ^ kCk.ck[i];
    std::uint32_t b = 0;
    words_of(substituted(planes_of([&](std::size_t) { return t; })),
             [&](std::size_t, std::uint32_t word) { b = word; });
    const std::uint32_t rk = k[i % 4] ^= b ^ (b << 13 | b >> 19) ^ (b << 23 | b >> 9);
    const Planes planes = planes_of([&](std::size_t) { return rk; });
    for (unsigned bit = 0; bit < 8; ++bit)
      __builtin_memcpy(round_keys + 8 * (8 * i + bit), &planes.bit[bit], sizeof(std::uint64_t));
  }
}

void key_stream_batch(const std::uint8_t* round_keys, const std::uint8_t* nonce, std::uint32_t counter,
                      bool with_hash_key, std::uint8_t* out) {
  Planes x[4];
  for (unsigned i = 0; i < 3; ++i)
    x[i] = planes_of([&](std::size_t block) { return with_hash_key && block == 0 ? 0 : big_endian_32(nonce + 4 * i); });
  x[3] = planes_of(
      [&](std::size_t block) { return with_hash_key && block == 0 ? 0 : counter + static_cast<std::uint32_t>(block); });
  for (unsigned i = 0; i < kRounds; ++i) {
    std::uint64_t round_key[8];
    __builtin_memcpy(round_key, round_keys + sizeof round_key * i, sizeof round_key);
    round(x[i % 4], x[(i + 1) % 4], x[(i + 2) % 4], x[(i + 3) % 4], round_key);
  }
  for (unsigned i = 0; i < 4; ++i)
    words_of(x[3 - i], [&](std::size_t block, std::uint32_t word) {
      std::uint8_t* to = out + kBlock * block + 4 * i;
      for (int j = 0; j < 4; ++j) to[j] = static_cast<std::uint8_t>(word >> (24 - 8 * j));
    });
}

void key_stream(const std::uint8_t* round_keys, const std::uint8_t* nonce, std::uint32_t counter, bool with_hash_key,
                std::uint8_t* out, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i)
    key_stream_batch(round_keys, nonce, counter + static_cast<std::uint32_t>(i * kBatch), with_hash_key && i == 0,
                     out + i * kBatch * kBlock);
}

// ---- GHASH ----

std::uint64_t bits_reversed(std::uint64_t x) {
  x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
  x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
  x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
  return __builtin_bswap64(x);
}

// A factor in four parts of every fourth bit. In the product of two parts at most 16 ones meet at one bit, and 16 only
// at the top: no carry reaches the next bit that counts.
struct Parts {
  static constexpr std::uint64_t kEveryFourth = 0x1111111111111111;
  std::uint64_t part[4];
  explicit Parts(std::uint64_t x) {
    for (unsigned i = 0; i < 4; ++i) part[i] = x & kEveryFourth << i;
  }
};

// The lower 64 bits of the product without carries.
inline std::uint64_t low_product(const Parts& a, const Parts& b) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 4; ++i) {
    std::uint64_t bits = 0;
    for (unsigned j = 0; j < 4; ++j) bits ^= a.part[j] * b.part[(i - j) % 4];
    sum |= bits & Parts::kEveryFourth << i;
  }
  return sum;
}

// And of the product that all bits reversed have, which is the upper half reversed.
struct Factor {
  Parts forward, backward;
  explicit Factor(std::uint64_t x) : forward(x), backward(bits_reversed(x)) {}
};
struct Wide {
  std::uint64_t low, high;
};
inline Wide product(const Factor& a, const Factor& b) {
  return {low_product(a.forward, b.forward), bits_reversed(low_product(a.backward, b.backward)) >> 1};
}

std::uint64_t big_endian_64(const std::uint8_t* from) {
  return static_cast<std::uint64_t>(big_endian_32(from)) << 32 | big_endian_32(from + 4);
}
std::uint64_t little_endian_64(const std::uint8_t* from) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(from[i]) << (8 * i);
  return value;
}

// Adds the multiple of x^128 + x^127 + x^126 + x^121 + 1 that makes `lowest` zero.
inline void reduce(std::uint64_t lowest, std::uint64_t& next, std::uint64_t& after) {
  next ^= lowest << 63 ^ lowest << 62 ^ lowest << 57;
  after ^= lowest ^ lowest >> 1 ^ lowest >> 2 ^ lowest >> 7;
}

void hash(Powers powers, std::uint8_t* state, const std::uint8_t* data, std::size_t blocks) {
  const std::uint64_t h_low = little_endian_64(powers.end - 16);
  const std::uint64_t h_high = little_endian_64(powers.end - 8);
  const Factor low_factor(h_low);
  const Factor high_factor(h_high);
  const Factor both_factor(h_low ^ h_high);
  std::uint64_t low = little_endian_64(state);
  std::uint64_t high = little_endian_64(state + 8);
  for (; blocks != 0; --blocks, data += kBlock) {
    low ^= big_endian_64(data + 8);
    high ^= big_endian_64(data);
    Wide bottom = product(Factor(low), low_factor);
    Wide top = product(Factor(high), high_factor);
    const Wide middle = product(Factor(low ^ high), both_factor);
    const Wide low_and_high = {bottom.low ^ top.low, bottom.high ^ top.high};
    bottom.high ^= middle.low ^ low_and_high.low;
    top.low ^= middle.high ^ low_and_high.high;
    reduce(bottom.low, bottom.high, top.low);
    reduce(bottom.high, top.low, top.high);
    low = top.low;
    high = top.high;
  }
  for (unsigned i = 0; i < 8; ++i) {
    state[i] = static_cast<std::uint8_t>(low >> (8 * i));
    state[8 + i] = static_cast<std::uint8_t>(high >> (8 * i));
  }
}

}  // namespace

const Kernel kPortable = {
    .tier = Sm4Tier::kPortable,
    .batch = kBatch,
    .key_bytes = kRounds * 8 * sizeof(std::uint64_t),
    .has_powers = false,
    .expand_key = expand_key,
    .key_stream = key_stream,
    .double_powers = nullptr,
    .hash = hash,
    .seal_passes = nullptr,
    .open_passes = nullptr,
};

}  // namespace mifeng::crypto::sm4
