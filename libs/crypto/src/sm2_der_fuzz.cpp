// Any bytes as an SM2 ciphertext and as a signature. What the parser takes must be the one spelling of its content, and
// OpenSSL must survive it.
#include <cstdlib>

#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm2_der.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(mifeng::ByteView a, const mifeng::Bytes& b) { return mifeng::Bytes(a.begin(), a.end()) == b; }

const mifeng::crypto::Sm2PrivateKey& key() {
  static const auto made = mifeng::crypto::Sm2PrivateKey::from_scalar(mifeng::Bytes(32, 1)).value();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mifeng::crypto;
  const mifeng::ByteView input(data, size);
  if (const auto ciphertext = parse_sm2_ciphertext(input)) {
    require(same(input, encode_sm2_ciphertext(*ciphertext)));
    require(ciphertext->c3.size() == 32 && !ciphertext->c2.empty());
    const auto opened = key().decrypt(input);
    if (opened) require(opened->size() == ciphertext->c2.size());
  } else {
    require(ciphertext.error().reason() == "bad-recipient-der");
    require(!key().decrypt(input));
  }
  if (const auto signature = parse_sm2_signature(input)) {
    require(same(input, encode_sm2_signature(*signature)));
    (void)key().public_key().verify({}, input).has_value();
  } else {
    require(signature.error().reason() == "bad-signature");
    require(!key().public_key().verify({}, input));
  }
  return 0;
}
