#include "port_plan.h"

#include <algorithm>

#include "mifeng/base/phrase.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/net/listeners.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/text.h"

namespace mifeng::deployments {

Result<HeldPorts> held_ports(const Context& context, const std::string& cluster) {
  HeldPorts held;
  if (context.clusters.is_here(cluster)) {
    MIFENG_TRY(const auto listening, net::read_tcp_listeners(context.options.proc));
    for (const auto& listener : listening)
      held.emplace(listener.port, phrase("a process or container of this machine"));
    MIFENG_TRY(const auto forwarded, forwarded_ports(context.options.port_rules));
    for (const auto& [port, network] : forwarded)
      held.emplace(port,
                   phrase("a rule of the packet filter for the container network {}", trust::clean_text(network, 100)));
  }
  if (context.clusters.find(cluster)) {
    // A container that is stopped listens nowhere and still holds its ports for its next start.
    MIFENG_TRY(const auto in_use,
               clusters::call_engine<std::vector<cluster::PortInUse>>(
                   context.clusters, cluster, [](cluster::Engine& engine) { return engine.ports_in_use(); }));
    for (const auto& port : in_use) held[port.port] = trust::clean_text(port.holder, 200);
  }
  return held;
}

Result<PortMap> load_ports(store::Transaction& tx, const std::string& cluster, HeldPorts held) {
  PortMap map;
  map.held = std::move(held);
  MIFENG_TRY(map.ranges, store::port_ranges_of(tx, cluster));
  MIFENG_TRY(const auto used, store::used_ports_in(tx, cluster));
  for (const auto& row : used) map.used.emplace(static_cast<int>(row.port), row);
  MIFENG_TRY(const auto reserved, store::reserved_ports_of(tx, cluster));
  for (const auto& row : reserved) map.reserved.emplace(static_cast<int>(row.port), row.reason);
  return map;
}

Result<PortMap> load_ports_at(store::Transaction& tx, const std::string& cluster, const HeldPorts& held,
                              const std::vector<int>& ports) {
  PortMap map;
  MIFENG_TRY(map.ranges, store::port_ranges_of(tx, cluster));
  for (const int port : ports) {
    if (const auto holder = held.find(port); holder != held.end()) map.held.insert(*holder);
    MIFENG_TRY(auto used, store::find<store::UsedPortRow>(tx, cluster, std::int64_t{port}));
    if (used) map.used.emplace(port, std::move(*used));
    MIFENG_TRY(const auto reserved, store::find<store::ReservedPortRow>(tx, cluster, std::int64_t{port}));
    if (reserved) map.reserved.emplace(port, reserved->reason);
  }
  return map;
}

bool PortMap::in_range(int port) const {
  return std::any_of(ranges.begin(), ranges.end(), [&](const store::PortRangeRow& range) {
    return port >= range.first_port && port <= range.last_port;
  });
}

PortState PortMap::state(int port) const {
  if (used.contains(port)) return PortState::kUsed;
  if (reserved.contains(port)) return PortState::kReserved;
  if (held.contains(port)) return PortState::kUsedByOthers;
  return PortState::kFree;
}

namespace {

std::string shown(const std::vector<store::PortRangeRow>& ranges) {
  std::string text;
  for (const auto& range : ranges)
    text += (text.empty() ? "" : ", ") + std::to_string(range.first_port) + "-" + std::to_string(range.last_port);
  return text;
}

Error too_few_free(int needed, std::size_t free) {
  return Error(ErrorCode::kResourceExhausted, "no-free-ports",
               phrase("{} node ports are needed and {} are free. Add a range of node ports, or remove deployments.",
                      needed, free));
}

}  // namespace

Result<int> PortMap::highest_free() const {
  for (auto range = ranges.rbegin(); range != ranges.rend(); ++range)
    for (auto port = static_cast<int>(range->last_port); port >= range->first_port; --port)
      if (state(port) == PortState::kFree) return port;
  return too_few_free(1, 0);
}

Result<std::vector<int>> PortMap::lowest_free(int count) const {
  std::vector<int> ports;
  for (const auto& range : ranges)
    for (auto port = static_cast<int>(range.first_port); port <= range.last_port; ++port) {
      if (static_cast<int>(ports.size()) == count) return ports;
      if (state(port) == PortState::kFree) ports.push_back(port);
    }
  if (static_cast<int>(ports.size()) == count) return ports;
  return too_few_free(count, ports.size());
}

Result<void> PortMap::check_free(int port) const {
  const auto taken = [&](std::string sentence) -> Result<void> {
    return Error(ErrorCode::kConflict, "port-taken", std::move(sentence));
  };
  if (!in_range(port))
    return Error(ErrorCode::kInvalidArgument, "port-out-of-range",
                 phrase("Port {} is in none of the ranges of available node ports ({}).", port, shown(ranges)));
  switch (state(port)) {
    case PortState::kFree: return ok();
    case PortState::kUsed:
      return taken(phrase("Node port {} is used by the deployment {}.", port, used.at(port).deployment_id));
    case PortState::kUsedByOthers: return taken(phrase("Node port {} is held by {}.", port, held.at(port)));
    case PortState::kReserved: return taken(phrase("Node port {} is reserved ({}).", port, reserved.at(port)));
  }
  return ok();
}

Result<int> move_taken_ports(const Context& context, const store::DeploymentRow& deployment,
                             const std::set<int>& slots) {
  if (deployment.ports_chosen != 0) return 0;
  // These units do not run: whoever holds their ports is somebody else. Where the engine alone can say so it has.
  std::set<int> listening;
  const bool here = context.clusters.is_here(deployment.cluster_id);
  if (here) {
    MIFENG_TRY(const auto listeners, net::read_tcp_listeners(context.options.proc));
    for (const auto& listener : listeners) listening.insert(listener.port);
  }
  MIFENG_TRY(auto held, held_ports(context, deployment.cluster_id));
  return context.db.write([&](store::Transaction& tx) -> Result<int> {
    MIFENG_TRY(PortMap map, load_ports(tx, deployment.cluster_id, held));
    MIFENG_TRY(const auto ports, store::ports_of(tx, deployment.id));
    int moved = 0;
    for (store::UsedPortRow row : ports) {
      if (!slots.contains(static_cast<int>(row.slot)) || (here && !listening.contains(static_cast<int>(row.port))))
        continue;
      MIFENG_TRY(const auto free, map.lowest_free(1));
      MIFENG_CHECK(store::erase<store::UsedPortRow>(tx, row.cluster_id, row.port));
      MIFENG_CHECK(context.audit.append(
          tx, trust::AuditEvent{.actor = "system",
                                .action = "ports.move",
                                .subject = deployment.id,
                                .detail = row.port_name + ": " + std::to_string(free.front()) + " instead of " +
                                          std::to_string(row.port) + ", which another program holds"}));
      row.port = free.front();
      row.taken_ms = context.clock.now_ms();
      MIFENG_CHECK(store::insert(tx, row));
      map.used.emplace(free.front(), row);
      ++moved;
    }
    return moved;
  });
}

}  // namespace mifeng::deployments
