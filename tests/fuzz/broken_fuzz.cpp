// A target with a mistake that only one input meets, so that test_replay.py can see it found: changed bytes of other
// files do not come to it by chance.
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (std::string_view(reinterpret_cast<const char*>(data), size) == "what was found in the night") std::abort();
  return 0;
}
