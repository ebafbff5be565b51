#include "sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

namespace mifeng::package {

void Sha256::Free::operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) std::abort();
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::abort();
}

std::string Sha256::digest() {
  Bytes out(32);
  if (EVP_DigestFinal_ex(context_.get(), out.data(), nullptr) != 1) std::abort();
  return "sha256:" + to_hex(out);
}

std::string sha256_digest(ByteView bytes) {
  Sha256 sha256;
  sha256.update(bytes);
  return sha256.digest();
}

bool is_digest(std::string_view text) {
  return text.size() == 71 && text.starts_with("sha256:") && std::all_of(text.begin() + 7, text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace mifeng::package
