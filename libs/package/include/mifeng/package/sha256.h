// Digests as the OCI image specification spells them.
#pragma once

#include <string>
#include <string_view>

#include "mifeng/crypto/sha256.h"

namespace mifeng::package {

class DigestHasher {
 public:
  void update(ByteView bytes) { hash_.update(bytes); }
  std::string digest() { return "sha256:" + to_hex(hash_.finish()); }  // then no more calls

 private:
  crypto::Sha256 hash_;
};

std::string sha256_digest(ByteView bytes);
// "sha256:" and 64 lower-case hex digits.
bool is_digest(std::string_view text);
inline std::string_view digest_hex(std::string_view digest) { return digest.substr(7); }

}  // namespace mifeng::package
