#include "mifeng/sealed/open.h"

#include "mifeng/crypto/sm2_der.h"
#include "mifeng/sealed/failure.h"

namespace mifeng::sealed {

Result<void> check_der(const Header& header) {
  for (std::size_t i = 0; i < header.recipient_count(); ++i)
    if (!crypto::parse_sm2_ciphertext(header.recipient(i).ciphertext, kRootKeySize))
      return failure(FailureClass::kBadRecipientDer);
  if (header.is_signed() && !crypto::parse_sm2_signature(header.signature()))
    return failure(FailureClass::kBadSignature);
  return ok();
}

Result<RootKey> unwrap_root_key(const Header& header, const crypto::Sm2PrivateKey& private_key) {
  const auto mine = header.recipient_for(private_key.public_key().key_id());
  if (!mine) return failure(FailureClass::kNoRecipient);
  MIFENG_CHECK(check_der(header));
  for (std::size_t i = 0; i < header.recipient_count(); ++i) {
    MIFENG_TRY(const auto parts, crypto::parse_sm2_ciphertext(header.recipient(i).ciphertext, kRootKeySize));
    if (!crypto::check_sm2_point(parts.x, parts.y)) return failure(FailureClass::kBadPoint);
  }
  const Result<SecretBytes> key = private_key.decrypt(mine->ciphertext);
  if (!key) {
    if (key.error().code() != ErrorCode::kVerificationFailed) return key.error();
    return failure(FailureClass::kBadRootKey);
  }
  if (key->size() != kRootKeySize) return failure(FailureClass::kBadRootKey);
  return RootKey(Secret<kRootKeySize>(key->reveal_for_copying().first<kRootKeySize>()));
}

Result<StreamKeys> check_header_mac(const Header& header, const RootKey& root_key, ByteView context,
                                    const crypto::Sm3Digest* blocks_digest) {
  StreamKeys keys(root_key, header.kind(), header.salt(), context);
  const crypto::Sm3Digest digest = blocks_digest != nullptr ? *blocks_digest : crypto::sm3(header.blocks());
  const crypto::Sm3Digest mac = keys.header_mac(header.bytes().first(kFixedPartSize), digest);
  if (!equal_in_constant_time(mac, header.mac())) return failure(FailureClass::kBadHeaderMac);
  return keys;
}

Result<void> check_signature(const Header& header, const crypto::Sm2PublicKey& signer) {
  if (!header.is_signed()) return failure(FailureClass::kMissingSignature);
  if (header.signer_key_id() != signer.key_id()) return failure(FailureClass::kBadSignature);
  const auto verified = signer.verify(header.sender_statement(), header.signature());
  if (!verified && verified.error().code() != ErrorCode::kVerificationFailed) return verified.error();
  if (!verified) return failure(FailureClass::kBadSignature);
  return ok();
}

Result<void> check_signature(const Header& header, const Policy& policy) {
  if (!header.is_signed()) {
    if (policy.signature == SignatureRule::kRequired) return failure(FailureClass::kMissingSignature);
    return ok();
  }
  if (policy.signer) return check_signature(header, *policy.signer);
  return ok();
}

Result<RootKey> verify_header(const Header& header, const crypto::Sm2PrivateKey& private_key, ByteView context,
                              const Policy& policy) {
  MIFENG_TRY(RootKey root_key, unwrap_root_key(header, private_key));
  MIFENG_CHECK(check_header_mac(header, root_key, context));
  MIFENG_CHECK(check_signature(header, policy));
  return root_key;
}

}  // namespace mifeng::sealed
