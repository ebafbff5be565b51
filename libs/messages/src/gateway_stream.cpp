#include "mifeng/crypto/statement.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/sealed/context.h"
#include "stream.h"

namespace mifeng::messages {

Result<Bytes> seal_enrolment(const Enrolment& message, const crypto::Sm2PublicKey& delivery_key,
                             const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools) {
  return seal_message(encode_enrolment(message), sealed::enrol_context(message.gateway, message.nonce), delivery_key,
                      signing_key, tools);
}

Result<Enrolment> open_enrolment(ByteView stream, std::string_view gateway, std::string_view nonce,
                                 const crypto::Sm2PrivateKey& delivery_key, const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::enrol_context(gateway, nonce), delivery_key, kMessageSizeMax, tools));
  MIFENG_TRY(Enrolment enrolment, decode_enrolment(opened.plaintext.reveal_for_parsing()));
  MIFENG_CHECK(opened.check_signer(enrolment.signing_key));
  if (enrolment.receive_key == enrolment.signing_key)
    return Error(ErrorCode::kVerificationFailed, "bad-signature", "an enrolment gives one key pair for two purposes");
  if (enrolment.gateway != gateway) return mismatch("gateway");
  if (enrolment.nonce != nonce) return mismatch("nonce");
  return enrolment;
}

Result<Bytes> seal_report(const Report& message, const crypto::Sm2PublicKey& delivery_key,
                          const crypto::Sm2PrivateKey& signing_key, const SealingTools& tools) {
  return seal_message(encode_report(message), sealed::report_context(message.gateway, message.serial), delivery_key,
                      signing_key, tools);
}

Result<Report> open_report(ByteView stream, std::string_view gateway, std::uint64_t serial,
                           const crypto::Sm2PrivateKey& delivery_key, const crypto::Sm2PublicKey& gateway_key,
                           const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::report_context(gateway, serial), delivery_key, kMessageSizeMax, tools));
  MIFENG_CHECK(opened.check_signer(gateway_key));
  MIFENG_TRY(Report report, decode_report(opened.plaintext.reveal_for_parsing()));
  if (report.gateway != gateway) return mismatch("gateway");
  if (report.serial != serial) return mismatch("serial");
  return report;
}

Result<Bytes> seal_snapshot(const Snapshot& message, const crypto::Sm2PublicKey& receive_key,
                            const crypto::Sm2PrivateKey& identity_key, const SealingTools& tools) {
  return seal_message(encode_snapshot(message), sealed::snapshot_context(message.gateway, message.serial), receive_key,
                      identity_key, tools);
}

Result<Snapshot> open_snapshot(ByteView stream, std::string_view gateway, std::uint64_t serial,
                               const crypto::Sm2PrivateKey& receive_key, const crypto::Sm2PublicKey& card_identity,
                               const SealingTools& tools) {
  MIFENG_TRY(const Opened opened,
             open_message(stream, sealed::snapshot_context(gateway, serial), receive_key, kSnapshotSizeMax, tools));
  MIFENG_TRY(Snapshot snapshot, decode_snapshot(opened.plaintext.reveal_for_parsing()));
  MIFENG_TRY(const IdentityChain chain, IdentityChain::verify(card_identity, snapshot.identity_chain));
  MIFENG_CHECK(opened.check_signer(chain.current()));
  if (snapshot.gateway != gateway) return mismatch("gateway");
  if (snapshot.serial != serial) return mismatch("serial");
  return snapshot;
}

namespace {

constexpr std::string_view kFollowPurpose = "follow";

std::string follow_text(const FollowRequest& request) {
  return request.gateway + "\n" + request.nonce + "\n" + std::to_string(request.time_ms);
}

}  // namespace

Result<Bytes> sign_follow(const FollowRequest& request, const crypto::Sm2PrivateKey& signing_key) {
  const std::string text = follow_text(request);
  return crypto::sign_statement(signing_key, kFollowPurpose, as_bytes(text));
}

Result<void> verify_follow(const FollowRequest& request, ByteView signature, const crypto::Sm2PublicKey& gateway_key) {
  const std::string text = follow_text(request);
  return crypto::verify_statement(gateway_key, kFollowPurpose, as_bytes(text), signature);
}

void append_snapshot_frame(Bytes& to, std::uint64_t serial, ByteView stream) {
  append_be<std::uint64_t>(to, serial);
  append_be<std::uint32_t>(to, static_cast<std::uint32_t>(stream.size()));
  append(to, stream);
}

Result<void> SnapshotFrameReader::feed(ByteView bytes, std::vector<SnapshotFrame>& frames) {
  const auto refuse = [&]() -> Result<void> {
    failed_ = true;
    return Error(ErrorCode::kResourceExhausted, "message-too-large",
                 "the platform announced a snapshot of more than " + std::to_string(kSnapshotSizeMax) + " bytes");
  };
  if (failed_) return refuse();
  while (true) {
    if (pending_.size() < kSnapshotFrameHeaderSize) {
      const std::size_t take = std::min(bytes.size(), kSnapshotFrameHeaderSize - pending_.size());
      append(pending_, bytes.first(take));
      bytes = bytes.subspan(take);
      if (pending_.size() < kSnapshotFrameHeaderSize) return ok();
    }
    const std::size_t size = load_be<std::uint32_t>(ByteView(pending_).subspan(8));
    if (size > kSnapshotSizeMax) return refuse();
    const std::size_t missing = kSnapshotFrameHeaderSize + size - pending_.size();
    const std::size_t take = std::min(bytes.size(), missing);
    append(pending_, bytes.first(take));
    bytes = bytes.subspan(take);
    if (take < missing) return ok();
    SnapshotFrame frame{.serial = load_be<std::uint64_t>(pending_), .stream = {}};
    frame.stream.assign(pending_.begin() + kSnapshotFrameHeaderSize, pending_.end());
    frames.push_back(std::move(frame));
    pending_.clear();
  }
}

}  // namespace mifeng::messages
