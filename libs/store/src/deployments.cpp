#include "mifeng/store/deployments.h"

namespace mifeng::store {

Result<Slice<DeploymentRow>> search_deployments(Transaction& tx, const std::string& text, const std::string& state,
                                                const std::string& version_id, const Window& window) {
  std::string where = "WHERE (lower(name) LIKE :text1 ESCAPE '!' OR lower(model) LIKE :text2 ESCAPE '!')";
  std::vector<Param> params{like_part(text), like_part(text)};
  if (!state.empty()) {
    where += " AND state = :state";
    params.emplace_back(state);
  }
  if (!version_id.empty()) {
    where += " AND version_id = :version";
    params.emplace_back(version_id);
  }
  return select_slice<DeploymentRow>(tx, where, params, "name, id", window);
}

Result<std::int64_t> last_model_user(Transaction& tx, std::int64_t otherwise) {
  std::int64_t value = 0;
  MIFENG_CHECK(
      run_sql(tx, "SELECT COALESCE(MAX(model_user), :otherwise) FROM deployments", {otherwise}, {Target(&value)}));
  return value;
}

Result<std::optional<DeploymentRow>> deployment_by_name(Transaction& tx, const std::string& name) {
  return select_one<DeploymentRow>(tx, "WHERE name = :name", {name});
}

Result<std::int64_t> deployments_in_cluster(Transaction& tx, const std::string& cluster_id) {
  return count_rows(tx, "deployments", "WHERE cluster_id = :cluster", {cluster_id});
}

Result<std::vector<DeploymentRow>> deployments_with_version(Transaction& tx, const std::string& version_id) {
  return select<DeploymentRow>(
      tx, "WHERE id IN (SELECT deployment_id FROM revisions WHERE version_id = :version) ORDER BY name", {version_id});
}

Result<std::vector<RevisionRow>> revisions_of(Transaction& tx, const std::string& deployment_id) {
  return select<RevisionRow>(tx, "WHERE deployment_id = :deployment ORDER BY number DESC", {deployment_id});
}

Result<std::optional<RevisionRow>> revision_by_number(Transaction& tx, const std::string& deployment_id,
                                                      std::int64_t number) {
  return select_one<RevisionRow>(tx, "WHERE deployment_id = :deployment AND number = :number", {deployment_id, number});
}

Result<void> erase_revisions_of(Transaction& tx, const std::string& deployment_id) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM revisions WHERE deployment_id = :deployment", {deployment_id}));
  return ok();
}

Result<std::int64_t> current_revision_id(Transaction& tx) {
  std::int64_t value = 0;
  MIFENG_CHECK(run_sql(tx, "SELECT value FROM counters WHERE name = 'revisions'", {}, {Target(&value)}));
  return value;
}

Result<std::int64_t> next_revision_id(Transaction& tx) {
  MIFENG_CHECK(run_sql(tx, "UPDATE counters SET value = value + 1 WHERE name = 'revisions'", {}));
  return current_revision_id(tx);
}

Result<void> raise_revision_id(Transaction& tx, std::int64_t at_least) {
  MIFENG_CHECK(run_sql(tx, "UPDATE counters SET value = :value WHERE name = 'revisions' AND value < :least",
                       {at_least, at_least}));
  return ok();
}

Result<std::vector<UnitRow>> units_of(Transaction& tx, const std::string& deployment_id) {
  return select<UnitRow>(tx, "WHERE deployment_id = :deployment ORDER BY slot, name", {deployment_id});
}

Result<void> erase_units_of(Transaction& tx, const std::string& deployment_id) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM units WHERE deployment_id = :deployment", {deployment_id}));
  return ok();
}

Result<std::vector<EndpointRow>> endpoints_of(Transaction& tx, const std::string& deployment_id) {
  return select<EndpointRow>(tx, "WHERE deployment_id = :deployment ORDER BY node_port", {deployment_id});
}

Result<void> erase_endpoints_of(Transaction& tx, const std::string& deployment_id) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM endpoints WHERE deployment_id = :deployment", {deployment_id}));
  return ok();
}

Result<std::vector<BatchItemRow>> batch_items_of(Transaction& tx, const std::string& batch_id) {
  return select<BatchItemRow>(tx, "WHERE batch_id = :batch ORDER BY number", {batch_id});
}

