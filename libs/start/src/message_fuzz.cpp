#include <cstdint>
#include <cstdlib>

#include "mifeng/start/message.h"

// What was taken is spelt in one way only.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto message = mifeng::start::decode(text); message && mifeng::start::encode(*message) != text)
    std::abort();
  return 0;
}
