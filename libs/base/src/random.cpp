#include "mifeng/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace mifeng {

std::string Random::hex(std::size_t bytes) {
  std::string text(2 * bytes, '0');
  // Into the second half, spelt out from the front.
  auto* const raw = reinterpret_cast<std::uint8_t*>(text.data()) + bytes;
  fill({raw, bytes});
  static constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::uint8_t byte = raw[i];
    text[2 * i] = kDigits[byte >> 4];
    text[2 * i + 1] = kDigits[byte & 15];
  }
  return text;
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

void BufferedRandom::fill(MutableBytes out) {
  const auto waiting = waiting_.reveal_for_writing();
  if (out.size() > waiting.size()) return SystemRandom().fill(out);
  if (out.size() > left_) {
    SystemRandom().fill(waiting);
    left_ = waiting.size();
  }
  const auto from = waiting.subspan(waiting.size() - left_, out.size());
  if (!out.empty()) std::memcpy(out.data(), from.data(), out.size());
  wipe(from.data(), from.size());
  left_ -= out.size();
}

}  // namespace mifeng
