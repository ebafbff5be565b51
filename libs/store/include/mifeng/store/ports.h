// Available node ports 可用节点端口号, used node ports 已使用节点端口号, reserved ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct PortRangeRow {
  std::string cluster_id{};
  std::int64_t first_port = 0;
  std::int64_t last_port = 0;
};
template <>
struct Table<PortRangeRow> {
  static constexpr const char* name = "available_node_ports";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"cluster_id", "first_port", "last_port"};
  static auto tie(PortRangeRow& r) { return std::tie(r.cluster_id, r.first_port, r.last_port); }
};

struct UsedPortRow {
  std::string cluster_id{};
  std::int64_t port = 0;
  std::string deployment_id{};
  std::int64_t slot = 0;
  std::string port_name{};
  std::int64_t taken_ms = 0;
};
template <>
struct Table<UsedPortRow> {
  static constexpr const char* name = "used_node_ports";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"cluster_id", "port", "deployment_id", "slot", "port_name", "taken_ms"};
  static auto tie(UsedPortRow& r) {
    return std::tie(r.cluster_id, r.port, r.deployment_id, r.slot, r.port_name, r.taken_ms);
  }
};

struct ReservedPortRow {
  std::string cluster_id{};
  std::int64_t port = 0;
  std::string reason{};
};
template <>
struct Table<ReservedPortRow> {
  static constexpr const char* name = "reserved_node_ports";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"cluster_id", "port", "reason"};
  static auto tie(ReservedPortRow& r) { return std::tie(r.cluster_id, r.port, r.reason); }
};

Result<std::vector<PortRangeRow>> port_ranges_of(Transaction& tx, const std::string& cluster_id);
Result<std::vector<ReservedPortRow>> reserved_ports_of(Transaction& tx, const std::string& cluster_id);
Result<std::vector<UsedPortRow>> used_ports_in(Transaction& tx, const std::string& cluster_id);
// By slot, then by port.
Result<std::vector<UsedPortRow>> ports_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_ports_of(Transaction& tx, const std::string& deployment_id);

}  // namespace mifeng::store
