#include "mifeng/crypto/statement.h"

#include <algorithm>
#include <cassert>

#include "mifeng/base/guarded.h"

namespace mifeng::crypto {

Bytes statement_message(std::string_view purpose, const Sm3Digest& digest) {
  assert(!purpose.empty() && purpose.size() <= 64 && purpose != "sender");
  assert(std::all_of(purpose.begin(), purpose.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }));
  Bytes message = to_bytes("mifeng/v1/");
  append(message, purpose);
  message.push_back(0);
  append(message, digest);
  return message;
}

Result<Bytes> sign_statement(const Sm2PrivateKey& key, std::string_view purpose, ByteView document) {
  return guarded([&]() -> Result<Bytes> { return sign_statement_digest(key, purpose, sm3(document)); });
}

Result<Bytes> sign_statement_digest(const Sm2PrivateKey& key, std::string_view purpose, const Sm3Digest& digest) {
  return guarded([&]() -> Result<Bytes> { return key.sign(statement_message(purpose, digest)); });
}

Result<void> verify_statement(const Sm2PublicKey& key, std::string_view purpose, ByteView document,
                              ByteView der_signature) {
  return guarded([&]() -> Result<void> { return verify_statement_digest(key, purpose, sm3(document), der_signature); });
}

Result<void> verify_statement_digest(const Sm2PublicKey& key, std::string_view purpose, const Sm3Digest& digest,
                                     ByteView der_signature) {
  return guarded([&]() -> Result<void> { return key.verify(statement_message(purpose, digest), der_signature); });
}

}  // namespace mifeng::crypto
