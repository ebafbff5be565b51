// Granted instances: ending them, and whether gateways know them.
#pragma once

#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"

namespace mifeng::platform {

struct Core;

enum class EndKind { kEnded, kRevoked };
// Into the caller's transaction, with an audit entry and a change for the snapshots.
Result<void> end_instance(Core& core, store::Transaction& tx, store::InstanceRow row, EndKind kind,
                          const std::string& by, const std::string& reason);
// Whether every gateway that follows now has confirmed a snapshot with this instance; true where none follows.
Result<bool> is_listed(Core& core, store::Transaction& tx, const store::InstanceRow& row);

}  // namespace mifeng::platform
