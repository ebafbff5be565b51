#include "mifeng/package/sha256.h"

#include <algorithm>

namespace mifeng::package {

std::string sha256_digest(ByteView bytes) { return "sha256:" + to_hex(crypto::sha256(bytes)); }

bool is_digest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") && std::all_of(text.begin() + 7, text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace mifeng::package