Result<Slice<BatchRow>> search_batches(Transaction& tx, const std::string& text, const Window& window) {
  if (text.empty()) return select_slice<BatchRow>(tx, "", {}, "created_ms DESC, id", window);
  // A request begins with the name: {"name":"NAME",... An item that waits or has failed has no deployment yet.
  const std::string name = "substr(request_json, 10, instr(substr(request_json, 10), '\"') - 1)";
  const std::string part = like_part(text);
  return select_slice<BatchRow>(tx,
                                "WHERE (lower(id) LIKE :text1 ESCAPE '!' OR lower(created_by) LIKE :text2 ESCAPE '!' "
                                "OR id IN (SELECT batch_id FROM batch_items WHERE lower(" +
                                    name + ") LIKE :text3 ESCAPE '!' OR lower(deployment_id) LIKE :text4 ESCAPE '!'))",
                                {part, part, part, part}, "created_ms DESC, id", window);
}

Result<std::map<BatchItemState, std::int64_t>> count_batch_items(Transaction& tx, const std::string& batch_id) {
  std::map<BatchItemState, std::int64_t> counts;
  BatchItemState state{};
  std::int64_t number = 0;
  MIFENG_CHECK(run_sql(tx, "SELECT state, COUNT(*) FROM batch_items WHERE batch_id = :batch GROUP BY state", {batch_id},
                       {detail::target_of(state), Target(&number)}, [&] { counts[state] = number; }));
  return counts;
}

Result<std::vector<std::string>> clusters_with_waiting_items(Transaction& tx) {
  std::vector<std::string> clusters;
  std::string cluster;
  MIFENG_CHECK(run_sql(tx, "SELECT DISTINCT cluster_id FROM batch_items WHERE state = 'waiting' ORDER BY cluster_id",
                       {}, {Target(&cluster)}, [&] { clusters.push_back(cluster); }));
  return clusters;
}

Result<std::vector<BatchItemRow>> waiting_batch_items(Transaction& tx, const std::string& cluster_id,
                                                      std::int64_t limit) {
  return select<BatchItemRow>(tx,
                              "WHERE state = 'waiting' AND cluster_id = :cluster ORDER BY (SELECT created_ms FROM "
                              "batches WHERE id = batch_id), batch_id, number LIMIT :limit",
                              {cluster_id, limit});
}

Result<std::vector<BatchItemRow>> batch_items_with(Transaction& tx, const std::string& deployment_id) {
  return select<BatchItemRow>(tx, "WHERE deployment_id = :deployment ORDER BY batch_id, number", {deployment_id});
}

Result<std::vector<RouteRow>> routes_of(Transaction& tx, const std::string& deployment_id) {
  return select<RouteRow>(tx, "WHERE deployment_id = :deployment ORDER BY prefix", {deployment_id});
}

Result<std::optional<RouteRow>> route_by_prefix(Transaction& tx, const std::string& prefix) {
  return select_one<RouteRow>(tx, "WHERE prefix = :prefix", {prefix});
}

Result<Slice<RouteRow>> search_routes(Transaction& tx, const std::string& text, const Window& window) {
  return select_slice<RouteRow>(tx,
                                "WHERE (lower(name) LIKE :text1 ESCAPE '!' OR lower(prefix) LIKE :text2 ESCAPE '!' OR "
                                "lower(forward) LIKE :text3 ESCAPE '!')",
                                {like_part(text), like_part(text), like_part(text)}, "prefix", window);
}

Result<std::optional<CallerRow>> caller_by_name(Transaction& tx, const std::string& name) {
  return select_one<CallerRow>(tx, "WHERE name = :name", {name});
}

Result<Slice<CallerRow>> caller_slice(Transaction& tx, const Window& window) {
  return select_slice<CallerRow>(tx, "", {}, "name", window);
}

Result<std::vector<CallerKeyRow>> keys_of_caller(Transaction& tx, const std::string& caller_id) {
  return select<CallerKeyRow>(tx, "WHERE caller_id = :caller ORDER BY created_ms, id", {caller_id});
}

Result<std::vector<CallerKeyRow>> caller_keys_ended_by(Transaction& tx, std::int64_t now_ms) {
  return select<CallerKeyRow>(tx, "WHERE expires_ms > 0 AND expires_ms <= :now ORDER BY expires_ms", {now_ms});
}

}  // namespace mifeng::store
