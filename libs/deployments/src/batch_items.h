// Items of batches, one at a time: each is done in one transaction with what it does to its deployment, so that a crash
// at any moment leaves it either waiting or done.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "mifeng/base/result.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/store/database.h"
#include "mifeng/store/deployments.h"
#include "port_plan.h"

namespace mifeng::deployments {

struct Context;

// The id of the deployment that an item will have: of the one that it updates, else a new one.
std::string deployment_id_for(const Context& context, const store::BatchItemRow& item);

// Does what an item that waits is for. Gives its deployment, where the engine has something to do; none where the item
// does not wait any more, or failed, which its row says. kUnavailable where its cluster is away: it goes on waiting,
// and its row says for what.
using AskHeld = std::function<Result<HeldPorts>()>;
Result<std::optional<store::DeploymentRow>> do_item(const Context& context, const store::BatchItemRow& item,
                                                    const std::string& deployment_id, const AskHeld& held);

// What the deployment's state makes of the items that have it; in the transaction in which it changes.
Result<void> settle_items(const Context& context, store::Transaction& tx, const store::DeploymentRow& deployment);
// The same where it is not there any more.
Result<void> settle_gone(const Context& context, store::Transaction& tx, const std::string& deployment);

// Stores the item as it is now, and tells the audit log.
Result<void> store_item(const Context& context, store::Transaction& tx, store::BatchItemRow& item,
                        store::BatchItemState state, const std::string& code = "", const std::string& message = "");

// What a request for a new deployment wants of one that is there.
UpdateRequest update_of(const DeploymentRequest& request);

}  // namespace mifeng::deployments
