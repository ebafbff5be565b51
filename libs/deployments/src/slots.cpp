#include "slots.h"

#include <algorithm>

#include "mifeng/cluster/engine.h"
#include "mifeng/deployments/context.h"

namespace mifeng::deployments {
namespace {

Result<std::vector<int>> choose(const PortMap& map, const std::vector<int>& chosen, int needed) {
  if (chosen.empty()) return map.lowest_free(needed);
  if (static_cast<int>(chosen.size()) != needed)
    return Error(ErrorCode::kInvalidArgument, "bad-ports",
                 "ports: " + std::to_string(needed) + " are needed (slots times container ports), " +
                     std::to_string(chosen.size()) + " were given.");
  std::set<int> seen;
  for (const int port : chosen) {
    MIFENG_CHECK(map.check_free(port));
    if (!seen.insert(port).second)
      return Error(ErrorCode::kInvalidArgument, "bad-ports", "ports: " + std::to_string(port) + " is given twice.");
  }
  return chosen;
}

}  // namespace

Result<int> take_slots(const Context& context, store::Transaction& tx, const store::DeploymentRow& row,
                       const std::vector<manifest::ContainerPort>& ports, int slots, const std::vector<int>& chosen,
                       PortMap& map) {
  MIFENG_TRY(const auto there, store::ports_of(tx, row.id));
  std::set<int> have;
  for (const auto& port : there) have.insert(static_cast<int>(port.slot));
  for (int slot = 0; static_cast<int>(have.size()) < slots; ++slot) have.insert(slot);
  std::vector<store::UsedPortRow> missing;
  for (const int slot : have)
    for (const auto& port : ports) {
      const bool taken = std::any_of(there.begin(), there.end(), [&](const store::UsedPortRow& one) {
        return one.slot == slot && one.port_name == port.name;
      });
      if (taken) continue;
      store::UsedPortRow used;
      used.cluster_id = row.cluster_id;
      used.deployment_id = row.id;
      used.slot = slot;
      used.port_name = port.name;
      used.taken_ms = context.clock.now_ms();
      missing.push_back(std::move(used));
    }
  MIFENG_TRY(const auto free, choose(map, chosen, static_cast<int>(missing.size())));
  for (std::size_t i = 0; i < missing.size(); ++i) {
    missing[i].port = free[i];
    MIFENG_CHECK(store::insert(tx, missing[i]));
    map.used.emplace(free[i], missing[i]);
  }
  return static_cast<int>(missing.size());
}

Result<int> slots_taken(store::Transaction& tx, const store::DeploymentRow& row) {
  MIFENG_TRY(const auto there, store::ports_of(tx, row.id));
  std::set<std::int64_t> slots;
  for (const auto& port : there) slots.insert(port.slot);
  return static_cast<int>(slots.size());
}

Result<bool> give_slots_back(store::Transaction& tx, const store::DeploymentRow& row,
                             const std::vector<manifest::ContainerPort>& ports, int slots,
                             const std::set<int>& occupied) {
  MIFENG_TRY(const auto there, store::ports_of(tx, row.id));
  std::set<int> kept = occupied;
  for (const auto& port : there)
    if (static_cast<int>(kept.size()) < slots) kept.insert(static_cast<int>(port.slot));
  bool changed = false;
  for (const auto& port : there) {
    const bool named = std::any_of(ports.begin(), ports.end(),
                                   [&](const manifest::ContainerPort& one) { return one.name == port.port_name; });
    if (named && kept.contains(static_cast<int>(port.slot))) continue;
    MIFENG_CHECK(store::erase<store::UsedPortRow>(tx, port.cluster_id, port.port));
    changed = true;
  }
  return changed;
}

Result<std::vector<PlannedPort>> plan_slots(const std::vector<manifest::ContainerPort>& ports, int slots,
                                            const std::vector<int>& chosen, const PortMap& map) {
  MIFENG_TRY(const auto free, choose(map, chosen, slots * static_cast<int>(ports.size())));
  std::vector<PlannedPort> planned;
  std::size_t next = 0;
  for (int slot = 0; slot < slots; ++slot)
    for (const auto& port : ports)
      planned.push_back(
          {.slot = slot, .port_name = port.name, .container_port = port.container_port, .node_port = free[next++]});
  return planned;
}

cluster::PortNeeds port_needs(const Context& context, const std::string& cluster, const cluster::PodTemplate& pod,
                              int replicas) {
  const auto engine = context.clusters.find(cluster);
  if (!engine) return {.slots = replicas, .update_slots = 0};
  return engine->ports_needed(pod, replicas);
}

}  // namespace mifeng::deployments
