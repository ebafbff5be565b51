// GHASH (SP 800-38D clause 6.4) with carry-less multiplication, for x86 kernels; included as sliced.h is.
//
// GHASH's field numbers its bits backwards. With the bytes of a block reversed and H multiplied by x it becomes
// POLYVAL's (RFC 8452 appendix A), modulo x^128 + x^127 + x^126 + x^121 + 1, where the product of a and b is meant to
// be a b x^-128: no bit has to be moved, and a reduction adds multiples of the polynomial until the low half is zero.
// Products are summed before they are reduced, once for as many blocks as there are powers of H.
#pragma once

#include <immintrin.h>

#include "sm4/kernel.h"

namespace mifeng::crypto::sm4 {
namespace {

// A vector of 128-bit elements of the field: Field has its width and instructions.
template <typename Field>
struct Product {
  using V = typename Field::V;
  V low, middle, high;

  // Written out here and below: what the compiler adds by itself does not get the target's instructions.
  MIFENG_INLINE Product() : low(Field::zero()), middle(Field::zero()), high(Field::zero()) {}
  MIFENG_INLINE void add(V a, V b) {
    low = Field::add(low, Field::template multiply<0x00>(a, b));
    high = Field::add(high, Field::template multiply<0x11>(a, b));
    middle = Field::add(middle, Field::template multiply<0x01>(a, b), Field::template multiply<0x10>(a, b));
  }
  // The middle into the two others.
  MIFENG_INLINE void close() {
    low = Field::add(low, Field::shifted_up(middle));
    high = Field::add(high, Field::shifted_down(middle));
  }
  // Twice: the lowest 64 bits times the polynomial, whose lowest bit makes them zero, and on to the next 64.
  MIFENG_INLINE V reduced() const {
    const V polynomial = Field::all(0xc200000000000000);  // x^127 + x^126 + x^121
    V value = low;
    value = Field::add(Field::swapped(value), Field::template multiply<0x00>(value, polynomial));
    value = Field::add(Field::swapped(value), Field::template multiply<0x00>(value, polynomial));
    return Field::add(value, high);
  }
};

template <typename Field>
MIFENG_INLINE typename Field::V product(typename Field::V a, typename Field::V b) {
  Product<Field> product;
  product.add(a, b);
  product.close();
  return product.reduced();
}

// A sum of products that begins with the state: start(), absorb() each vector of blocks with its powers, finish().
template <typename Field, typename Single>
struct Hash {
  static constexpr std::size_t kBytes = sizeof(typename Field::V);
  Product<Field> sum;
  typename Field::V state;  // to be added to the first blocks

  MIFENG_INLINE Hash() : state(Field::zero()) {}
  MIFENG_INLINE void start(const std::uint8_t* from) {
    sum = Product<Field>();
    state = Field::first_only(Single::load(from));
  }
  MIFENG_INLINE void absorb(const std::uint8_t* data, const std::uint8_t* powers) {
    sum.add(Field::add(Field::reversed(Field::load(data)), state), Field::load(powers));
    state = Field::zero();
  }
  // What the lanes of the vector have in common: a sum of single products.
  MIFENG_INLINE Product<Single> folded() {
    sum.close();
    Product<Single> folded;
    folded.low = Field::lanes_summed(sum.low);
    folded.high = Field::lanes_summed(sum.high);
    return folded;
  }
  MIFENG_INLINE void finish(std::uint8_t* to) { Single::store(to, folded().reduced()); }
};

template <typename Field, typename Single>
void hash_blocks(Powers powers, std::uint8_t* state, const std::uint8_t* data, std::size_t blocks) {
  constexpr std::size_t kStep = sizeof(typename Field::V);
  while (blocks != 0) {
    const std::size_t now = blocks < powers.count ? blocks : powers.count;
    const std::uint8_t* power = powers.end - now * kBlock;
    const std::uint8_t* end = data + now * kBlock;
    Hash<Single, Single> singles;
    singles.start(state);
    // First what is no whole vector, then the vectors.
    for (; static_cast<std::size_t>(end - data) % kStep != 0; data += kBlock, power += kBlock)
      singles.absorb(data, power);
    Hash<Field, Single> vectors;
    vectors.state = Field::first_only(singles.state);
    for (; data != end; data += kStep, power += kStep) vectors.absorb(data, power);
    Product<Single> sum = vectors.folded();
    singles.sum.close();
    sum.low = Single::add(sum.low, singles.sum.low);
    sum.high = Single::add(sum.high, singles.sum.high);
    Single::store(state, sum.reduced());
    blocks -= now;
  }
}

template <typename Field, typename Single>
void double_powers(Powers powers) {
  const std::size_t bytes = powers.count * kBlock;
  const std::uint8_t* highest = powers.end - bytes;
  const auto factor = Single::load(highest);
  constexpr std::size_t kStep = sizeof(typename Field::V);
  std::size_t at = 0;
  if (bytes % kStep == 0)
    for (; at < bytes; at += kStep)
      Field::store(powers.end - 2 * bytes + at, product<Field>(Field::load(highest + at), Field::repeated(factor)));
  for (; at < bytes; at += kBlock)
    Single::store(powers.end - 2 * bytes + at, product<Single>(Single::load(highest + at), factor));
}

}  // namespace
}  // namespace mifeng::crypto::sm4
