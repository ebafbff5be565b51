#include "mifeng/store/grants.h"

namespace mifeng::store {

Result<std::vector<KeyRow>> keys_by_serial(Transaction& tx, const std::string& purpose) {
  if (purpose.empty()) return select<KeyRow>(tx, "ORDER BY purpose, serial", {});
  return select<KeyRow>(tx, "WHERE purpose = :purpose ORDER BY serial", {purpose});
}

Result<std::vector<InstanceRow>> live_instances(Transaction& tx) {
  return select<InstanceRow>(tx, "WHERE ended_ms = 0 ORDER BY deployment_id, id", {});
}

Result<std::vector<InstanceRow>> live_instances_of(Transaction& tx, const std::string& deployment_id) {
  return select<InstanceRow>(tx, "WHERE deployment_id = :deployment AND ended_ms = 0 ORDER BY id", {deployment_id});
}

Result<std::optional<InstanceRow>> last_instance_of_unit(Transaction& tx, const std::string& cluster_id,
                                                         const std::string& unit) {
  // listed_from rises with each grant, also where two fall into one millisecond or the clock was set back.
  return select_one<InstanceRow>(tx, "WHERE cluster_id = :cluster AND unit = :unit ORDER BY listed_from DESC LIMIT 1",
                                 {cluster_id, unit});
}

Result<std::optional<InstanceRow>> instance_by_signing_key(Transaction& tx, const std::string& signing_key_id) {
  return select_one<InstanceRow>(tx, "WHERE signing_key_id = :key ORDER BY listed_from DESC LIMIT 1", {signing_key_id});
}

Result<std::int64_t> grants_since(Transaction& tx, const std::string& cluster_id, const std::string& unit,
                                  std::int64_t since_ms) {
  return count_rows(tx, "instances", "WHERE cluster_id = :cluster AND unit = :unit AND granted_ms > :since",
                    {cluster_id, unit, since_ms});
}

Result<std::int64_t> erase_instances_ended(Transaction& tx, std::int64_t before_ms, std::int64_t limit) {
  return run_sql(tx,
                 "DELETE FROM instances WHERE id IN (SELECT id FROM instances WHERE ended_ms > 0 AND "
                 "ended_ms < :before ORDER BY ended_ms LIMIT :count)",
                 {before_ms, limit});
}

Result<Slice<InstanceRow>> instance_slice(Transaction& tx, const std::string& deployment_id, const Window& window) {
  if (deployment_id.empty()) return select_slice<InstanceRow>(tx, "", {}, "listed_from DESC", window);
  return select_slice<InstanceRow>(tx, "WHERE deployment_id = :deployment", {deployment_id}, "listed_from DESC",
                                   window);
}

Result<std::int64_t> current_change(Transaction& tx) {
  std::int64_t value = 0;
  MIFENG_CHECK(run_sql(tx, "SELECT value FROM counters WHERE name = 'changes'", {}, {Target(&value)}));
  return value;
}

Result<std::int64_t> next_change(Transaction& tx) {
  MIFENG_CHECK(run_sql(tx, "UPDATE counters SET value = value + 1 WHERE name = 'changes'", {}));
  return current_change(tx);
}

}  // namespace mifeng::store
