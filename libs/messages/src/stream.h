// Sealing and opening one message: the policy of spec/grant.md for all of them.
#pragma once

#include <functional>

#include "mifeng/base/secret.h"
#include "mifeng/messages/key_statement.h"
#include "mifeng/messages/tools.h"
#include "mifeng/sealed/header.h"

namespace mifeng::messages {

Result<Bytes> seal_message(const SecretBytes& plaintext, const Result<Bytes>& context,
                           const crypto::Sm2PublicKey& recipient, const crypto::Sm2PrivateKey& signer,
                           const SealingTools& tools);

// An opened message: its MAC and segments have verified, its signature has not.
struct Opened {
  SecretBytes plaintext;
  sealed::Header header;
  // kVerificationFailed "bad-signature".
  Result<void> check_signer(const crypto::Sm2PublicKey& signer) const;
};
Result<Opened> open_message(ByteView stream, const Result<Bytes>& context, const crypto::Sm2PrivateKey& private_key,
                            std::size_t size_max, const SealingTools& tools);

// kVerificationFailed "message-mismatch": the plaintext contradicts what stood beside the stream.
Error mismatch(std::string_view what);

}  // namespace mifeng::messages
