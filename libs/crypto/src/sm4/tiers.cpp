// Which of the kernels this processor can run.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "mifeng/crypto/sm4_gcm.h"
#include "sm4/kernel.h"

namespace mifeng::crypto {
#if defined(__x86_64__)
namespace {

// clang 14's builtin does not know it.
bool has_vaes() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c & bit_VAES) != 0;
}

}  // namespace
#endif

const char* to_string(Sm4Tier tier) {
  switch (tier) {
    case Sm4Tier::kPortable: return "portable";
    case Sm4Tier::kAesSsse3: return "aes-ssse3";
    case Sm4Tier::kAesAvx2: return "aes-avx2";
    case Sm4Tier::kVaesAvx2: return "vaes-avx2";
    case Sm4Tier::kGfniAvx2: return "gfni-avx2";
    case Sm4Tier::kGfniAvx512: return "gfni-avx512";
  }
  return "?";
}

// What each kernel says in its MIFENG_TARGET; the compiler's builtin also asks whether the operating system saves the
// registers.
bool is_supported(Sm4Tier tier) {
#if defined(__x86_64__)
  const auto all = [](auto... has) { return (... && (has != 0)); };
  const bool aes = all(__builtin_cpu_supports("aes"), __builtin_cpu_supports("pclmul"));
  const bool avx2 = all(aes, __builtin_cpu_supports("avx2"));
  const bool wide = all(avx2, __builtin_cpu_supports("vpclmulqdq"));
  switch (tier) {
    case Sm4Tier::kPortable: return true;
    case Sm4Tier::kAesSsse3: return all(aes, __builtin_cpu_supports("ssse3"));
    case Sm4Tier::kAesAvx2: return avx2;
    case Sm4Tier::kVaesAvx2: return all(wide, has_vaes());
    case Sm4Tier::kGfniAvx2: return all(wide, __builtin_cpu_supports("gfni"));
    case Sm4Tier::kGfniAvx512:
      return all(wide, __builtin_cpu_supports("gfni"), __builtin_cpu_supports("avx512f"),
                 __builtin_cpu_supports("avx512bw"), __builtin_cpu_supports("avx512vl"));
  }
  return false;
#else
  return tier == Sm4Tier::kPortable;
#endif
}

Sm4Tier best_sm4_tier() {
  Sm4Tier best = Sm4Tier::kPortable;
  for (const Sm4Tier tier : kSm4Tiers)
    if (is_supported(tier)) best = tier;
  return best;
}

namespace sm4 {

const Kernel& kernel_of([[maybe_unused]] Sm4Tier tier) {
#if defined(__x86_64__)
  switch (tier) {
    case Sm4Tier::kPortable: return kPortable;
    case Sm4Tier::kAesSsse3: return kAesSsse3;
    case Sm4Tier::kAesAvx2: return kAesAvx2;
    case Sm4Tier::kVaesAvx2: return kVaesAvx2;
    case Sm4Tier::kGfniAvx2: return kGfniAvx2;
    case Sm4Tier::kGfniAvx512: return kGfniAvx512;
  }
#endif
  return kPortable;
}

}  // namespace sm4
}  // namespace mifeng::crypto
