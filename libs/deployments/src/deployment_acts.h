// What is done to a deployment, in a transaction that others add to: to one by itself, and as an item of a batch.
// Whoever commits it notifies Context::changed, and access.snapshots_changed where routes or instances have gone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mifeng/deployments/deployment_service.h"
#include "mifeng/store/database.h"
#include "mifeng/store/deployments.h"
#include "port_plan.h"

namespace mifeng::deployments {

struct Context;

// kNotFound, also of one that is being deleted.
Result<store::DeploymentRow> live_deployment(store::Transaction& tx, const std::string& id);

// Each leaves `row` as it is stored then. Without `held` scaling takes no ports: where it would have to it does
// nothing, and gives false.
Result<bool> scale_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                      store::DeploymentRow& row, int replicas, const std::optional<HeldPorts>& held);
Result<void> restart_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                        store::DeploymentRow& row);
Result<void> remove_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                       store::DeploymentRow& row, RemoveClaims claims);
// As DeploymentService::update() and rollback(), with their errors; nothing is stored where they are refused.
Result<void> update_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                       store::DeploymentRow& row, const UpdateRequest& request);
Result<void> roll_back_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                          store::DeploymentRow& row, int to);
// What update_in() would replace, and with which errors; empty: nothing.
struct UpdateOutlook {
  std::vector<FieldChange> changes{};
  int from_revision = 0;  // number
};
Result<UpdateOutlook> outlook_of_update(const Context& context, store::Transaction& tx, const std::string& id,
                                        const UpdateRequest& request);

}  // namespace mifeng::deployments
