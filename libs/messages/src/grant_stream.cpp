#include "mifeng/messages/grant.h"
#include "mifeng/sealed/context.h"
#include "stream.h"

namespace mifeng::messages {

namespace {

Error bad_signature(const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, "bad-signature", message);
}

// The statement of the key that answers are to be sealed to.
Result<void> check_output_key(const IdentityChain& chain, const KeyStatement& statement,
                              const crypto::Sm2PublicKey& output_key, UnixMillis platform_time_ms) {
  MIFENG_TRY(const KeyClaims claims, chain.verify_statement(statement, KeyPurpose::kOutput));
  if (claims.key != output_key)
    return Error(ErrorCode::kVerificationFailed, "key-statement", "the output key's statement is about another key");
  return check_in_force(claims, platform_time_ms);
}

}  // namespace

Result<Bytes> seal_grant_request(const GrantRequest& message, const crypto::Sm2PublicKey& delivery_key,
                                 const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools) {
  return seal_message(encode_grant_request(message), sealed::grant_request_context(message.deployment, message.nonce),
                      delivery_key, signing_key, tools);
}

Result<GrantRequest> open_grant_request(ByteView stream, std::string_view deployment, std::string_view nonce,
                                        const crypto::Sm2PrivateKey& delivery_key, const SealingTools& tools) {
  MIFENG_TRY(const Opened opened, open_message(stream, sealed::grant_request_context(deployment, nonce), delivery_key,
                                               kMessageSizeMax, tools));
  MIFENG_TRY(GrantRequest request, decode_grant_request(opened.plaintext.reveal_for_parsing()));
  MIFENG_CHECK(opened.check_signer(request.signing_key));
  if (request.receive_key == request.signing_key)
    return bad_signature("a grant request gives one key pair for two purposes");
  if (request.deployment != deployment) return mismatch("deployment");
  if (request.nonce != nonce) return mismatch("nonce");
  return request;
}

std::string request_line(ByteView stream) { return "mifeng-request " + to_hex(crypto::sm3(stream)); }

Result<Bytes> seal_renewal(const Renewal& message, std::string_view nonce, const crypto::Sm2PublicKey& delivery_key,
                           const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools) {
  return seal_message(encode_renewal(message), sealed::renew_context(message.deployment, nonce), delivery_key,
                      signing_key, tools);
}

Result<Renewal> open_renewal(ByteView stream, std::string_view deployment, std::string_view nonce,
                             const crypto::Sm2PrivateKey& delivery_key, const crypto::Sm2PublicKey* instance_key,
                             const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::renew_context(deployment, nonce), delivery_key, kMessageSizeMax, tools));
  if (instance_key != nullptr) MIFENG_CHECK(opened.check_signer(*instance_key));
  MIFENG_TRY(Renewal renewal, decode_renewal(opened.plaintext.reveal_for_parsing()));
  if (renewal.deployment != deployment) return mismatch("deployment");
  return renewal;
}

Result<Bytes> seal_grant(const Grant& message, std::string_view nonce, const crypto::Sm2PublicKey& receive_key,
                         const crypto::Sm2PrivateKey& identity_key, const SealingTools& tools) {
  return seal_message(encode_grant(message), sealed::grant_context(message.deployment, nonce), receive_key,
                      identity_key, tools);
}

Result<Grant> open_grant(ByteView stream, std::string_view deployment, std::string_view nonce,
                         const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                         const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::grant_context(deployment, nonce), receive_key, kMessageSizeMax, tools));
  MIFENG_TRY(Grant grant, decode_grant(opened.plaintext.reveal_for_parsing()));
  MIFENG_TRY(const IdentityChain chain, IdentityChain::verify(card_identity, grant.identity_chain));
  MIFENG_CHECK(opened.check_signer(chain.current()));
  if (grant.deployment != deployment) return mismatch("deployment");
  MIFENG_CHECK(check_output_key(chain, grant.output_key_statement, grant.output_key, grant.platform_time_ms));
  return grant;
}

Result<Bytes> seal_renewed(const Renewed& message, std::string_view deployment, std::string_view nonce,
                           const crypto::Sm2PublicKey& receive_key, const crypto::Sm2PrivateKey& identity_key,
                           const SealingTools& tools) {
  return seal_message(encode_renewed(message), sealed::grant_context(deployment, nonce), receive_key, identity_key,
                      tools);
}

Result<Renewed> open_renewed(ByteView stream, std::string_view deployment, std::string_view nonce,
                             const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                             const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::grant_context(deployment, nonce), receive_key, kMessageSizeMax, tools));
  MIFENG_TRY(Renewed renewed, decode_renewed(opened.plaintext.reveal_for_parsing()));
  MIFENG_TRY(const IdentityChain chain, IdentityChain::verify(card_identity, renewed.identity_chain));
  MIFENG_CHECK(opened.check_signer(chain.current()));
  if (renewed.terms)
    MIFENG_CHECK(check_output_key(chain, renewed.terms->output_key_statement, renewed.terms->output_key,
                                  renewed.terms->platform_time_ms));
  return renewed;
}

}  // namespace mifeng::messages
