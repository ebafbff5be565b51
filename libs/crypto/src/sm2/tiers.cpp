// Which of the ways to compute SM2 this processor has.
#include "mifeng/crypto/sm2.h"
#include "sm2/protocol.h"

namespace mifeng::crypto {

const char* to_string(Sm2Tier tier) {
  switch (tier) {
    case Sm2Tier::kOpenSsl: return "openssl";
    case Sm2Tier::kMulx: return "mulx";
  }
  return "?";
}

bool is_supported(Sm2Tier tier) {
#if defined(__x86_64__)
  if (tier == Sm2Tier::kMulx) return __builtin_cpu_supports("bmi2") != 0 && __builtin_cpu_supports("avx2") != 0;
#endif
  return tier == Sm2Tier::kOpenSsl;
}

Sm2Tier best_sm2_tier() {
  static const Sm2Tier best = is_supported(Sm2Tier::kMulx) ? Sm2Tier::kMulx : Sm2Tier::kOpenSsl;
  return best;
}

namespace sm2 {

const Kernel* kernel_of([[maybe_unused]] Sm2Tier tier) {
#if defined(__x86_64__)
  if (tier == Sm2Tier::kMulx) return &kMulx;
#endif
  return nullptr;
}

}  // namespace sm2
}  // namespace mifeng::crypto
