// Run under valgrind, which is told that keys, texts and tags are undefined: it reports every branch and every address
// that depends on one. Its processor has AVX2 and AES-NI at most, so the tiers above are not shown by this: the output
// names them. Each tier below that this machine has must have run.
#include <valgrind/memcheck.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "machine_flags.h"
#include "mifeng/crypto/sm4_gcm.h"

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

// The same in pieces, and opening. verify() says whether the tag fits, which is for all to see; what comes before that
// is looked at here, and the comparison below.
void seal_and_open_in_pieces(Sm4GcmProvider& provider, std::size_t size, std::size_t piece) {
  std::array<std::uint8_t, kSm4KeySize> key{};
  std::vector<std::uint8_t> text(size, 1);
  VALGRIND_MAKE_MEM_UNDEFINED(key.data(), key.size());
  VALGRIND_MAKE_MEM_UNDEFINED(text.data(), text.size());
  const std::array<std::uint8_t, kGcmNonceSize> nonce{};
  std::array<std::uint8_t, kGcmTagSize> tag;
  const auto cipher = provider.cipher(key).value();
  const auto stream = cipher->stream().value();
  const auto each_piece = [&](auto&& crypt) {
    for (std::size_t at = 0; at < size; at += piece) crypt(MutableBytes(text).subspan(at, std::min(piece, size - at)));
  };
  stream->begin(nonce, as_bytes("additional"), 0);
  each_piece([&](MutableBytes part) { stream->seal(part, part); });
  stream->finish(tag);
  stream->begin(nonce, as_bytes("additional"), size);
  each_piece([&](MutableBytes part) { stream->open_unverified(part, part); });
}

// What open() does with the tag, down to its answer.
void compare_tags() {
  std::array<std::uint8_t, kGcmTagSize> made{};
  std::array<std::uint8_t, kGcmTagSize> arrived{};
  VALGRIND_MAKE_MEM_UNDEFINED(made.data(), made.size());
  VALGRIND_MAKE_MEM_UNDEFINED(arrived.data(), arrived.size());
  [[maybe_unused]] volatile bool fits = equal_in_constant_time(made, arrived);
}

// Whether the machine has the instructions of a tier that valgrind knows.
bool machine_has(Sm4Tier tier) {
  const auto has = machine_has_flag;
  switch (tier) {
    case Sm4Tier::kPortable: return true;
    case Sm4Tier::kAesSsse3: return has("aes") && has("pclmulqdq") && has("ssse3");
    case Sm4Tier::kAesAvx2: return has("aes") && has("pclmulqdq") && has("avx2");
    default: return false;  // not in valgrind 3.19
  }
}

int check() {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("this proves nothing without valgrind");
    return 1;
  }
  compare_tags();
  bool all_ran = true;
  for (const Sm4Tier tier : kSm4Tiers) {
    if (!is_supported(tier)) {
      std::printf("%s: %s\n", to_string(tier),
                  machine_has(tier) ? "did not run, though this machine has it"
                                    : "not shown: this machine lacks its instructions, or valgrind does not know them");
      all_ran = all_ran && !machine_has(tier);
      continue;
    }
    const auto provider = Sm4GcmProvider::create(tier).value();
    for (const std::size_t size : {0U, 5U, 100U, 1024U, 5000U, 20'000U}) seal(*provider, size);
    for (const std::size_t piece : {7U, 1000U, 20'000U}) seal_and_open_in_pieces(*provider, 20'000, piece);
    std::printf("%s: %u\n", to_string(tier), static_cast<unsigned>(VALGRIND_COUNT_ERRORS));
  }
  // That it would find one: a branch on a secret, which counts as an error of valgrind's.
  const auto errors = VALGRIND_COUNT_ERRORS;
  volatile std::uint8_t secret = 1;
  VALGRIND_MAKE_MEM_UNDEFINED(&secret, 1);
  if (secret == 2) std::puts("");
  const bool found = VALGRIND_COUNT_ERRORS == errors + 1;
  return errors == 0 && found && all_ran ? 0 : 1;
}

}  // namespace
}  // namespace mifeng::crypto::sm4

int main() { return mifeng::crypto::sm4::check(); }
