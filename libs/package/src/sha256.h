// SHA-256 for the digests of the OCI image specification (nothing of Mifeng's own rests on it).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "mifeng/base/bytes.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace mifeng::package {

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  std::string digest();  // "sha256:<hex>"; then no more calls

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

std::string sha256_digest(ByteView bytes);
// "sha256:" and 64 lower-case hex digits.
bool is_digest(std::string_view text);
inline std::string_view digest_hex(std::string_view digest) { return digest.substr(7); }

}  // namespace mifeng::package
