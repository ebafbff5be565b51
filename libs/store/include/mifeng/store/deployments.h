// Deployments, their replicas, batches; route information 路由信息; callers.
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
  std::string version_id{};
  std::string vendor_id{};
  std::string model{};
  std::string version{};
  std::int64_t replicas = 0;
  std::string state{};
  std::string reason{};
  std::string grade{};
  std::string overlay_json{};
  std::string route_json{};
  std::string batch_id{};
  std::int64_t deleting = 0;  // or one of the two below
  std::int64_t restart_wanted = 0;
  std::string created_by{};
  std::int64_t created_ms = 0;
  std::int64_t changed_ms = 0;
};
template <>
struct Table<DeploymentRow> {
  static constexpr const char* name = "deployments";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"id",           "name",       "version_id", "vendor_id", "model",
                                            "version",      "replicas",   "state",      "reason",    "grade",
                                            "overlay_json", "route_json", "batch_id",   "deleting",  "restart_wanted",
                                            "created_by",   "created_ms", "changed_ms"};
  static auto tie(DeploymentRow& r) {
    return std::tie(r.id, r.name, r.version_id, r.vendor_id, r.model, r.version, r.replicas, r.state, r.reason, r.grade,
                    r.overlay_json, r.route_json, r.batch_id, r.deleting, r.restart_wanted, r.created_by, r.created_ms,
                    r.changed_ms);
  }
};

struct ReplicaRow {
  std::string deployment_id{};
  std::int64_t number = 0;
  std::string name{};
  std::string state{};
  std::string reason{};
  std::string container{};
  std::int64_t started_ms = 0;
  std::int64_t restarts = 0;
  std::int64_t restart_done = 0;
  std::int64_t failures = 0;
  std::int64_t next_try_ms = 0;
};
template <>
struct Table<ReplicaRow> {
  static constexpr const char* name = "replicas";
  static constexpr std::size_t keys = 2;
  static constexpr const char* columns[] = {"deployment_id", "number",    "name",       "state",
                                            "reason",        "container", "started_ms", "restarts",
                                            "restart_done",  "failures",  "next_try_ms"};
  static auto tie(ReplicaRow& r) {
    return std::tie(r.deployment_id, r.number, r.name, r.state, r.reason, r.container, r.started_ms, r.restarts,
                    r.restart_done, r.failures, r.next_try_ms);
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
Result<std::optional<DeploymentRow>> deployment_by_name(Transaction& tx, const std::string& name);
Result<std::int64_t> deployments_of_version(Transaction& tx, const std::string& version_id);
Result<std::vector<ReplicaRow>> replicas_of(Transaction& tx, const std::string& deployment_id);
Result<void> erase_replicas_from(Transaction& tx, const std::string& deployment_id, std::int64_t number);
Result<std::vector<BatchItemRow>> batch_items_of(Transaction& tx, const std::string& batch_id);
// Batches with an item that has neither a deployment nor an error.
Result<std::vector<BatchRow>> open_batches(Transaction& tx);
Result<std::vector<RouteRow>> routes_of(Transaction& tx, const std::string& deployment_id);
Result<std::optional<RouteRow>> route_by_prefix(Transaction& tx, const std::string& prefix);
Result<Slice<RouteRow>> search_routes(Transaction& tx, const std::string& text, const Window& window);
Result<std::optional<CallerRow>> caller_by_name(Transaction& tx, const std::string& name);
Result<Slice<CallerRow>> caller_slice(Transaction& tx, const Window& window);

}  // namespace mifeng::store
