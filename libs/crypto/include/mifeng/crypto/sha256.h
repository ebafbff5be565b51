// SHA-256 (FIPS 180-4), for what others name by it: images and their layers (OCI image specification), and the file of
// a payload's segments, whose length makes a processor's own instructions worth it. Nothing of the sealed format rests
// on it.
#pragma once

#include <array>
#include <memory>

#include "mifeng/base/bytes.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace mifeng::crypto {

inline constexpr std::size_t kSha256Size = 32;
using Sha256Digest = std::array<std::uint8_t, kSha256Size>;

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(ByteView bytes);
  Sha256Digest finish();  // then no more calls

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

Sha256Digest sha256(ByteView bytes);

}  // namespace mifeng::crypto
