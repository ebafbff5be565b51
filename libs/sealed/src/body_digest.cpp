#include "mifeng/sealed/body_digest.h"

#include <algorithm>
#include <array>

#include "mifeng/crypto/sm3_many.h"

namespace mifeng::sealed {

void BodyDigest::update(ByteView data) {
  length_ += data.size();
  while (!data.empty()) {
    if (chunk_size_ == 0 && data.size() >= kChunkSize) {
      // Whole chunks beside each other are hashed side by side.
      std::array<crypto::Sm3Digest, 16> digests;
      const std::size_t count = std::min(data.size() / kChunkSize, digests.size());
      crypto::sm3_many(data.first(count * kChunkSize), kChunkSize, std::span(digests).first(count));
      for (std::size_t i = 0; i < count; ++i) append(leaves_, digests[i]);
      data = data.subspan(count * kChunkSize);
      continue;
    }
    const ByteView part = data.first(std::min(data.size(), kChunkSize - chunk_size_));
    data = data.subspan(part.size());
    chunk_.update(part);
    chunk_size_ += part.size();
    if (chunk_size_ == kChunkSize) {
      append(leaves_, chunk_.finish());
      chunk_ = crypto::Sm3();
      chunk_size_ = 0;
    }
  }
}

std::string BodyDigest::digest() const {
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

std::string body_digest(ByteView body) {
  BodyDigest digest;
  digest.update(body);
  return digest.digest();
}

}  // namespace mifeng::sealed
