// Which ports are free: for the page, for recommendations and for reservations, by one rule.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "mifeng/deployments/port_service.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {

struct Context;

// What holds ports of the cluster's nodes, by port; asked before a transaction, since it takes a while.
using HeldPorts = std::map<int, std::string>;
Result<HeldPorts> held_ports(const Context& context, const std::string& cluster);

struct PortMap {
  std::vector<store::PortRangeRow> ranges{};
  std::map<int, store::UsedPortRow> used{};
  std::map<int, std::string> reserved{};
  HeldPorts held{};

  bool in_range(int port) const;
  PortState state(int port) const;
  // The lowest `count` free ones; kResourceExhausted "no-free-ports".
  Result<std::vector<int>> lowest_free(int count) const;
  // kResourceExhausted "no-free-ports".
  Result<int> highest_free() const;
  // kConflict "port-taken", or kInvalidArgument "port-out-of-range".
  Result<void> check_free(int port) const;
};
Result<PortMap> load_ports(store::Transaction& tx, const std::string& cluster, HeldPorts held);
// Which says something of these ports alone: in a large batch the whole of it is read no more than once.
Result<PortMap> load_ports_at(store::Transaction& tx, const std::string& cluster, const HeldPorts& held,
                              const std::vector<int>& ports);

// Gives slots whose unit could not start for a taken port free ports instead, where another program listens on theirs:
// what was free when it was recommended need not be when the unit starts. Ports that a person chose stay. Returns how
// many moved; kResourceExhausted "no-free-ports".
Result<int> move_taken_ports(const Context& context, const store::DeploymentRow& deployment,
                             const std::set<int>& slots);

}  // namespace mifeng::deployments
