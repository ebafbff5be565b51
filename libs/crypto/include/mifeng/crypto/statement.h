// Signatures over documents: "mifeng/v1/" || purpose || 00 || SM3(the exact bytes), so that a signature made for one
// purpose is never one for another (spec/sealed-format.md).
#pragma once

#include <string_view>

#include "mifeng/base/bytes.h"
#include "mifeng/base/result.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/crypto/sm3.h"

namespace mifeng::crypto {

// The bytes that are signed. A purpose is lower-case letters, digits and '-', 1 to 64 of them, never "sender" (that is
// the sealed stream's own); another one is a programmer error.
Bytes statement_message(std::string_view purpose, const Sm3Digest& digest);

Result<Bytes> sign_statement(const Sm2PrivateKey& key, std::string_view purpose, ByteView document);
Result<Bytes> sign_statement_digest(const Sm2PrivateKey& key, std::string_view purpose, const Sm3Digest& digest);
// kVerificationFailed "bad-signature".
Result<void> verify_statement(const Sm2PublicKey& key, std::string_view purpose, ByteView document,
                              ByteView der_signature);
Result<void> verify_statement_digest(const Sm2PublicKey& key, std::string_view purpose, const Sm3Digest& digest,
                                     ByteView der_signature);

}  // namespace mifeng::crypto
