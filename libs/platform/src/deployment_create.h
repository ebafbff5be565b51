// What makes a deployment's rows, in a transaction that others add to.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "mifeng/manifest/deployment_config.h"
#include "mifeng/platform/deployment_service.h"
#include "mifeng/store/database.h"

namespace mifeng::platform {

struct Core;

// Rows for the replicas from `first` on, and their ports: replica by replica, each with the config's ports in order.
Result<void> add_replicas(Core& core, store::Transaction& tx, const std::string& deployment_id,
                          const manifest::DeploymentConfig& config, int first, int replicas,
                          const std::vector<int>& node_ports);

// DeploymentService::create() within `tx`; `host`: the ports that others hold now.
Result<Deployment> create_in(Core& core, store::Transaction& tx, const Actor& actor, const DeploymentRequest& request,
                             const std::set<int>& host, const std::string& batch_id);

}  // namespace mifeng::platform
