#include "mifeng/guard/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto facts = mifeng::guard::decode_image_facts({data, size});
  if (facts) (void)mifeng::guard::choose_card(*facts, std::nullopt);
  return 0;
}
