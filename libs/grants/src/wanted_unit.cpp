#include "wanted_unit.h"

namespace mifeng::grants {

bool is_ours(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kResourceExhausted || code == ErrorCode::kInternal ||
         code == ErrorCode::kTimeout;
}

Error refused() {
  return Error(ErrorCode::kPermissionDenied, "refused", "The platform refused the request. Its audit log says why.");
}

Error wrong_request(const std::string& reason, const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, reason, message);
}

Result<WantedUnit> find_wanted_unit(store::Transaction& tx, const ProvedUnit& peer) {
  WantedUnit wanted;
  MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, peer.deployment));
  if (!deployment || deployment->deleting != 0)
    return wrong_request("no-such-deployment", "The deployment is not wanted.");
  if (deployment->replicas == 0) return wrong_request("no-such-unit", "The deployment wants no unit.");
  MIFENG_TRY(const auto unit, store::find<store::UnitRow>(tx, peer.cluster, peer.unit));
  if (unit && unit->state == store::UnitState::kStopping)
    return wrong_request("no-such-unit", "The unit was told to end.");
  MIFENG_TRY(auto revision, store::find<store::RevisionRow>(tx, peer.revision));
  if (!revision || revision->deployment_id != peer.deployment)
    return wrong_request("no-such-revision", "The unit runs a revision that is not kept.");
  MIFENG_TRY(auto model, store::find<store::ModelRow>(tx, revision->version_id));
  // What was withdrawn is not deployed any more, and what runs of it goes on.
  if (!model || (model->state != store::VersionState::kAccepted && model->state != store::VersionState::kWithdrawn))
    return wrong_request("version-not-accepted", "The version is not accepted.");
  wanted.deployment = std::move(*deployment);
  wanted.revision = std::move(*revision);
  wanted.model = std::move(*model);
  return wanted;
}

}  // namespace mifeng::grants
