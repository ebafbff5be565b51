// The digest of a request's body as it arrives, for a body whose length is only known at its end (chunked, HTTP/2).
// The same value as sealed::BodyDigest; it keeps 32 bytes for each 4096 of the body.
#pragma once

#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::proxy {

class BodyHasher {
 public:
  void update(ByteView data);
  std::uint64_t length() const { return length_; }
  // "" for a length of 0, else 64 hex digits. May be asked again.
  std::string digest() const;

 private:
  crypto::Sm3 chunk_;
  std::size_t chunk_size_ = 0;
  std::uint64_t length_ = 0;
  Bytes leaves_;  // of the whole chunks
};

}  // namespace mifeng::proxy
