// Deployments, their revisions, units and endpoints, batches; route information 路由信息; callers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

// Values of DeploymentRow::deleting.
inline constexpr std::int64_t kDeleting = 1;
inline constexpr std::int64_t kDeletingWithClaims = 2;

struct DeploymentRow {
  std::string id{};
  std::string name{};
  std::string cluster_id{};
  std::int64_t revision_id = 0;  // the one that is wanted
  std::string version_id{};      // from here to grade: of that revision
  std::string vendor_id{};
  std::string model{};
  std::string version{};
  std::string grade{};
  std::int64_t replicas = 0;
  std::int64_t ports_chosen = 0;  // a person chose its node ports: they are never exchanged
  std::string state{};
  std::string reason{};
  std::int64_t update_started_ms = 0;  // when units began to be replaced last
  std::int64_t update_failed = 0;      // the revision that is wanted does not come up
  std::int64_t told_change = 0;        // since which its endpoints and route are as they are, for gateways
  std::string opens_route{};           // a route to enable once it answers
  std::string batch_id{};
  std::int64_t deleting = 0;  // or one of the two above
  std::int64_t restart_wanted = 0;
  std::int64_t model_user = 0;  // uid of its models' containers; no other deployment has it
  std::string created_by{};
  std::int64_t created_ms = 0;
  std::int64_t changed_ms = 0;
};
template <>
struct Table<DeploymentRow> {
  static constexpr const char* name = "deployments";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",
                                            "name",
                                            "cluster_id",
                                            "revision_id",
                                            "version_id",
                                            "vendor_id",
                                            "model",
                                            "version",
                                            "grade",
                                            "replicas",
                                            "ports_chosen",
                                            "state",
                                            "reason",
                                            "update_started_ms",
                                            "update_failed",
                                            "told_change",
                                            "opens_route",
                                            "batch_id",
                                            "deleting",
                                            "restart_wanted",
                                            "model_user",
                                            "created_by",
                                            "created_ms",
                                            "changed_ms"};
  static auto tie(DeploymentRow& r) {
    return std::tie(r.id, r.name, r.cluster_id, r.revision_id, r.version_id, r.vendor_id, r.model, r.version, r.grade,
                    r.replicas, r.ports_chosen, r.state, r.reason, r.update_started_ms, r.update_failed, r.told_change,
                    r.opens_route, r.batch_id, r.deleting, r.restart_wanted, r.model_user, r.created_by, r.created_ms,
                    r.changed_ms);
  }
};

struct RevisionRow {
  std::int64_t id = 0;
  std::string deployment_id{};
  std::int64_t number = 0;  // counts from 1 in each deployment
  std::string version_id{};
  std::string overlay_json{};
  std::string cause{};  // "deploy", "update", "rollback to 2"
  std::string created_by{};
  std::int64_t created_ms = 0;
};
template <>
struct Table<RevisionRow> {
  static constexpr const char* name = "revisions";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",           "deployment_id", "number",     "version_id",
                                            "overlay_json", "cause",         "created_by", "created_ms"};
  static auto tie(RevisionRow& r) {
    return std::tie(r.id, r.deployment_id, r.number, r.version_id, r.overlay_json, r.cause, r.created_by, r.created_ms);
  }
};

struct UnitRow {
  std::string cluster_id{};
  std::string name{};
  std::string deployment_id{};
  std::int64_t revision_id = 0;
  std::int64_t restart = 0;
  std::int64_t slot = -1;  // of its node ports; -1 where it has none of its own
  std::string engine_id{};
  std::string state{};  // "waiting", "starting", "ready", "stopping", "failed"
  std::string reason{};
  std::int64_t started_ms = 0;
  std::int64_t ready_ms = 0;  // when it was first ready in this run; 0: not yet
  std::int64_t restarts = 0;
  std::int64_t failures = 0;
  std::int64_t next_try_ms = 0;
};
template <>
struct Table<UnitRow> {
  static constexpr const char* name = "units";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"cluster_id", "name",      "deployment_id", "revision_id", "restart",
                                            "slot",       "engine_id", "state",         "reason",      "started_ms",
                                            "ready_ms",   "restarts",  "failures",      "next_try_ms"};
  static auto tie(UnitRow& r) {
    return std::tie(r.cluster_id, r.name, r.deployment_id, r.revision_id, r.restart, r.slot, r.engine_id, r.state,
                    r.reason, r.started_ms, r.ready_ms, r.restarts, r.failures, r.next_try_ms);
  }
};

struct EndpointRow {
  std::string cluster_id{};
  std::int64_t node_port = 0;
  std::string deployment_id{};
  std::string port_name{};
  std::string kind{};  // "unit", "balanced"
  std::string unit{};  // of kind unit
};
template <>
struct Table<EndpointRow> {
  static constexpr const char* name = "endpoints";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"cluster_id", "node_port", "deployment_id", "port_name", "kind", "unit"};
  static auto tie(EndpointRow& r) {
    return std::tie(r.cluster_id, r.node_port, r.deployment_id, r.port_name, r.kind, r.unit);
  }
};

