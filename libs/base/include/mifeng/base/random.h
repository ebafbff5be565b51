// Where randomness comes from; handed in through constructors, so that a test can repeat a run.
#pragma once

#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/secret.h"

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

// The same bytes asked for 1 KiB at a time, since a system call costs more than a request id. What waits lies in secret
// memory, and nothing of it is left once it was handed out. One thread at a time, and made after the fork: two
// processes with one of these would draw the same.
class BufferedRandom final : public Random {
 public:
  void fill(MutableBytes out) override;

 private:
  Secret<1024> waiting_;
  std::size_t left_ = 0;  // bytes at the end of waiting_ that were not handed out
};

}  // namespace mifeng
