// Run under valgrind, which is told that keys and texts are undefined: it reports every branch and every address that
// depends on one. Its processor has AVX2 and AES-NI at most, so the tiers above are not shown by this.
#include <valgrind/memcheck.h>

#include <array>
#include <cstdio>
#include <vector>

#include "sm4/kernel.h"

namespace mifeng::crypto::sm4 {
namespace {

void seal(Sm4GcmProvider& provider, std::size_t size) {
  std::array<std::uint8_t, kSm4KeySize> key{};
  std::vector<std::uint8_t> text(size, 1);
  VALGRIND_MAKE_MEM_UNDEFINED(key.data(), key.size());
  VALGRIND_MAKE_MEM_UNDEFINED(text.data(), text.size());
  const std::array<std::uint8_t, kGcmNonceSize> nonce{};
  std::array<std::uint8_t, kGcmTagSize> tag;
  const auto cipher = provider.cipher(key).value();
  cipher->seal(nonce, as_bytes("additional"), text, text, tag);
}

// open() says whether the tag fits, which is for all to see; what it does before that is the same but for this.
void open_passes(const Kernel& kernel) {
  if (kernel.open_passes == nullptr) return;
  const std::array<std::uint8_t, kSm4KeySize> key{};
  const std::array<std::uint8_t, kGcmNonceSize> nonce{};
  std::vector<std::uint8_t> round_keys(kernel.key_bytes);
  std::vector<std::uint8_t> memory(kernel.batch * kBlock, 3);
  std::vector<std::uint8_t> text(4 * kernel.batch * kBlock, 1);
  std::array<std::uint8_t, kBlock> state{};
  kernel.expand_key(key.data(), round_keys.data());
  for (auto* secret : {&round_keys, &memory, &text}) VALGRIND_MAKE_MEM_UNDEFINED(secret->data(), secret->size());
  kernel.open_passes(round_keys.data(), {memory.data() + memory.size(), kernel.batch}, state.data(), nonce.data(), 2,
                     text.data(), text.data(), 2);
}

int check() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("this proves nothing without valgrind");
    return 1;
  }
  int ran = 0;
  for (const Sm4Tier tier : kSm4Tiers) {
    if (!is_supported(tier)) {
      std::printf("%s: not on valgrind's processor\n", to_string(tier));
      continue;
    }
    const auto provider = Sm4GcmProvider::create(tier).value();
    for (const std::size_t size : {0U, 5U, 100U, 1024U, 5000U, 20'000U}) seal(*provider, size);
    open_passes(kernel_of(tier));
    std::printf("%s: %u\n", to_string(tier), static_cast<unsigned>(VALGRIND_COUNT_ERRORS));
    ++ran;
  }
  // That it would find one: a branch on a secret, which counts as an error of valgrind's.
  const auto errors = VALGRIND_COUNT_ERRORS;
  volatile std::uint8_t secret = 1;
  VALGRIND_MAKE_MEM_UNDEFINED(&secret, 1);
  if (secret == 2) std::puts("");
  const bool found = VALGRIND_COUNT_ERRORS == errors + 1;
  return errors == 0 && found && ran >= 2 ? 0 : 1;
}

}  // namespace
}  // namespace mifeng::crypto::sm4

int main() { return mifeng::crypto::sm4::check(); }
