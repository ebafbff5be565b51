#include "port_plan.h"

#include <algorithm>

#include "audit_log.h"
#include "core.h"
#include "deployment_rows.h"

namespace mifeng::platform {

Result<std::set<int>> host_ports(Core& core) {
  MIFENG_TRY(const auto listening, listening_ports(core.options.proc));
  std::set<int> ports(listening.begin(), listening.end());
  if (core.engine.get() != nullptr) {
    // A container that is stopped listens nowhere and still holds its ports for its next start.
    MIFENG_TRY(const auto held, core.engine.call<std::vector<std::uint16_t>>(
                                    [](cluster::Engine& engine) { return engine.host_ports_in_use(); }));
    ports.insert(held.begin(), held.end());
  }
  return ports;
}

Result<PortMap> load_ports(store::Transaction& tx, std::set<int> host) {
  PortMap map;
  map.host = std::move(host);
  MIFENG_TRY(map.ranges, store::all<store::PortRangeRow>(tx));
  MIFENG_TRY(const auto used, store::all<store::UsedPortRow>(tx));
  for (const auto& row : used) map.used.emplace(static_cast<int>(row.port), row);
  MIFENG_TRY(const auto reserved, store::all<store::ReservedPortRow>(tx));
  for (const auto& row : reserved) map.reserved.emplace(static_cast<int>(row.port), row.reason);
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
  if (host.contains(port)) return PortState::kUsedByOthers;
  return PortState::kFree;
}

Result<std::vector<int>> PortMap::lowest_free(int count) const {
  std::vector<int> ports;
  for (const auto& range : ranges)
    for (auto port = static_cast<int>(range.first_port); port <= range.last_port; ++port) {
      if (static_cast<int>(ports.size()) == count) return ports;
      if (state(port) == PortState::kFree) ports.push_back(port);
    }
  if (static_cast<int>(ports.size()) == count) return ports;
  return Error(ErrorCode::kResourceExhausted, "no-free-ports",
               std::to_string(count) + " node ports are needed and " + std::to_string(ports.size()) +
                   " are free. Add a range of node ports, or remove deployments.");
}

Result<void> PortMap::check_free(int port) const {
  const auto taken = [&](const std::string& by) -> Result<void> {
    return Error(ErrorCode::kConflict, "port-taken", "Node port " + std::to_string(port) + " " + by + ".");
  };
  if (!in_range(port))
    return Error(ErrorCode::kInvalidArgument, "port-out-of-range",
                 "Port " + std::to_string(port) + " is in none of the ranges of available node ports.");
  switch (state(port)) {
    case PortState::kFree: return ok();
    case PortState::kUsed: return taken("is used by the deployment " + used.at(port).deployment_id);
    case PortState::kUsedByOthers: return taken("is held by another process or container of this host");
    case PortState::kReserved: return taken("is reserved (" + reserved.at(port) + ")");
  }
  return ok();
}

Result<int> move_taken_ports(Core& core, const store::DeploymentRow& deployment,
                             const std::set<std::int64_t>& replicas) {
  MIFENG_TRY(const auto request, parse_request(deployment.overlay_json));
  if (!request.ports.empty()) return 0;
  // These replicas do not run: who listens on their ports is somebody else.
  MIFENG_TRY(const auto listening, listening_ports(core.options.proc));
  MIFENG_TRY(auto host, host_ports(core));
  return core.db->write([&](store::Transaction& tx) -> Result<int> {
    MIFENG_TRY(PortMap map, load_ports(tx, host));
    MIFENG_TRY(const auto ports, store::ports_of(tx, deployment.id));
    int moved = 0;
    for (store::UsedPortRow row : ports) {
      if (!replicas.contains(row.replica_number) ||
          std::find(listening.begin(), listening.end(), static_cast<int>(row.port)) == listening.end())
        continue;
      MIFENG_TRY(const auto free, map.lowest_free(1));
      MIFENG_CHECK(store::erase<store::UsedPortRow>(tx, row.port));
      MIFENG_CHECK(core.audit->append(
          tx, AuditEvent{.actor = "system",
                         .action = "ports.move",
                         .subject = deployment.id,
                         .detail = row.replica + ": " + std::to_string(free.front()) + " instead of " +
                                   std::to_string(row.port) + ", which another program holds"}));
      row.port = free.front();
      row.reserved_ms = core.clock.now_ms();
      MIFENG_CHECK(store::insert(tx, row));
      map.used.emplace(free.front(), row);
      ++moved;
    }
    return moved;
  });
}

}  // namespace mifeng::platform
