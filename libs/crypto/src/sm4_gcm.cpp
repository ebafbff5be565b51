// GCM (NIST SP 800-38D) with SM4, over a kernel that fits the processor.
#include "mifeng/crypto/sm4_gcm.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "mifeng/base/guarded.h"
#include "mifeng/base/secret.h"
#include "sm4/kernel.h"

namespace mifeng::crypto {
namespace {

using sm4::kBlock;
using sm4::Kernel;

using Block = std::array<std::uint8_t, kBlock>;

// A local array of the hash's inner values, wiped at the end.
template <std::size_t kSize>
struct Scratch {
  alignas(64) std::uint8_t data[kSize];
  ~Scratch() { wipe(data, kSize); }
};

// Key stream as far as it was used, wiped at the end.
struct KeyStream {
  alignas(64) std::uint8_t data[sm4::kBatchesMax * sm4::kBatchMax * kBlock];
  std::size_t size = 0;
  ~KeyStream() { wipe(data, size); }
};

// `out` = `in` xor `stream`, sixteen bytes at a time.
void add_stream(std::uint8_t* out, const std::uint8_t* in, const std::uint8_t* stream, std::size_t size) {
  typedef std::uint64_t Chunk __attribute__((vector_size(16)));
  for (; size >= sizeof(Chunk); size -= sizeof(Chunk)) {
    Chunk text;
    Chunk key;
    std::memcpy(&text, in, sizeof text);
    std::memcpy(&key, stream, sizeof key);
    text ^= key;
    std::memcpy(out, &text, sizeof text);
    in += sizeof(Chunk);
    out += sizeof(Chunk);
    stream += sizeof(Chunk);
  }
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(in[i] ^ stream[i]);
}

void store_be_64(std::uint8_t* to, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) to[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

// H as a factor in POLYVAL's field: its bytes reversed, times x (RFC 8452 appendix A).
void store_first_power(const std::uint8_t* h, std::uint8_t* to) {
  const std::uint64_t high = load_be<std::uint64_t>({h, 8});
  const std::uint64_t low = load_be<std::uint64_t>({h + 8, 8});
  const std::uint64_t overflow = 0 - (high >> 63);
  std::uint64_t words[2] = {low << 1 ^ (overflow & 1), (high << 1 | low >> 63) ^ (overflow & 0xc200000000000000)};
  for (int i = 0; i < 16; ++i) to[i] = static_cast<std::uint8_t>(words[i / 8] >> (i % 8 * 8));
  wipe(words, sizeof words);
}

// The powers of H that are there, in memory for keys.
class HashKey {
 public:
  explicit HashKey(const Kernel& kernel) : kernel_(kernel), few_(kBlock * (kernel.has_powers ? sm4::kFewPowers : 1)) {}

  void set(const std::uint8_t* h) {
    store_first_power(h, few().end - kBlock);
    count_ = 1;
  }
  bool is_set() const { return count_ != 0; }

  // As many as pay for `blocks` blocks, at most kFewPowers.
  sm4::Powers few_for(std::size_t blocks) {
    while (kernel_.has_powers && count_ < sm4::kFewPowers && count_ < blocks) {
      kernel_.double_powers(few());
      count_ *= 2;
    }
    return few();
  }
  // As many as a batch has blocks.
  sm4::Powers for_passes() {
    const std::size_t wanted = kernel_.batch;
    if (wanted <= sm4::kFewPowers) return few_for(wanted);
    if (many_.empty()) {
      many_ = SecretBytes(kBlock * wanted);
      sm4::Powers powers{many_.reveal_for_writing().data() + many_.size(), sm4::kFewPowers};
      const sm4::Powers known = few_for(powers.count);
      std::memcpy(powers.end - kBlock * powers.count, known.end - kBlock * powers.count, kBlock * powers.count);
      for (; powers.count < wanted; powers.count *= 2) kernel_.double_powers(powers);
    }
    return {many_.reveal_for_writing().data() + many_.size(), wanted};
  }

 private:
  sm4::Powers few() { return {few_.reveal_for_writing().data() + few_.size(), count_}; }

  const Kernel& kernel_;
  SecretBytes few_;
  SecretBytes many_;
  std::size_t count_ = 0;
};

class KernelCipher final : public Sm4GcmCipher {
 public:
  KernelCipher(const Kernel& kernel, Sm4Key key) : kernel_(kernel), round_keys_(kernel.key_bytes), hash_key_(kernel) {
    kernel_.expand_key(key.data(), round_keys_.reveal_for_writing().data());
  }

  void seal(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) override {
    run<true>(nonce, additional, in, out, tag);
  }
  bool open(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, ConstGcmTag tag) override {
    Block expected;
    run<false>(nonce, additional, in, out, expected);
    const bool fits = equal_in_constant_time(expected, tag);
    // What would have been the right tag is nothing to leave behind, either.
    wipe(expected.data(), expected.size());
    if (!fits) wipe(out.data(), out.size());
    return fits;
  }

 private:
  struct State {
    sm4::Powers powers;
    Scratch<kBlock> hash{};
  };

  // The hash over `data`, and over zeros up to the next block.
  void absorb(State& state, ByteView data) const {
    const std::size_t whole = data.size() / kBlock;
    if (whole != 0) kernel_.hash(state.powers, state.hash.data, data.data(), whole);
    const ByteView rest = data.subspan(whole * kBlock);
    if (rest.empty()) return;
    Block last{};
    std::memcpy(last.data(), rest.data(), rest.size());
    kernel_.hash(state.powers, state.hash.data, last.data(), 1);
  }

  // Text shorter than a pass, whose key stream is there.
  template <bool kSeal>
  void crypt_part(State& state, ByteView in, std::uint8_t* out, const std::uint8_t* stream) const {
    if (!kSeal) absorb(state, in);
    add_stream(out, in.data(), stream, in.size());
    if (kSeal) absorb(state, {out, in.size()});
  }

  // Algorithms 4 and 5 of clause 7, the tag not compared yet.
  template <bool kSeal>
  void run(GcmNonce nonce, ByteView additional, ByteView in, MutableBytes out, GcmTag tag) {
    assert(in.size() == out.size() && in.size() <= (std::uint64_t{1} << 36) - 32);
    const std::uint8_t* round_keys = round_keys_.reveal_for_computing().data();
    const std::size_t batch = kernel_.batch * kBlock;
    const std::size_t pass = 2 * batch;
    const auto batches_for = [&](std::size_t size) { return (size + batch - 1) / batch; };
    KeyStream stream;

    // The first batches make H in the place of block 0, that with which the tag is hidden (counter 1), and key stream.
    // Of a long text they serve only as much as keeps the passes to come where lines of the cache begin.
    constexpr std::size_t kAhead = 2 * kBlock;
    const bool all_at_once = in.size() + kAhead <= sm4::kBatchesMax * batch;
    const std::size_t first = all_at_once ? in.size() : pass - 2 * kAhead;
    stream.size = batches_for(first + kAhead) * batch;
    kernel_.key_stream(round_keys, nonce.data(), 0, true, stream.data, stream.size / batch);
    if (!hash_key_.is_set()) hash_key_.set(stream.data);
    Scratch<kBlock> hidden;
    std::memcpy(hidden.data, stream.data + kBlock, kBlock);

    Block lengths;
    store_be_64(lengths.data(), additional.size() * 8);
    store_be_64(lengths.data() + 8, in.size() * 8);
    State state{hash_key_.few_for((additional.size() + in.size()) / kBlock + 2), {}};
    absorb(state, additional);
    crypt_part<kSeal>(state, in.first(first), out.data(), stream.data + kAhead);

    auto counter = static_cast<std::uint32_t>(2 + first / kBlock);
    std::size_t done = first;
    const std::size_t passes = (in.size() - done) / pass;
    if (kernel_.seal_passes != nullptr && passes >= kPassesWorthPowers) {
      (kSeal ? kernel_.seal_passes : kernel_.open_passes)(round_keys, hash_key_.for_passes(), state.hash.data,
                                                          nonce.data(), counter, in.data() + done, out.data() + done,
                                                          passes);
      counter += static_cast<std::uint32_t>(passes * pass / kBlock);
      done += passes * pass;
    }
    while (done < in.size()) {
      const std::size_t now = std::min(sm4::kBatchesMax * batch, in.size() - done);
      stream.size = std::max(stream.size, batches_for(now) * batch);
      kernel_.key_stream(round_keys, nonce.data(), counter, false, stream.data, batches_for(now));
      crypt_part<kSeal>(state, in.subspan(done, now), out.data() + done, stream.data);
      counter += static_cast<std::uint32_t>(now / kBlock);
      done += now;
    }

    kernel_.hash(state.powers, state.hash.data, lengths.data(), 1);
    // The state's bytes are in reverse.
    for (std::size_t i = 0; i < kBlock; ++i)
      tag[i] = static_cast<std::uint8_t>(hidden.data[i] ^ state.hash.data[kBlock - 1 - i]);
  }

  // From so many on, making the powers for them costs less than it saves.
  static constexpr std::size_t kPassesWorthPowers = 2;

  const Kernel& kernel_;
  SecretBytes round_keys_;
  HashKey hash_key_;
};

class KernelProvider final : public Sm4GcmProvider {
 public:
  explicit KernelProvider(const Kernel& kernel) : kernel_(kernel) {}

  Result<std::unique_ptr<Sm4GcmCipher>> cipher(Sm4Key key) override {
    return guarded([&]() -> Result<std::unique_ptr<Sm4GcmCipher>> {
      return std::unique_ptr<Sm4GcmCipher>(std::make_unique<KernelCipher>(kernel_, key));
    });
  }
  const char* name() const override { return to_string(kernel_.tier); }

 private:
  const Kernel& kernel_;
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
