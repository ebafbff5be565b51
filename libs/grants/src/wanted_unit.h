// What the platform itself wants of a unit that asks, and how it refuses.
#pragma once

#include <string>

#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"
#include "proved_peers.h"

namespace mifeng::grants {

// What failed on our side says nothing about the request, and the peer may know it.
bool is_ours(ErrorCode code);
// To the peer every failure of authentication looks like this one.
Error refused();
// What the audit log says of such a failure. kVerificationFailed.
Error wrong_request(const std::string& reason, const std::string& message);

struct WantedUnit {
  store::DeploymentRow deployment{};
  store::RevisionRow revision{};  // that this unit runs
  store::ModelRow model{};
};
// kVerificationFailed where the deployment, the unit or its revision is not wanted, or the version not accepted any
// more.
Result<WantedUnit> find_wanted_unit(store::Transaction& tx, const ProvedUnit& peer);

}  // namespace mifeng::grants
