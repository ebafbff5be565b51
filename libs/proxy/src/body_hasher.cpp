#include "mifeng/proxy/body_hasher.h"

#include <algorithm>
#include <array>

#include "mifeng/crypto/sm3_many.h"
#include "mifeng/sealed/body_digest.h"

namespace mifeng::proxy {

void BodyHasher::update(ByteView data) {
  constexpr std::size_t kChunk = sealed::BodyDigest::kChunkSize;
  length_ += data.size();
  while (!data.empty()) {
    if (chunk_size_ == 0 && data.size() >= kChunk) {
      // Whole chunks beside each other are hashed side by side.
      std::array<crypto::Sm3Digest, 16> digests;
      const std::size_t count = std::min(data.size() / kChunk, digests.size());
      crypto::sm3_many(data.first(count * kChunk), kChunk, std::span(digests).first(count));
      for (std::size_t i = 0; i < count; ++i) append(leaves_, digests[i]);
      data = data.subspan(count * kChunk);
      continue;
    }
    const ByteView part = data.first(std::min(data.size(), kChunk - chunk_size_));
    data = data.subspan(part.size());
    chunk_.update(part);
    chunk_size_ += part.size();
    if (chunk_size_ == kChunk) {
      append(leaves_, chunk_.finish());
      chunk_ = crypto::Sm3();
      chunk_size_ = 0;
    }
  }
}

std::string BodyHasher::digest() const {
  if (length_ == 0) return {};
  Bytes length;
  append_be<std::uint64_t>(length, length_);
  crypto::Sm3 tree;
  tree.update(as_bytes("mifeng/v1/body")).update(length).update(leaves_);
  if (chunk_size_ != 0) {
    crypto::Sm3 last = chunk_;
    tree.update(last.finish());
  }
  return to_hex(tree.finish());
}

}  // namespace mifeng::proxy
