// The powers of H that a key has: as many as its messages were long enough to pay for.
#pragma once

#include <cstring>

#include "mifeng/base/secret.h"
#include "sm4/kernel.h"

namespace mifeng::crypto::sm4 {

class HashKey {
 public:
  explicit HashKey(const Kernel& kernel) : kernel_(kernel), few_(kBlock * (kernel.has_powers ? kFewPowers : 1)) {}

  // H, the encrypted block of zeros (SP 800-38D clause 6.4), as a factor in POLYVAL's field: its bytes reversed, times
  // x (RFC 8452 appendix A).
  void set(const std::uint8_t* h) {
    const std::uint64_t high = load_be<std::uint64_t>({h, 8});
    const std::uint64_t low = load_be<std::uint64_t>({h + 8, 8});
    const std::uint64_t overflow = 0 - (high >> 63);
    std::uint64_t words[2] = {low << 1 ^ (overflow & 1), (high << 1 | low >> 63) ^ (overflow & 0xc200000000000000)};
    std::uint8_t* to = few().end - kBlock;
    for (int i = 0; i < 16; ++i) to[i] = static_cast<std::uint8_t>(words[i / 8] >> (i % 8 * 8));
    wipe(words, sizeof words);
    count_ = 1;
  }
  bool is_set() const { return count_ != 0; }

  // As many as pay for `blocks` blocks, or more that are there already.
  Powers for_blocks(std::size_t blocks) { return has_those_for_passes() ? for_passes() : few_for(blocks); }
  // As many as a batch has blocks.
  Powers for_passes() {
    const std::size_t wanted = kernel_.batch;
    if (wanted <= kFewPowers) return few_for(wanted);
    if (many_.empty()) {
      many_ = SecretBytes(kBlock * wanted);
      Powers powers{many_.reveal_for_writing().data() + many_.size(), kFewPowers};
      const Powers known = few_for(powers.count);
      std::memcpy(powers.end - kBlock * powers.count, known.end - kBlock * powers.count, kBlock * powers.count);
      for (; powers.count < wanted; powers.count *= 2) kernel_.double_powers(powers);
    }
    return {many_.reveal_for_writing().data() + many_.size(), wanted};
  }
  // Whether for_passes() has nothing left to make.
  bool has_those_for_passes() const { return kernel_.batch <= kFewPowers ? count_ >= kernel_.batch : !many_.empty(); }

 private:
  // At most kFewPowers, more than before only if `blocks` pay for them.
  Powers few_for(std::size_t blocks) {
    while (kernel_.has_powers && count_ < kFewPowers && count_ < blocks) {
      kernel_.double_powers(few());
      count_ *= 2;
    }
    return few();
  }
  Powers few() { return {few_.reveal_for_writing().data() + few_.size(), count_}; }

  const Kernel& kernel_;
  SecretBytes few_;
  SecretBytes many_;
  std::size_t count_ = 0;
};

}  // namespace mifeng::crypto::sm4
