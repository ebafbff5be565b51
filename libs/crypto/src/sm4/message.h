// One text under one nonce (SP 800-38D clause 7), over a kernel: begin(), crypt() in pieces cut anywhere, finish().
// What is left of the key stream and of a block that a cut went through is kept for the next piece.
#pragma once

#include "mifeng/crypto/sm4_gcm.h"
#include "sm4/hash_key.h"
#include "sm4/kernel.h"

namespace mifeng::crypto::sm4 {

class Message {
 public:
  // `round_keys` as the kernel has made them; both outlive this.
  Message(const Kernel& kernel, const std::uint8_t* round_keys, HashKey& hash_key)
      : kernel_(kernel), round_keys_(round_keys), hash_key_(hash_key) {}
  ~Message() { wipe_secrets(); }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;

  // `expected`: bytes of text, as far as is known.
  void begin(GcmNonce nonce, ByteView additional, std::size_t expected);
  template <bool kSeal>
  void crypt(ByteView in, MutableBytes out);
  void finish(GcmTag tag);

 private:
  std::size_t batch_bytes() const { return kernel_.batch * kBlock; }
  std::size_t batches_for(std::size_t size) const { return (size + batch_bytes() - 1) / batch_bytes(); }
  std::size_t stream_left() const { return stream_end_ - stream_at_; }
  void make_stream(std::size_t batches, bool with_hash_key);
  template <bool kSeal>
  void crypt_with_stream(ByteView& in, MutableBytes& out, std::size_t size);
  template <bool kSeal>
  void crypt_in_passes(ByteView& in, MutableBytes& out);
  void absorb(ByteView data);
  void absorb_padding();
  void wipe_secrets();

  const Kernel& kernel_;
  const std::uint8_t* const round_keys_;
  HashKey& hash_key_;
  Powers powers_{};
  std::uint64_t additional_size_ = 0;
  std::uint64_t text_size_ = 0;
  std::uint32_t counter_ = 0;  // of the next block of key stream to be made
  std::uint8_t nonce_[kGcmNonceSize] = {};
  std::size_t begun_size_ = 0;  // bytes of a block that wait for the rest of it, to be hashed
  std::uint8_t begun_[kBlock] = {};
  // Key stream for the bytes to come, and how much of the memory has held some: with the rest, what there is to wipe.
  std::size_t stream_at_ = 0;
  std::size_t stream_end_ = 0;
  std::size_t stream_used_ = 0;
  struct alignas(64) Secrets {
    std::uint8_t hash[kBlock];
    std::uint8_t hidden[kBlock];  // what the tag is hidden with
    alignas(64) std::uint8_t stream[kBatchesMax * kBatchMax * kBlock];
  } secrets_;
};

extern template void Message::crypt<true>(ByteView, MutableBytes);
extern template void Message::crypt<false>(ByteView, MutableBytes);

}  // namespace mifeng::crypto::sm4
