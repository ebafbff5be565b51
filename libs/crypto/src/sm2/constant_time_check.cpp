// Run under valgrind, which is told that private keys and nonces are undefined: it reports every branch and every
// address of signing and decrypting that depends on one.
#include <valgrind/memcheck.h>

#include <algorithm>
#include <cstdio>

#include "machine_flags.h"
#include "mifeng/base/bytes.h"
#include "sm2/order.h"
#include "sm2/protocol.h"

namespace mifeng::crypto::sm2 {
namespace {

void hide(Scalar& secret) { VALGRIND_MAKE_MEM_UNDEFINED(secret.data(), secret.size()); }

void sign(const Kernel& kernel) {
  Scalar scalar{1, 2, 3};
  Scalar nonce{4, 5, 6};
  Scalar inverse{};
  hide(scalar);
  hide(nonce);
  invert_one_plus(scalar, inverse);
  bool in_range = is_in_range(nonce.data());
  VALGRIND_MAKE_MEM_DEFINED(&in_range, sizeof in_range);
  Sm2SignatureParts parts;
  bool is_good = sign_with_nonce(kernel, inverse, Sm3Digest{7}, nonce, parts);
  // Whether another nonce is drawn shows, and the signature is for all.
  VALGRIND_MAKE_MEM_DEFINED(&is_good, sizeof is_good);
  if (!in_range || !is_good) std::puts("no signature");
}

// Whether C3 fits is for all to see; what comes before that is looked at.
void decrypt(const Kernel& kernel, std::size_t size) {
  const Scalar k{9, 9};
  std::array<std::uint8_t, 64> point{};
  kernel.multiply_base(k.data(), point.data());
  Sm2CiphertextParts parts;
  std::copy_n(point.begin(), 32, parts.x.begin());
  std::copy_n(point.begin() + 32, 32, parts.y.begin());
  const Bytes c2(size, 1);
  const Sm3Digest c3{};
  parts.c2 = c2;
  parts.c3 = c3;
  Bytes out(size);
  Scalar scalar{1, 2, 3};
  hide(scalar);
  bool fits = decrypt_unwiped(kernel, scalar, parts, out);
  VALGRIND_MAKE_MEM_DEFINED(&fits, sizeof fits);
  if (fits) std::puts("a C3 of zeros fits");
}

int check() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("this proves nothing without valgrind");
    return 1;
  }
  if (!is_supported(Sm2Tier::kMulx)) {
    const bool machine_has = machine_has_flag("bmi2") && machine_has_flag("avx2");
    std::puts(machine_has ? "mulx: did not run, though this machine has it"
                          : "mulx: not shown, and not used: this machine lacks its instructions");
    return machine_has ? 1 : 0;
  }
  const Kernel& kernel = *kernel_of(Sm2Tier::kMulx);
  sign(kernel);
  for (const std::size_t size : {1U, 32U, 100U}) decrypt(kernel, size);
  const auto errors = VALGRIND_COUNT_ERRORS;
  std::printf("mulx: %u\n", static_cast<unsigned>(errors));
  // That it would find one.
  volatile std::uint8_t secret = 1;
  VALGRIND_MAKE_MEM_UNDEFINED(&secret, 1);
  if (secret == 2) std::puts("");
  return errors == 0 && VALGRIND_COUNT_ERRORS == errors + 1 ? 0 : 1;
}

}  // namespace
}  // namespace mifeng::crypto::sm2

int main() { return mifeng::crypto::sm2::check(); }
