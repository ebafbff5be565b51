// The digest of a request's body that a response is bound to: a tree of one level over chunks of 4096 bytes.
#pragma once

#include <cstdint>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::sealed {

// SM3("mifeng/v1/body" || length (8) || SM3(chunk 0) || SM3(chunk 1) || ...), fed in pieces of any size; memory does
// not grow with the body. The length comes first in the hash, so it must be known (both sides read the body whole).
class BodyDigest {
 public:
  static constexpr std::size_t kChunkSize = 4096;

  explicit BodyDigest(std::uint64_t length);
  void update(ByteView data);
  // The field of the context: "" for a length of 0, else 64 hex digits. kInternal "body-length" where other than
  // `length` bytes were fed. Once.
  Result<std::string> finish();

 private:
  crypto::Sm3 tree_;
  crypto::Sm3 chunk_;
  std::size_t chunk_size_ = 0;
  std::uint64_t length_;
  std::uint64_t fed_ = 0;
};

std::string body_digest(ByteView body);

}  // namespace mifeng::sealed
