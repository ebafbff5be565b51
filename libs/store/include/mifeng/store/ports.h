// Available node ports 可用节点端口号, used node ports 已使用节点端口号, reserved ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct PortRangeRow {
  std::int64_t first_port = 0;
  std::int64_t last_port = 0;
};
template <>
struct Table<PortRangeRow> {
  static constexpr const char* name = "available_node_ports";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"first_port", "last_port"};
  static auto tie(PortRangeRow& r) { return std::tie(r.first_port, r.last_port); }
};

struct UsedPortRow {
  std::int64_t port = 0;
  std::string deployment_id{};
  std::int64_t replica_number = 0;
  std::string replica{};
  std::string port_name{};
  std::int64_t container_port = 0;
  std::int64_t reserved_ms = 0;
};
template <>
struct Table<UsedPortRow> {
  static constexpr const char* name = "used_node_ports";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"port",      "deployment_id",  "replica_number", "replica",
                                            "port_name", "container_port", "reserved_ms"};
  static auto tie(UsedPortRow& r) {
    return std::tie(r.port, r.deployment_id, r.replica_number, r.replica, r.port_name, r.container_port, r.reserved_ms);
  }
};

struct ReservedPortRow {
  std::int64_t port = 0;
  std::string reason{};
};
template <>
struct Table<ReservedPortRow> {
  static constexpr const char* name = "reserved_node_ports";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"port", "reason"};
  static auto tie(ReservedPortRow& r) { return std::tie(r.port, r.reason); }
};

Result<std::vector<UsedPortRow>> ports_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_ports_of(Transaction& tx, const std::string& deployment_id, std::int64_t from_replica);

}  // namespace mifeng::store
