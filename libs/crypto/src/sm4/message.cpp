#include "sm4/message.h"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstring>

namespace mifeng::crypto::sm4 {
namespace {

// SP 800-38D clause 5.2.1.1.
constexpr std::uint64_t kTextMax = (std::uint64_t{1} << 36) - 32;
// Ahead of the key stream for the text: H, or the block of zeros' place, and what hides the tag.
constexpr std::size_t kAhead = 2 * kBlock;
constexpr std::size_t kCacheLine = 64;
// From so many passes at once on, making the powers of H for them costs less than it saves; in small pieces, once the
// text has become so many passes long.
constexpr std::size_t kPassesWorthPowers = 2;
constexpr std::size_t kLongTextPasses = 8;

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

}  // namespace

void Message::begin(GcmNonce nonce, ByteView additional, std::size_t expected) {
  std::copy(nonce.begin(), nonce.end(), nonce_);
  additional_size_ = additional.size();
  text_size_ = 0;
  begun_size_ = 0;
  std::memset(secrets_.hash, 0, sizeof secrets_.hash);

  // The first batches make H in the place of block 0, that with which the tag is hidden (counter 1), and key stream:
  // all of it for a short text, and for a long one as much as one pass, for what comes before the passes.
  const std::size_t wanted = std::min<std::size_t>(expected, kTextMax) + kAhead;
  counter_ = 0;
  make_stream(wanted <= kBatchesMax * batch_bytes() ? batches_for(wanted) : 2, true);
  if (!hash_key_.is_set()) hash_key_.set(secrets_.stream);
  std::memcpy(secrets_.hidden, secrets_.stream + kBlock, kBlock);
  stream_at_ = kAhead;

  powers_ = hash_key_.for_blocks((additional.size() + expected) / kBlock + 2);
  absorb(additional);
  absorb_padding();
}

void Message::make_stream(std::size_t batches, bool with_hash_key) {
  kernel_.key_stream(round_keys_, nonce_, counter_, with_hash_key, secrets_.stream, batches);
  counter_ += static_cast<std::uint32_t>(batches * kernel_.batch);
  stream_at_ = 0;
  stream_end_ = batches * batch_bytes();
  stream_used_ = std::max(stream_used_, stream_end_);
}

template <bool kSeal>
void Message::crypt(ByteView in, MutableBytes out) {
  assert(in.size() == out.size() && in.size() <= kTextMax - text_size_);
  text_size_ += in.size();
  powers_ = hash_key_.for_blocks(in.size() / kBlock);
  crypt_in_passes<kSeal>(in, out);
  while (!in.empty()) {
    if (stream_left() == 0) make_stream(std::min(kBatchesMax, batches_for(in.size())), false);
    crypt_with_stream<kSeal>(in, out, std::min(stream_left(), in.size()));
  }
}

// As many whole passes as there are. They begin where a line of the cache does if that can be had: key stream that is
// left is used up to there. Where it is little, and one pass more fits without it, it is not used at all, so that
// pieces of a round size stay as fast as they can be. What is not used is made again by the passes.
template <bool kSeal>
void Message::crypt_in_passes(ByteView& in, MutableBytes& out) {
  if (kernel_.seal_passes == nullptr) return;
  const std::size_t pass = 2 * batch_bytes();
  const auto passes_after = [&](std::size_t before) { return in.size() < before ? 0 : (in.size() - before) / pass; };
  const std::size_t least = stream_left() % kBlock;  // the rest of a block
  const std::size_t beyond_line = (reinterpret_cast<std::uintptr_t>(out.data()) + stream_left()) % kCacheLine;
  std::size_t before = stream_left() - std::min(beyond_line, stream_left()) / kBlock * kBlock;
  if (stream_left() < batch_bytes() && passes_after(least) > passes_after(before)) before = least;
  // What fits into one call of make_stream() is done sooner by that.
  if (in.size() <= before + kBatchesMax * batch_bytes()) return;
  const std::size_t passes = passes_after(before);
  const bool is_worth_powers = passes >= kPassesWorthPowers || text_size_ >= kLongTextPasses * pass;
  if (!is_worth_powers && !hash_key_.has_those_for_passes()) return;

  crypt_with_stream<kSeal>(in, out, before);
  counter_ -= static_cast<std::uint32_t>(stream_left() / kBlock);
  stream_at_ = stream_end_;
  (kSeal ? kernel_.seal_passes : kernel_.open_passes)(round_keys_, hash_key_.for_passes(), secrets_.hash, nonce_,
                                                      counter_, in.data(), out.data(), passes);
  counter_ += static_cast<std::uint32_t>(passes * pass / kBlock);
  in = in.subspan(passes * pass);
  out = out.subspan(passes * pass);
}

// The next `size` bytes, whose key stream is there.
template <bool kSeal>
void Message::crypt_with_stream(ByteView& in, MutableBytes& out, std::size_t size) {
  if (!kSeal) absorb(in.first(size));
  add_stream(out.data(), in.data(), secrets_.stream + stream_at_, size);
  if (kSeal) absorb(out.first(size));
  stream_at_ += size;
  in = in.subspan(size);
  out = out.subspan(size);
}

// The hash over `data`, as far as there are whole blocks.
void Message::absorb(ByteView data) {
  if (begun_size_ != 0) {
    const std::size_t taken = std::min(kBlock - begun_size_, data.size());
    std::copy_n(data.begin(), taken, begun_ + begun_size_);
    begun_size_ += taken;
    data = data.subspan(taken);
    if (begun_size_ < kBlock) return;
    kernel_.hash(powers_, secrets_.hash, begun_, 1);
  }
  const std::size_t whole = data.size() / kBlock;
  if (whole != 0) kernel_.hash(powers_, secrets_.hash, data.data(), whole);
  data = data.subspan(whole * kBlock);
  std::copy(data.begin(), data.end(), begun_);
  begun_size_ = data.size();
}

// Zeros up to the next block.
void Message::absorb_padding() {
  if (begun_size_ == 0) return;
  std::memset(begun_ + begun_size_, 0, kBlock - begun_size_);
  kernel_.hash(powers_, secrets_.hash, begun_, 1);
  begun_size_ = 0;
}

void Message::finish(GcmTag tag) {
  absorb_padding();
  std::uint8_t lengths[kBlock];
  store_be_64(lengths, additional_size_ * 8);
  store_be_64(lengths + 8, text_size_ * 8);
  kernel_.hash(powers_, secrets_.hash, lengths, 1);
  // The state's bytes are in reverse.
  for (std::size_t i = 0; i < kBlock; ++i)
    tag[i] = static_cast<std::uint8_t>(secrets_.hidden[i] ^ secrets_.hash[kBlock - 1 - i]);
  wipe_secrets();
}

void Message::wipe_secrets() {
  if (stream_used_ == 0) return;  // nothing since the last time
  wipe(&secrets_, offsetof(Secrets, stream) + stream_used_);
  stream_at_ = stream_end_ = stream_used_ = 0;
}

template void Message::crypt<true>(ByteView, MutableBytes);
template void Message::crypt<false>(ByteView, MutableBytes);

}  // namespace mifeng::crypto::sm4
