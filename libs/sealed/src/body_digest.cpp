#include "mifeng/sealed/body_digest.h"

#include <algorithm>
#include <array>

#include "mifeng/crypto/sm3_many.h"

namespace mifeng::sealed {
namespace {

constexpr std::string_view kLabel = "mifeng/v1/body";

}  // namespace

BodyDigest::BodyDigest(std::uint64_t length) : length_(length) {
  std::array<std::uint8_t, 8> encoded{};
  for (std::size_t i = 0; i < encoded.size(); ++i) encoded[i] = static_cast<std::uint8_t>(length >> (56 - 8 * i));
  tree_.update(as_bytes(kLabel)).update(encoded);
}

void BodyDigest::update(ByteView data) {
  fed_ += data.size();
  while (!data.empty()) {
    // Whole chunks go side by side, 16 in a pass; the digests wait here and not on the heap.
    if (chunk_size_ == 0 && data.size() >= 2 * kChunkSize) {
      std::array<crypto::Sm3Digest, 16> digests;
      const std::size_t count = std::min(digests.size(), data.size() / kChunkSize);
      crypto::sm3_many(data.first(count * kChunkSize), kChunkSize, std::span(digests).first(count));
      for (std::size_t i = 0; i < count; ++i) tree_.update(digests[i]);
      data = data.subspan(count * kChunkSize);
      continue;
    }
    const std::size_t take = std::min(kChunkSize - chunk_size_, data.size());
    chunk_.update(data.first(take));
    chunk_size_ += take;
    data = data.subspan(take);
    if (chunk_size_ == kChunkSize) {
      tree_.update(chunk_.finish());
      chunk_ = crypto::Sm3();
      chunk_size_ = 0;
    }
  }
}

Result<std::string> BodyDigest::finish() {
  if (fed_ != length_)
    return Error(ErrorCode::kInternal, "body-length", "the body is not as long as its digest was begun for");
  if (length_ == 0) return std::string();
  if (chunk_size_ != 0) tree_.update(chunk_.finish());
  return to_hex(tree_.finish());
}

std::string body_digest(ByteView body) {
  BodyDigest digest(body.size());
  digest.update(body);
  return digest.finish().value();
}

}  // namespace mifeng::sealed
