// A deployment's node ports, slot by slot.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/manifest/deployment_config.h"
#include "port_plan.h"

namespace mifeng::deployments {

struct Context;

// Takes node ports so that there are at least `slots` slots, each with every one of `ports`; what is there stays.
// `chosen`: for the new ones, slot by slot in the order of `ports`; empty: the lowest free. Gives how many were taken.
// kResourceExhausted "no-free-ports", kConflict "port-taken", kInvalidArgument "bad-ports".
Result<int> take_slots(const Context& context, store::Transaction& tx, const store::DeploymentRow& row,
                       const std::vector<manifest::ContainerPort>& ports, int slots, const std::vector<int>& chosen,
                       PortMap& map);
// How many slots the deployment has ports for.
Result<int> slots_taken(store::Transaction& tx, const store::DeploymentRow& row);
// Gives back all but `slots` slots, those in `occupied` first of all to be kept, and ports of other names than `ports`.
// Whether anything was given back.
Result<bool> give_slots_back(store::Transaction& tx, const store::DeploymentRow& row,
                             const std::vector<manifest::ContainerPort>& ports, int slots,
                             const std::set<int>& occupied);

// The ports that take_slots() would take for a new deployment.
Result<std::vector<PlannedPort>> plan_slots(const std::vector<manifest::ContainerPort>& ports, int slots,
                                            const std::vector<int>& chosen, const PortMap& map);

// What the deployment's engine needs; where there is none, as many slots as replicas.
cluster::PortNeeds port_needs(const Context& context, const std::string& cluster, const cluster::PodTemplate& pod,
                              int replicas);

}  // namespace mifeng::deployments
