// One look at one deployment.
#pragma once

#include <optional>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/store/deployments.h"

namespace mifeng::deployments {

struct Context;

// kApply: the engine is given the deployment whether or not its units look right: somebody wishes something else of it,
// or this process has not compared it with what it renders to yet.
enum class Urge { kLook, kApply };

struct RoundResult {
  int changed = 0;                          // steps taken
  std::optional<UnixMillis> look_again_ms;  // when there will be something to do although nothing happens
};

// Brings the deployment's units to what its row wants, and what it says of itself to what they are. May be broken off
// at any point and be done again. One at a time for each deployment. kUnavailable where the engine is away.
Result<RoundResult> run_deployment_round(const Context& context, store::DeploymentRow row, Urge urge);

}  // namespace mifeng::deployments
