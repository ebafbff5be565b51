// What gateways are told, out of the tables.
#pragma once

#include <optional>

#include "mifeng/access/trial_caller.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/store/gateways.h"

namespace mifeng::trust {
struct KeySet;
}

namespace mifeng::access {

struct Context;

// Everything but gateway, serial and times. `trial`: the platform's own caller, where there is one now.
Result<messages::Snapshot> build_snapshot(store::Transaction& tx, const trust::KeySet& keys,
                                          const std::optional<TrialCaller::Admitted>& trial);
// Makes and seals the next snapshot for this gateway and stores it in its row. `above`: its serial must be higher.
Result<void> issue_snapshot(const Context& context, store::Transaction& tx, store::GatewayRow& gateway,
                            std::int64_t above);

}  // namespace mifeng::access
