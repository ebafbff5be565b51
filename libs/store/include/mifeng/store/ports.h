// Available node ports 可用节点端口号, used node ports 已使用节点端口号, reserved ports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {

MIFENG_RECORD(PortRangeRow, "available_node_ports", 2, text(cluster_id), number(first_port), number(last_port));

MIFENG_RECORD(UsedPortRow, "used_node_ports", 2, text(cluster_id), number(port), text(deployment_id), number(slot),
              text(port_name), number(taken_ms));

MIFENG_RECORD(ReservedPortRow, "reserved_node_ports", 2, text(cluster_id), number(port), text(reason));

Result<std::vector<PortRangeRow>> port_ranges_of(Transaction& tx, const std::string& cluster_id);
Result<std::vector<ReservedPortRow>> reserved_ports_of(Transaction& tx, const std::string& cluster_id);
Result<std::vector<UsedPortRow>> used_ports_in(Transaction& tx, const std::string& cluster_id);
// By slot, then by port.
Result<std::vector<UsedPortRow>> ports_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_ports_of(Transaction& tx, const std::string& deployment_id);

}  // namespace mifeng::store
