// Where randomness comes from; handed in through constructors, so that a test can repeat a run.
#pragma once

#include <string>

#include "mifeng/base/bytes.h"

namespace mifeng {

class Random {
 public:
  virtual ~Random() = default;
  // Fills the whole span with bytes fit for keys. Does not fail: a system without randomness ends the program.
  virtual void fill(MutableBytes out) = 0;

  // 2 * bytes lower-case hex digits; 16 bytes make a nonce or a request id of spec/sealed-format.md.
  std::string hex(std::size_t bytes);
};

// getrandom(2). Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes out) override;
};

}  // namespace mifeng
