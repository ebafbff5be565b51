// One look at one deployment.
#pragma once

#include "mifeng/base/result.h"
#include "mifeng/store/deployments.h"

namespace mifeng::platform {

struct Core;

// Brings the deployment's containers to what its row wants, and what it says of itself to what they are. May be broken
// off at any point and be done again. One at a time for each deployment. Gives the number of steps taken; kUnavailable
// where the engine is away.
Result<int> run_deployment_round(Core& core, store::DeploymentRow row);

}  // namespace mifeng::platform
