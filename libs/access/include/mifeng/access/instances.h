// Granted instances: ending them, and whether gateways know them.
#pragma once

#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"

namespace mifeng::access {

struct Context;

enum class EndKind { kEnded, kRevoked };
// Into the caller's transaction, with an audit entry and a change for the snapshots.
Result<void> end_instance(const Context& context, store::Transaction& tx, store::InstanceRow row, EndKind kind,
                          const std::string& by, const std::string& reason);
// Whether every gateway that follows now has confirmed a snapshot of that change or a later one; true where none
// follows.
Result<bool> gateways_know(const Context& context, store::Transaction& tx, std::int64_t change);
// Tells the gateways what is stored now, and waits until those that follow have confirmed it, 2 s at most: so that
// whoever gets the answer can call at once. One that is slower learns of it as it can.
void tell_gateways(const Context& context);

}  // namespace mifeng::access
