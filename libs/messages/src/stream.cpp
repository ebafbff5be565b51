#include "stream.h"

#include <algorithm>

#include "mifeng/sealed/open.h"
#include "mifeng/sealed/root_key.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::messages {

namespace {

constexpr int kExponent = 16;

sealed::Policy policy() {
  return {.kind = sealed::Kind::kGrant,
          .exponent_max = kExponent,
          .signature = sealed::SignatureRule::kRequired,
          .signer = std::nullopt};
}

}  // namespace

Result<StreamParties> parties_of(ByteView stream) {
  auto header = sealed::Header::parse(stream, policy());
  if (!header) return header.error();
  StreamParties parties{.recipient = header->recipient(0).key_id, .signer = std::nullopt};
  if (header->is_signed()) parties.signer = header->signer_key_id();
  return parties;
}

Result<Bytes> seal_message(const SecretBytes& plaintext, const Result<Bytes>& context,
                           const crypto::Sm2PublicKey& recipient, const crypto::Sm2PrivateKey& signer,
                           const SealingTools& tools) {
  if (!context) return context.error();
  MIFENG_TRY(sealed::SenderKey key,
             sealed::SenderKey::create({.kind = sealed::Kind::kGrant,
                                        .exponent = kExponent,
                                        .recipients = std::span<const crypto::Sm2PublicKey>(&recipient, 1),
                                        .signer = &signer},
                                       tools.random));
  return sealed::seal(key, {.segmentation = sealed::Segmentation::kFlushed, .context = *context},
                      plaintext.reveal_for_computing(), tools.random, tools.provider);
}

Result<Opened> open_message(ByteView stream, const Result<Bytes>& context, const crypto::Sm2PrivateKey& private_key,
                            std::size_t size_max, const SealingTools& tools) {
  if (!context) return context.error();
  if (stream.size() > size_max)
    return Error(ErrorCode::kResourceExhausted, "message-too-large",
                 "a message of " + std::to_string(stream.size()) + " bytes came where at most " +
                     std::to_string(size_max) + " are allowed");
  MIFENG_TRY(sealed::Header header, sealed::Header::parse(stream, policy()));
  MIFENG_TRY(SecretBytes plaintext, sealed::open(policy(), private_key, *context, stream, tools.provider));
  return Opened{.plaintext = std::move(plaintext), .header = std::move(header)};
}

Result<void> Opened::check_signer(const crypto::Sm2PublicKey& signer) const {
  return sealed::check_signature(header, signer);
}

Error mismatch(std::string_view what) {
  return Error(ErrorCode::kVerificationFailed, "message-mismatch",
               "a message names another " + std::string(what) + " inside than beside it");
}

}  // namespace mifeng::messages
