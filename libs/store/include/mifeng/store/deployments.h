// Deployments, their revisions, units and endpoints, batches; route information 路由信息; callers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

// Values of DeploymentRow::deleting.
inline constexpr std::int64_t kDelete = 1;
inline constexpr std::int64_t kDeleteWithClaims = 2;

// kUpdating: it serves, and its units are replaced by those of the revision that is wanted.
enum class DeploymentState { kPending, kStarting, kReady, kUpdating, kDegraded, kFailed, kStopped, kDeleting };
template <>
struct Words<DeploymentState> {
  static constexpr std::string_view of[] = {"pending",  "starting", "ready",   "updating",
                                            "degraded", "failed",   "stopped", "deleting"};
};

// L0 output sealed, L1 payload sealed, L2 key bound to an HSM or TPM, L3 attested hardware.
enum class Grade { kL0, kL1, kL2, kL3 };
template <>
struct Words<Grade> {
  static constexpr std::string_view of[] = {"L0", "L1", "L2", "L3"};
};

MIFENG_RECORD(DeploymentRow, "deployments", 1, text(id), text(name), text(cluster_id),
              number(revision_id),  // the one that is wanted
              text(version_id),     // from here to grade: of that revision
              text(vendor_id), text(model), text(version), word(Grade, grade), number(replicas),
              number(ports_chosen),  // a person chose its node ports: they are never exchanged
              word(DeploymentState, state), text(reason), text(reason_code),
              text(remedy),                      // as cluster::Reason has them; empty where no engine gave them
              number(update_started_ms),         // when units began to be replaced last
              number(unready_since_ms),          // since when none of its units is ready; 0: one is, or none is wanted
              number(update_failed),             // the revision that is wanted does not come up
              number(told_change),               // since which its endpoints and route are as they are, for gateways
              text(opens_route),                 // a route to enable once it answers
              text(batch_id), number(deleting),  // or one of the two above
              number(restart_wanted), number(model_user),  // uid of its models' containers; no other deployment has it
              text(created_by), number(created_ms), number(changed_ms));

MIFENG_RECORD(RevisionRow, "revisions", 1, number(id), text(deployment_id),
              number(number),                                     // counts from 1 in each deployment
              text(version_id), text(overlay_json), text(cause),  // "deploy", "update", "rollback to 2"
              text(created_by), number(created_ms));

// What a unit is to a person; what its engine calls it is cluster::UnitState.
enum class UnitState { kWaiting, kStarting, kReady, kStopping, kFailed };
template <>
struct Words<UnitState> {
  static constexpr std::string_view of[] = {"waiting", "starting", "ready", "stopping", "failed"};
};

MIFENG_RECORD(UnitRow, "units", 2, text(cluster_id), text(name), text(deployment_id), number(revision_id),
              number(restart),
              absent(slot),  // of its node ports; -1 where it has none of its own
              text(engine_id), text(node), word(UnitState, state), text(reason), text(reason_code), text(remedy),
              number(started_ms),
              number(ready_ms),  // when it was first ready in this run; 0: not yet
              number(restarts), number(failures), number(next_try_ms));

MIFENG_RECORD(EndpointRow, "endpoints", 2, text(cluster_id), number(node_port), text(deployment_id), text(port_name),
              text(kind),   // "unit", "balanced"
              text(unit));  // of kind unit

// What was asked of a batch last.
enum class BatchAsked { kApply, kCancel, kRollBack };
template <>
struct Words<BatchAsked> {
  static constexpr std::string_view of[] = {"apply", "cancel", "roll-back"};
};

MIFENG_RECORD(BatchRow, "batches", 1, text(id), word(BatchAsked, asked), text(created_by), number(created_ms));

// What an item does: a new deployment, another revision of one that is there, or nothing, since it is so already.
enum class BatchAction { kCreate, kUpdate, kNone };
template <>
struct Words<BatchAction> {
  static constexpr std::string_view of[] = {"create", "update", "none"};
};

// kWorking: its deployment's rows are there, and its units are on their way.
enum class BatchItemState { kWaiting, kWorking, kReady, kFailed, kCancelled, kRolledBack };
template <>
struct Words<BatchItemState> {
  static constexpr std::string_view of[] = {"waiting", "working", "ready", "failed", "cancelled", "rolled-back"};
};

MIFENG_RECORD(BatchItemRow, "batch_items", 2, text(batch_id), number(number),  // counts from 1; a plan's own number
              text(cluster_id), word(BatchAction, action), text(request_json),
              text(planned_ports),      // JSON list: to be taken where they are still free; empty: any
              text(deployment_id),      // once it works
              number(revision_id),      // that it made the wanted one
              number(former_revision),  // number of the one before it; 0: the deployment is new
              absent(former_replicas),  // where it changed them
              word(BatchItemState, state),
              number(undoing),  // it is being rolled back
              text(code),       // why it failed, or why it still waits: a reason of spec/errors.md
              text(message), number(changed_ms));

MIFENG_RECORD(RouteRow, "route_information", 1, text(id), text(name), text(prefix), text(forward), text(deployment_id),
              number(enabled), number(open_to_all), text(callers_json), number(stream_requests), number(idempotent),
              text(pass_headers_json), number(calls_per_minute), number(calls_at_once), number(seconds_max),
              number(created_ms), number(changed_ms));

MIFENG_RECORD(CallerRow, "callers", 1, text(id), text(name), number(enabled), number(created_ms),
              number(key_changed_ms),
              number(key_changes));  // how often a key was made or ended: two changes within a millisecond are two

MIFENG_RECORD(CallerKeyRow, "caller_keys", 1, text(id), text(caller_id), text(name), text(key_sm3), number(created_ms),
              number(expires_ms));  // 0: not by itself

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
// Newest first. `text`: part of the id, of who began it, or of the name of a deployment that it is about.
Result<Slice<BatchRow>> search_batches(Transaction& tx, const std::string& text, const Window& window);
Result<std::map<BatchItemState, std::int64_t>> count_batch_items(Transaction& tx, const std::string& batch_id);
// Clusters for which an item waits.
Result<std::vector<std::string>> clusters_with_waiting_items(Transaction& tx);
// The oldest batch's first.
Result<std::vector<BatchItemRow>> waiting_batch_items(Transaction& tx, const std::string& cluster_id,
                                                      std::int64_t limit);
// Those that have this deployment, of all batches.
Result<std::vector<BatchItemRow>> batch_items_with(Transaction& tx, const std::string& deployment_id);
Result<std::vector<RouteRow>> routes_of(Transaction& tx, const std::string& deployment_id);
Result<std::optional<RouteRow>> route_by_prefix(Transaction& tx, const std::string& prefix);
Result<Slice<RouteRow>> search_routes(Transaction& tx, const std::string& text, const Window& window);
Result<std::optional<CallerRow>> caller_by_name(Transaction& tx, const std::string& name);
Result<Slice<CallerRow>> caller_slice(Transaction& tx, const Window& window);
Result<std::vector<CallerKeyRow>> keys_of_caller(Transaction& tx, const std::string& caller_id);  // oldest first
Result<std::vector<CallerKeyRow>> caller_keys_ended_by(Transaction& tx, std::int64_t now_ms);

}  // namespace mifeng::store
