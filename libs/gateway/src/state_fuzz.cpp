#include "mifeng/gateway/state.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng;
  static SystemRandom random;
  static const auto provider = crypto::Sm4GcmProvider::create().value();
  static const auto wrapper =
      vault::Wrapper::create(SecretBytes(Bytes(32)), vault::WrapForm::kGateway, *provider, random).value();
  (void)gateway::decode_membership({data, size}, *wrapper);
  return 0;
}
