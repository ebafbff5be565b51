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

Result<std::optional<DeploymentRow>> deployment_by_name(Transaction& tx, const std::string& name) {
  return select_one<DeploymentRow>(tx, "WHERE name = :name", {name});
}

Result<std::int64_t> deployments_of_version(Transaction& tx, const std::string& version_id) {
  return count_rows(tx, "deployments", "WHERE version_id = :version", {version_id});
}

Result<std::vector<ReplicaRow>> replicas_of(Transaction& tx, const std::string& deployment_id) {
  return select<ReplicaRow>(tx, "WHERE deployment_id = :deployment ORDER BY number", {deployment_id});
}

Result<void> erase_replicas_from(Transaction& tx, const std::string& deployment_id, std::int64_t number) {
  MIFENG_CHECK(run_sql(tx, "DELETE FROM replicas WHERE deployment_id = :deployment AND number >= :number",
                       {deployment_id, number}));
  return ok();
}

Result<std::vector<BatchItemRow>> batch_items_of(Transaction& tx, const std::string& batch_id) {
  return select<BatchItemRow>(tx, "WHERE batch_id = :batch ORDER BY number", {batch_id});
}

Result<std::vector<BatchRow>> open_batches(Transaction& tx) {
  return select<BatchRow>(tx,
                          "WHERE id IN (SELECT batch_id FROM batch_items WHERE deployment_id = '' AND error = '') "
                          "ORDER BY created_ms, id",
                          {});
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

}  // namespace mifeng::store
