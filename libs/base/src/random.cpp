#include "mifeng/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace mifeng {

std::string Random::hex(std::size_t bytes) {
  Bytes buffer(bytes);
  fill(buffer);
  return to_hex(buffer);
}

void SystemRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace mifeng
