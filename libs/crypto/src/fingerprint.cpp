#include "mifeng/crypto/fingerprint.h"

namespace mifeng::crypto {

std::string in_groups(ByteView digest) {
  const std::string hex = to_hex(digest);
  std::string out;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i != 0 && i % 4 == 0) out.push_back(' ');
    out.push_back(hex[i] >= 'a' ? static_cast<char>(hex[i] - 'a' + 'A') : hex[i]);
  }
  return out;
}

std::string bare_fingerprint(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ':' || c == '-') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace mifeng::crypto
