// Clusters 集群: where units run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {

MIFENG_RECORD(ClusterRow, "clusters", 1, text(id), text(name), text(kind),  // "podman", "kubernetes"
              text(address),         // where its engine is reached; nothing secret
              text(wrapped_access),  // what is secret of that, wrapped; empty where there is nothing
              text(default_namespace), text(node_addresses),  // separated by spaces; where gateways dial node ports
              text(registry),                                 // as its nodes see it
              text(state),                                    // "unknown", "ready", "away"
              text(reason), text(version),                    // what its engine said of itself
              text(may),                                      // what we are allowed there, separated by spaces
              number(sweep_held),  // something newer than this database runs there: nothing unknown is removed
              number(created_ms), number(changed_ms));

}  // namespace mifeng::store
