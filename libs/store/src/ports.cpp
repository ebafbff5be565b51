#include "mifeng/store/ports.h"

namespace mifeng::store {

Result<std::vector<UsedPortRow>> ports_of(Transaction& tx, const std::string& deployment_id) {
  return select<UsedPortRow>(tx, "WHERE deployment_id = :deployment ORDER BY replica_number, port", {deployment_id});
}

Result<void> erase_ports_of(Transaction& tx, const std::string& deployment_id, std::int64_t from_replica) {
  MIFENG_CHECK(run_sql(tx,
                       "DELETE FROM used_node_ports WHERE deployment_id = :deployment AND replica_number >= :number",
                       {deployment_id, from_replica}));
  return ok();
}

}  // namespace mifeng::store
