// Deployments between their requests, their rows and what an engine is given.
#pragma once

#include "mifeng/cluster/engine.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/platform/deployment_service.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"

namespace mifeng::platform {

struct Core;

// What was asked for, as it is stored; parse gives the same request again.
json::Object request_json(const DeploymentRequest& request);
Result<DeploymentRequest> parse_request(const std::string& text);

// What holds of a version: with a payload that is sealed for the platform and signed by its vendor L1, else L0. What
// holds the keys and the memory (L2, L3) is nothing that the platform can show yet.
Grade grade_of(const store::ModelRow& model);

// The version's config with what the request changes. kConflict "version-not-accepted"; kInvalidArgument.
struct Prepared {
  store::ModelRow model{};
  manifest::DeploymentConfig config{};
};
Result<Prepared> prepare(store::Transaction& tx, const DeploymentRequest& request);

std::string replica_name(Core& core, const std::string& deployment_id, int number);
Result<cluster::PodTemplate> render(Core& core, const Prepared& prepared, const std::string& deployment_id);
// For people and for the plan; not what the engine gets on the wire.
std::string pod_json(const cluster::PodTemplate& pod);
Result<cluster::Workload> workload_of(Core& core, store::Transaction& tx, const store::DeploymentRow& row);
Result<Deployment> deployment_of(store::Transaction& tx, const store::DeploymentRow& row);

// What a deployment's replicas make of it where `wanted` of them shall run; those beyond that number do not count.
struct Verdict {
  std::string state, reason;
};
Verdict judge(const std::vector<store::ReplicaRow>& replicas, std::int64_t wanted);

}  // namespace mifeng::platform
