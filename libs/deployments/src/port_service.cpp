#include "mifeng/deployments/port_service.h"

#include <algorithm>

#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/deployments/context.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"
#include "port_plan.h"

namespace mifeng::deployments {

std::string_view to_string(PortState state) {
  switch (state) {
    case PortState::kFree: return "free";
    case PortState::kUsed: return "used";
    case PortState::kUsedByOthers: return "used-by-others";
    case PortState::kReserved: return "reserved";
  }
  return "";
}

namespace {

std::vector<PortRange> ranges_of(const std::vector<store::PortRangeRow>& rows) {
  std::vector<PortRange> ranges;
  for (const auto& row : rows)
    ranges.push_back({.first = static_cast<int>(row.first_port), .last = static_cast<int>(row.last_port)});
  return ranges;
}

std::vector<ReservedPort> reserved_of(const std::vector<store::ReservedPortRow>& rows) {
  std::vector<ReservedPort> reserved;
  for (const auto& row : rows) reserved.push_back({.port = static_cast<int>(row.port), .reason = row.reason});
  return reserved;
}

}  // namespace

// Without the cluster's name: a version is one of the ports of one cluster anyway.
std::string version_of(const std::vector<PortRange>& ranges) {
  std::vector<store::PortRangeRow> rows;
  for (const auto& range : ranges)
    rows.push_back({.cluster_id = "", .first_port = range.first, .last_port = range.last});
  return trust::version_of(std::move(rows));
}

std::string version_of(const std::vector<ReservedPort>& reserved) {
  std::vector<store::ReservedPortRow> rows;
  for (const auto& port : reserved) rows.push_back({.cluster_id = "", .port = port.port, .reason = port.reason});
  return trust::version_of(std::move(rows));
}

Result<std::vector<PortRange>> PortService::ranges(const trust::Actor& actor, const std::string& cluster) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadPorts));
  MIFENG_TRY(auto rows, context_.db.read([&](store::Transaction& tx) -> Result<std::vector<store::PortRangeRow>> {
    MIFENG_TRY(const auto id, clusters::known_cluster(tx, cluster));
    return store::port_ranges_of(tx, id);
  }));
  return ranges_of(rows);
}

Result<std::vector<PortRange>> PortService::set_ranges(const trust::Actor& actor, const std::string& cluster,
                                                       const std::vector<PortRange>& ranges) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePorts));
  std::vector<PortRange> sorted = ranges;
  std::sort(sorted.begin(), sorted.end(), [](const PortRange& a, const PortRange& b) { return a.first < b.first; });
  int before = 1023;
  for (const PortRange& range : sorted) {
    if (range.first <= before || range.last < range.first || range.last > 65535)
      return Error(ErrorCode::kInvalidArgument, "bad-range",
                   "Ranges lie within 1024 to 65535, begin before they end, and do not overlap.");
    before = range.last;
  }
  if (sorted.empty() || sorted.size() > 64)
    return Error(ErrorCode::kInvalidArgument, "bad-range", "Give 1 to 64 ranges.");
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto id, clusters::known_cluster(tx, cluster));
    MIFENG_TRY(auto map, load_ports(tx, id, {}));
    MIFENG_CHECK(trust::expect_version(actor, version_of(ranges_of(map.ranges))));
    for (const auto& row : map.ranges) MIFENG_CHECK(store::erase<store::PortRangeRow>(tx, id, row.first_port));
    map.ranges.clear();
    std::string text;
    for (const PortRange& range : sorted) {
      map.ranges.push_back({.cluster_id = id, .first_port = range.first, .last_port = range.last});
      MIFENG_CHECK(store::insert(tx, map.ranges.back()));
      text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
    }
    for (const auto& [port, row] : map.used)
      if (!map.in_range(port))
        return Error(ErrorCode::kConflict, "port-in-use",
                     "Port " + std::to_string(port) + " is used by " + row.deployment_id + " and would fall out.");
    return context_.audit.append(tx, actor, "ports.set-ranges", "node ports of " + id, text);
  }));
  return sorted;
}

Result<std::vector<ReservedPort>> PortService::reserved(const trust::Actor& actor, const std::string& cluster) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadPorts));
  MIFENG_TRY(auto rows, context_.db.read([&](store::Transaction& tx) -> Result<std::vector<store::ReservedPortRow>> {
    MIFENG_TRY(const auto id, clusters::known_cluster(tx, cluster));
    return store::reserved_ports_of(tx, id);
  }));
  return reserved_of(rows);
}

