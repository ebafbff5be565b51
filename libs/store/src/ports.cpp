#include "mifeng/store/ports.h"

namespace mifeng::store {

Result<std::vector<PortRangeRow>> port_ranges_of(Transaction& tx, const std::string& cluster_id) {
  return select<PortRangeRow>(tx, "WHERE cluster_id = :cluster ORDER BY first_port", {cluster_id});
}

Result<std::vector<ReservedPortRow>> reserved_ports_of(Transaction& tx, const std::string& cluster_id) {
  return select<ReservedPortRow>(tx, "WHERE cluster_id = :cluster ORDER BY port", {cluster_id});
}

Result<std::vector<UsedPortRow>> used_ports_in(Transaction& tx, const std::string& cluster_id) {
  return select<UsedPortRow>(tx, "WHERE cluster_id = :cluster ORDER BY port", {cluster_id});
}

Result<std::vector<UsedPortRow>> ports_of(Transaction& tx, const std::string& deployment_id) {
  return select<UsedPortRow>(tx, "WHERE deployment_id = :deployment ORDER BY slot, port", {deployment_id});
}

Result<void> erase_ports_of(Transaction& tx, const std::string& deployment_id) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM used_node_ports WHERE deployment_id = :deployment", {deployment_id}));
  return ok();
}

}  // namespace mifeng::store
