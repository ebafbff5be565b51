// What parses must serialise, and read back as the same value.
#include <cstdlib>

#include "mifeng/json/value.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = mifeng::json::parse(mifeng::as_text({data, size}), {.bytes = 65536, .depth = 32, .values = 5000});
  if (!value) return 0;
  const auto again = mifeng::json::parse(mifeng::json::serialize(*value), {.bytes = 1 << 20});
  if (!again || !(*again == *value)) std::abort();
  return 0;
}
