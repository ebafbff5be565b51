// What makes a deployment's rows, in a transaction that others add to.
#pragma once

#include <string>
#include <vector>

#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/store/database.h"
#include "mifeng/store/models.h"
#include "port_plan.h"

namespace mifeng::deployments {

struct Context;

// kInvalidArgument "bad-replicas".
Result<void> check_replicas(int replicas);

// Of an item of a batch. `id`: of the deployment; empty: a new one. `planned_ports`: taken where they are still free,
// else others.
struct CreatedBy {
  std::string id{};
  std::vector<int> planned_ports{};
  std::string batch_id{};
};
std::string new_deployment_id(const Context& context, const std::string& name);

// DeploymentService::create() within `tx`; `held`: the ports that others hold now in the deployment's cluster.
Result<store::DeploymentRow> create_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                                       const DeploymentRequest& request, const HeldPorts& held,
                                       const CreatedBy& by = {});
// What create_in() needs for these requests; a cluster that cannot be asked has an error of its own.
Result<HeldPorts> held_for(const Context& context, const DeploymentRequest& request);

// Makes the next revision the wanted one, and forgets those beyond what is kept and no unit runs.
Result<store::RevisionRow> add_revision(const Context& context, store::Transaction& tx, store::DeploymentRow& row,
                                        const store::ModelRow& model, const Overlay& overlay, const std::string& cause,
                                        const std::string& by);

// What a plan says of a model that asks for a network.
void add_network_warning(std::vector<std::string>& warnings, const Prepared& prepared, const Overlay& overlay);

}  // namespace mifeng::deployments