struct BatchRow {
  std::string id{};
  std::string created_by{};
  std::int64_t created_ms = 0;
};
template <>
struct Table<BatchRow> {
  static constexpr const char* name = "batches";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id", "created_by", "created_ms"};
  static auto tie(BatchRow& r) { return std::tie(r.id, r.created_by, r.created_ms); }
};

struct BatchItemRow {
  std::string batch_id{};
  std::int64_t number = 0;
  std::string request_json{};
  std::string deployment_id{};
  std::string error{};
};
template <>
struct Table<BatchItemRow> {
  static constexpr const char* name = "batch_items";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"batch_id", "number", "request_json", "deployment_id", "error"};
  static auto tie(BatchItemRow& r) { return std::tie(r.batch_id, r.number, r.request_json, r.deployment_id, r.error); }
};

struct RouteRow {
  std::string id{};
  std::string name{};
  std::string prefix{};
  std::string forward{};
  std::string deployment_id{};
  std::int64_t enabled = 0;
  std::int64_t open_to_all = 0;
  std::string callers_json{};
  std::int64_t stream_requests = 0;
  std::int64_t idempotent = 0;
  std::string pass_headers_json{};
  std::int64_t created_ms = 0;
  std::int64_t changed_ms = 0;
};
template <>
struct Table<RouteRow> {
  static constexpr const char* name = "route_information";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {
      "id",          "name",         "prefix",          "forward",    "deployment_id",     "enabled",
      "open_to_all", "callers_json", "stream_requests", "idempotent", "pass_headers_json", "created_ms",
      "changed_ms"};
  static auto tie(RouteRow& r) {
    return std::tie(r.id, r.name, r.prefix, r.forward, r.deployment_id, r.enabled, r.open_to_all, r.callers_json,
                    r.stream_requests, r.idempotent, r.pass_headers_json, r.created_ms, r.changed_ms);
  }
};

struct CallerRow {
  std::string id{};
  std::string name{};
  std::string key_sm3{};
  std::int64_t enabled = 0;
  std::int64_t created_ms = 0;
  std::int64_t key_changed_ms = 0;
};
template <>
struct Table<CallerRow> {
  static constexpr const char* name = "callers";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id", "name", "key_sm3", "enabled", "created_ms", "key_changed_ms"};
  static auto tie(CallerRow& r) { return std::tie(r.id, r.name, r.key_sm3, r.enabled, r.created_ms, r.key_changed_ms); }
};

Result<Slice<DeploymentRow>> search_deployments(Transaction& tx, const std::string& text, const std::string& state,
                                                const std::string& version_id, const Window& window);
// The largest model_user of all, or `otherwise` where there is no deployment.
Result<std::int64_t> last_model_user(Transaction& tx, std::int64_t otherwise);
Result<std::optional<DeploymentRow>> deployment_by_name(Transaction& tx, const std::string& name);
Result<std::int64_t> deployments_in_cluster(Transaction& tx, const std::string& cluster_id);
// Deployments with a revision of that version, also a former one.
Result<std::vector<DeploymentRow>> deployments_with_version(Transaction& tx, const std::string& version_id);
Result<std::vector<RevisionRow>> revisions_of(Transaction& tx, const std::string& deployment_id);  // newest first
Result<std::optional<RevisionRow>> revision_by_number(Transaction& tx, const std::string& deployment_id,
                                                      std::int64_t number);
Result<void> erase_revisions_of(Transaction& tx, const std::string& deployment_id);
// The newest revision's id, over all deployments; next_ takes the next one.
Result<std::int64_t> current_revision_id(Transaction& tx);
Result<std::int64_t> next_revision_id(Transaction& tx);
Result<void> raise_revision_id(Transaction& tx, std::int64_t at_least);
Result<std::vector<UnitRow>> units_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_units_of(Transaction& tx, const std::string& deployment_id);
Result<std::vector<EndpointRow>> endpoints_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_endpoints_of(Transaction& tx, const std::string& deployment_id);
Result<std::vector<BatchItemRow>> batch_items_of(Transaction& tx, const std::string& batch_id);
// Batches with an item that has neither a deployment nor an error.
Result<std::vector<BatchRow>> open_batches(Transaction& tx);
Result<std::vector<RouteRow>> routes_of(Transaction& tx, const std::string& deployment_id);
Result<std::optional<RouteRow>> route_by_prefix(Transaction& tx, const std::string& prefix);
Result<Slice<RouteRow>> search_routes(Transaction& tx, const std::string& text, const Window& window);
Result<std::optional<CallerRow>> caller_by_name(Transaction& tx, const std::string& name);
Result<Slice<CallerRow>> caller_slice(Transaction& tx, const Window& window);

}  // namespace mifeng::store
