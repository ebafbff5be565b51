#include "mifeng/platform/port_service.h"

#include <algorithm>

#include "audit_log.h"
#include "core.h"
#include "port_plan.h"

namespace mifeng::platform {

std::string_view to_string(PortState state) {
  switch (state) {
    case PortState::kFree: return "free";
    case PortState::kUsed: return "used";
    case PortState::kUsedByOthers: return "used-by-others";
    case PortState::kReserved: return "reserved";
  }
  return "";
}

Result<std::vector<PortRange>> PortService::ranges(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadPorts));
  MIFENG_TRY(auto rows, core_.db->read([](store::Transaction& tx) { return store::all<store::PortRangeRow>(tx); }));
  std::vector<PortRange> ranges;
  for (const auto& row : rows)
    ranges.push_back({.first = static_cast<int>(row.first_port), .last = static_cast<int>(row.last_port)});
  return ranges;
}

Result<std::vector<PortRange>> PortService::set_ranges(const Actor& actor, const std::vector<PortRange>& ranges) {
  MIFENG_CHECK(require(actor, Permission::kManagePorts));
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
  MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto map, load_ports(tx, {}));
    for (const auto& row : map.ranges) MIFENG_CHECK(store::erase<store::PortRangeRow>(tx, row.first_port));
    map.ranges.clear();
    std::string text;
    for (const PortRange& range : sorted) {
      map.ranges.push_back({.first_port = range.first, .last_port = range.last});
      MIFENG_CHECK(store::insert(tx, map.ranges.back()));
      text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
    }
    for (const auto& [port, row] : map.used)
      if (!map.in_range(port))
        return Error(ErrorCode::kConflict, "port-in-use",
                     "Port " + std::to_string(port) + " is used by " + row.deployment_id + " and would fall out.");
    return audit(core_, tx, actor, "ports.set-ranges", "node ports", text);
  }));
  return sorted;
}

Result<std::vector<ReservedPort>> PortService::reserved(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadPorts));
  MIFENG_TRY(auto rows, core_.db->read([](store::Transaction& tx) { return store::all<store::ReservedPortRow>(tx); }));
  std::vector<ReservedPort> reserved;
  for (auto& row : rows) reserved.push_back({.port = static_cast<int>(row.port), .reason = row.reason});
  return reserved;
}

Result<std::vector<ReservedPort>> PortService::set_reserved(const Actor& actor,
                                                            const std::vector<ReservedPort>& reserved) {
  MIFENG_CHECK(require(actor, Permission::kManagePorts));
  if (reserved.size() > 4096)
    return Error(ErrorCode::kInvalidArgument, "bad-reserved", "At most 4,096 reserved ports; make the range smaller.");
  for (const ReservedPort& port : reserved) {
    if (port.port < 1 || port.port > 65535)
      return Error(ErrorCode::kInvalidArgument, "bad-reserved", "A port is 1 to 65535.");
    MIFENG_CHECK(check_text("reason", port.reason, 200));
  }
  MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto map, load_ports(tx, {}));
    for (const auto& [port, reason] : map.reserved)
      MIFENG_CHECK(store::erase<store::ReservedPortRow>(tx, std::int64_t{port}));
    for (const ReservedPort& port : reserved) {
      if (map.used.contains(port.port))
        return Error(ErrorCode::kConflict, "port-in-use",
                     "Port " + std::to_string(port.port) + " is used by " + map.used.at(port.port).deployment_id + ".");
      MIFENG_CHECK(store::insert(tx, store::ReservedPortRow{.port = port.port, .reason = port.reason}));
    }
    return audit(core_, tx, actor, "ports.set-reserved", "node ports", std::to_string(reserved.size()) + " reserved");
  }));
  return PortService::reserved(actor);
}

Result<std::vector<PortInfo>> PortService::overview(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadPorts));
  MIFENG_TRY(auto host, host_ports(core_));
  MIFENG_TRY(const auto map, core_.db->read([&](store::Transaction& tx) { return load_ports(tx, host); }));
  std::vector<PortInfo> infos;
  for (const auto& range : map.ranges)
    for (auto port = static_cast<int>(range.first_port); port <= range.last_port; ++port) {
      PortInfo info{.port = port, .state = map.state(port), .holder = "", .replica = "", .port_name = ""};
      if (const auto used = map.used.find(port); used != map.used.end()) {
        info.holder = used->second.deployment_id;
        info.replica = used->second.replica;
        info.port_name = used->second.port_name;
      } else if (const auto kept = map.reserved.find(port); kept != map.reserved.end()) {
        info.holder = kept->second;
      } else if (info.state == PortState::kUsedByOthers) {
        info.holder = "another process or container of this host";
      }
      infos.push_back(std::move(info));
    }
  return infos;
}

Result<std::vector<int>> PortService::recommend(const Actor& actor, int count) {
  MIFENG_CHECK(require(actor, Permission::kReadPorts));
  if (count < 1 || count > 10'000) return Error(ErrorCode::kInvalidArgument, "bad-count", "count: 1 to 10,000.");
  MIFENG_TRY(auto host, host_ports(core_));
  return core_.db->read([&](store::Transaction& tx) -> Result<std::vector<int>> {
    MIFENG_TRY(const auto map, load_ports(tx, std::move(host)));
    return map.lowest_free(count);
  });
}

}  // namespace mifeng::platform