Result<std::vector<ReservedPort>> PortService::set_reserved(const trust::Actor& actor, const std::string& cluster,
                                                            const std::vector<ReservedPort>& reserved) {
  MIFENG_CHECK(require(actor, trust::Permission::kManagePorts));
  if (reserved.size() > 4096)
    return Error(ErrorCode::kInvalidArgument, "bad-reserved", "At most 4,096 reserved ports; make the range smaller.");
  for (const ReservedPort& port : reserved) {
    if (port.port < 1 || port.port > 65535)
      return Error(ErrorCode::kInvalidArgument, "bad-reserved", "A port is 1 to 65535.");
    MIFENG_CHECK(trust::check_text("reason", port.reason, 200));
  }
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto id, clusters::known_cluster(tx, cluster));
    MIFENG_TRY(const auto kept, store::reserved_ports_of(tx, id));
    MIFENG_CHECK(trust::expect_version(actor, version_of(reserved_of(kept))));
    MIFENG_TRY(const auto map, load_ports(tx, id, {}));
    for (const auto& [port, reason] : map.reserved)
      MIFENG_CHECK(store::erase<store::ReservedPortRow>(tx, id, std::int64_t{port}));
    for (const ReservedPort& port : reserved) {
      if (map.used.contains(port.port))
        return Error(ErrorCode::kConflict, "port-in-use",
                     "Port " + std::to_string(port.port) + " is used by " + map.used.at(port.port).deployment_id + ".");
      MIFENG_CHECK(
          store::insert(tx, store::ReservedPortRow{.cluster_id = id, .port = port.port, .reason = port.reason}));
    }
    return context_.audit.append(tx, actor, "ports.set-reserved", "node ports of " + id,
                                 std::to_string(reserved.size()) + " reserved");
  }));
  return PortService::reserved(actor, cluster);
}

Result<std::vector<PortInfo>> PortService::overview(const trust::Actor& actor, const std::string& cluster) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadPorts));
  MIFENG_TRY(const auto id,
             context_.db.read([&](store::Transaction& tx) { return clusters::known_cluster(tx, cluster); }));
  MIFENG_TRY(auto held, held_ports(context_, id));
  std::map<std::pair<std::string, std::int64_t>, std::string> units;  // by deployment and slot
  MIFENG_TRY(const auto map, context_.db.read([&](store::Transaction& tx) -> Result<PortMap> {
    MIFENG_TRY(const auto rows, store::all<store::UnitRow>(tx));
    for (const auto& row : rows)
      if (row.cluster_id == id) units[{row.deployment_id, row.slot}] = row.name;
    return load_ports(tx, id, held);
  }));
  std::vector<PortInfo> infos;
  for (const auto& range : map.ranges)
    for (auto port = static_cast<int>(range.first_port); port <= range.last_port; ++port) {
      PortInfo info{.port = port, .state = map.state(port), .holder = "", .unit = "", .port_name = ""};
      if (const auto used = map.used.find(port); used != map.used.end()) {
        info.holder = used->second.deployment_id;
        if (const auto unit = units.find({info.holder, used->second.slot}); unit != units.end())
          info.unit = unit->second;
        info.port_name = used->second.port_name;
      } else if (const auto kept = map.reserved.find(port); kept != map.reserved.end()) {
        info.holder = kept->second;
      } else if (info.state == PortState::kUsedByOthers) {
        info.holder = map.held.at(port);
      }
      infos.push_back(std::move(info));
    }
  return infos;
}

Result<std::vector<int>> PortService::recommend(const trust::Actor& actor, const std::string& cluster, int count) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadPorts));
  if (count < 1 || count > 10'000) return Error(ErrorCode::kInvalidArgument, "bad-count", "count: 1 to 10,000.");
  MIFENG_TRY(const auto id,
             context_.db.read([&](store::Transaction& tx) { return clusters::known_cluster(tx, cluster); }));
  MIFENG_TRY(auto held, held_ports(context_, id));
  return context_.db.read([&](store::Transaction& tx) -> Result<std::vector<int>> {
    MIFENG_TRY(const auto map, load_ports(tx, id, std::move(held)));
    return map.lowest_free(count);
  });
}

}  // namespace mifeng::deployments
