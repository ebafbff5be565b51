// The digest of a request's body that a response is bound to: a tree of one level over chunks of 4096 bytes.
#pragma once

#include <cstdint>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::sealed {

// SM3("mifeng/v1/body" || length (8) || SM3(chunk 0) || SM3(chunk 1) || ...), fed in pieces of any size. The length
// comes first in the hash and is known at the end only (chunked, HTTP/2), so 32 bytes are kept for each 4096 of the
// body.
class BodyDigest {
 public:
  static constexpr std::size_t kChunkSize = 4096;

  void update(ByteView data);
  std::uint64_t length() const { return length_; }
  // The field of the context: "" for a length of 0, else 64 hex digits. May be asked again.
  std::string digest() const;

 private:
  crypto::Sm3 chunk_;
  std::size_t chunk_size_ = 0;
  std::uint64_t length_ = 0;
  Bytes leaves_;  // of the whole chunks
};

std::string body_digest(ByteView body);

}  // namespace mifeng::sealed
