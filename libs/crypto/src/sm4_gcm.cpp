// GCM (NIST SP 800-38D) with SM4, over a kernel that fits the processor.
#include "mifeng/crypto/sm4_gcm.h"

#include <cassert>

#include "mifeng/base/guarded.h"
#include "mifeng/base/secret.h"
#include "sm4/hash_key.h"
#include "sm4/kernel.h"
#include "sm4/message.h"

namespace mifeng::crypto {
namespace {

// Ends a message that was opened: says whether the tag fits.
bool tag_fits(sm4::Message& message, ConstGcmTag tag) {
  std::uint8_t expected[kGcmTagSize];
  message.finish(expected);
  const bool fits = equal_in_constant_time(expected, tag);
  // What would have been the right tag is nothing to leave behind, either.
  wipe(expected, sizeof expected);
  return fits;
}

class KernelStream final : public Sm4GcmStream {
 public:
  KernelStream(const sm4::Kernel& kernel, const std::uint8_t* round_keys, sm4::HashKey& hash_key)
      : message_(kernel, round_keys, hash_key) {}

  void begin(GcmNonce nonce, ByteView additional, std::size_t expected) override {
    message_.begin(nonce, additional, expected);
    state_ = State::kBegun;
  }
  void seal(ByteView in, MutableBytes out) override {
    enter(State::kSealing);
    message_.crypt<true>(in, out);
  }
  void finish(GcmTag tag) override {
    enter(State::kSealing);
    message_.finish(tag);
    state_ = State::kIdle;
  }
  void open_unverified(ByteView in, MutableBytes out) override {
    enter(State::kOpening);
    message_.crypt<false>(in, out);
  }
  bool verify(ConstGcmTag tag) override {
    enter(State::kOpening);
    state_ = State::kIdle;
    return tag_fits(message_, tag);
  }

 private:
  enum class State { kIdle, kBegun, kSealing, kOpening };
  // Sealing and opening do not mix: finish() would give away the tag of a forged text.
  void enter(State state) {
    assert(state_ == State::kBegun || state_ == state);
    state_ = state;
  }

  sm4::Message message_;
  State state_ = State::kIdle;
};

class KernelCipher final : public Sm4GcmCipher {
 public:
  KernelCipher(const sm4::Kernel& kernel, Sm4Key key)
      : kernel_(kernel), round_keys_(kernel.key_bytes), hash_key_(kernel) {
    kernel_.expand_key(key.data(), round_keys_.reveal_for_writing().data());
  }

  void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) override {
    const GcmPiece piece{in, out};
    seal(nonce, additional, std::span(&piece, 1), tag);
  }
  bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, ConstGcmTag tag) override {
    const GcmPiece piece{in, out};
    return open(nonce, additional, std::span(&piece, 1), tag);
  }

  void seal(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces, GcmTag tag) override {
    sm4::Message message(kernel_, round_keys(), hash_key_);
    message.begin(nonce, additional, size_of(pieces));
    for (const GcmPiece& piece : pieces) message.crypt<true>(piece.in, piece.out);
    message.finish(tag);
  }
  bool open(GcmNonce nonce, ByteView additional, std::span<const GcmPiece> pieces, ConstGcmTag tag) override {
    sm4::Message message(kernel_, round_keys(), hash_key_);
    message.begin(nonce, additional, size_of(pieces));
    for (const GcmPiece& piece : pieces) message.crypt<false>(piece.in, piece.out);
    const bool fits = tag_fits(message, tag);
    if (!fits)
      for (const GcmPiece& piece : pieces) wipe(piece.out.data(), piece.out.size());
    return fits;
  }

  Result<std::unique_ptr<Sm4GcmStream>> stream() override {
    return guarded([&]() -> Result<std::unique_ptr<Sm4GcmStream>> {
      return std::unique_ptr<Sm4GcmStream>(std::make_unique<KernelStream>(kernel_, round_keys(), hash_key_));
    });
  }

 private:
  static std::size_t size_of(std::span<const GcmPiece> pieces) {
    std::size_t size = 0;
    for (const GcmPiece& piece : pieces) size += piece.in.size();
    return size;
  }
  const std::uint8_t* round_keys() const { return round_keys_.reveal_for_computing().data(); }

  const sm4::Kernel& kernel_;
  SecretBytes round_keys_;
  sm4::HashKey hash_key_;
};

class KernelProvider final : public Sm4GcmProvider {
 public:
  explicit KernelProvider(const sm4::Kernel& kernel) : kernel_(kernel) {}

  Result<std::unique_ptr<Sm4GcmCipher>> cipher(Sm4Key key) override {
    return guarded([&]() -> Result<std::unique_ptr<Sm4GcmCipher>> {
      return std::unique_ptr<Sm4GcmCipher>(std::make_unique<KernelCipher>(kernel_, key));
    });
  }
  const char* name() const override { return to_string(kernel_.tier); }

 private:
  const sm4::Kernel& kernel_;
};

}  // namespace

Result<std::unique_ptr<Sm4GcmProvider>> Sm4GcmProvider::create(Sm4Tier tier) {
  return guarded([&]() -> Result<std::unique_ptr<Sm4GcmProvider>> {
    if (!is_supported(tier))
      return Error(ErrorCode::kInternal, "no-sm4-gcm",
                   std::string("this processor cannot run SM4-GCM as ") + to_string(tier));
    return std::unique_ptr<Sm4GcmProvider>(std::make_unique<KernelProvider>(sm4::kernel_of(tier)));
  });
}

}  // namespace mifeng::crypto
