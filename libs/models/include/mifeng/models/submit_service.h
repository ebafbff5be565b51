// Submit 提交模型: a package comes in piece by piece, is verified in the order of spec/package.md, and stored whole or
// not at all.
#pragma once

#include <memory>
#include <string>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"
#include "mifeng/models/model_service.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::models {

struct Context;

class BusyUpload;

MIFENG_LISTED(Upload, text(id),
              number(size),                           // what was announced, bytes
              number(received),                       // where to go on after a break
              number(expires_ms));                    // 24 h after the last piece
enum class SubmitOutcome { kStored, kAlreadyThere };  // the same bytes again change nothing
std::string_view to_string(SubmitOutcome outcome);    // "stored", "already-there"
MIFENG_LISTED(Submitted, of(ModelVersion, version), word(SubmitOutcome, outcome));

class SubmitService {
 public:
  explicit SubmitService(const Context& context);
  ~SubmitService();

  // kResourceExhausted "package-too-large" (64 GiB by default), "disk-full" where the announced size does not fit
  // beside what else is on its way, "vendor-quota", "too-many-uploads".
  Result<Upload> begin(const trust::Actor& actor, std::int64_t size);
  Result<Upload> get(const trust::Actor& actor, const std::string& id);  // one's own; kNotFound "no-such-upload"
  // `offset` must be what was received so far: kConflict "wrong-offset". A full disk is kResourceExhausted "disk-full";
  // what was received stays and the upload goes on once there is room.
  Result<Upload> append(const trust::Actor& actor, const std::string& id, std::int64_t offset, ByteView piece);
  Result<void> cancel(const trust::Actor& actor, const std::string& id);
  // Verifies and stores. Refusals, in this order: the package cannot be read (kInvalidArgument, reasons of
  // spec/package.md; a missing design, usage or test document is "missing-document" and named); the vendor has no key
  // in force (kPermissionDenied "vendor-key-not-confirmed": the developer information and the key are kept for an
  // administrator to confirm); the payload is not sealed for this platform or under another context or not signed by
  // the vendor (kVerificationFailed "payload-not-verified"); the manifest's signature or a digest (kVerificationFailed
  // "bad-signature", "bad-digest"); the version is there with other bytes (kConflict "version-exists").
  Result<Submitted> finish(const trust::Actor& actor, const std::string& id);

  // Removes uploads that expired. Called by the housekeeping.
  Result<int> remove_expired();
  // Removes what a killed process left behind. Called once, before anybody can submit.
  Result<void> sweep_at_start();

 private:
  struct State;
  Result<Submitted> submit(const trust::Actor& actor, const std::string& id, std::string& subject);
  Result<BusyUpload> take_own(const trust::Actor& actor, const std::string& id);
  const Context& context_;
  std::unique_ptr<State> state_;
};

}  // namespace mifeng::models
