// Which ports are free: for the page, for recommendations and for reservations, by one rule.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "mifeng/platform/port_service.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/ports.h"

namespace mifeng::platform {

struct Core;

// Ports that processes and containers of the host hold; asked before a transaction, since it takes a while.
Result<std::set<int>> host_ports(Core& core);

struct PortMap {
  std::vector<store::PortRangeRow> ranges{};
  std::map<int, store::UsedPortRow> used{};
  std::map<int, std::string> reserved{};
  std::set<int> host{};

  bool in_range(int port) const;
  PortState state(int port) const;
  // The lowest `count` free ones; kResourceExhausted "no-free-ports".
  Result<std::vector<int>> lowest_free(int count) const;
  // kConflict "port-taken", or kInvalidArgument "port-out-of-range".
  Result<void> check_free(int port) const;
};
Result<PortMap> load_ports(store::Transaction& tx, std::set<int> host);

// Gives replicas that could not start for a taken port free ones instead, where another program listens on theirs: what
// was free when it was recommended need not be when the container starts. Ports that the operator chose stay. Returns
// how many moved; kResourceExhausted "no-free-ports".
Result<int> move_taken_ports(Core& core, const store::DeploymentRow& deployment,
                             const std::set<std::int64_t>& replicas);

}  // namespace mifeng::platform
