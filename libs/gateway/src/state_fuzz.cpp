#include "mifeng/gateway/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  static SystemRandom random;
  static const auto provider = crypto::Sm4GcmProvider::create().value();
  const messages::Tools tools{random, *provider};
  (void)gateway::decode_membership({data, size}, Secret<32>(), tools);
  return 0;
}
