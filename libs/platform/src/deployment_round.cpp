#include "deployment_round.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include "audit_log.h"
#include "core.h"
#include "deployment_rows.h"
#include "instances.h"
#include "mifeng/base/phrase.h"
#include "mifeng/store/ports.h"
#include "port_plan.h"

namespace mifeng::platform {
namespace {

constexpr UnixMillis kBackoffMax = 5 * 60 * 1000;
constexpr std::string_view kPortTaken = "port-taken";  // as engines name it
constexpr UnixMillis kSettled = 10 * 60 * 1000;        // running that long, earlier failures count no more

using cluster::InstanceState;
using cluster::InstanceStatus;

UnixMillis backoff(std::int64_t failures) {
  return std::min<UnixMillis>(kBackoffMax, 1000LL << std::min<std::int64_t>(failures, 9));
}

std::string sentence(const InstanceStatus& status) {
  return status.reason.empty() ? phrase("it is {}", cluster::to_string(status.state)) : clean_text(status.reason, 1000);
}

// The row as the engine's report makes it. Whether the guard's readiness stands behind "ready" is the engine's to ask.
// `attempted`: it was just tried to make or start it, so a failure is another one.
void take_status(store::ReplicaRow& row, const InstanceStatus& status, UnixMillis now, bool attempted) {
  switch (status.state) {
    case InstanceState::kRunning:
      row.state = status.ready ? "ready" : "starting";
      row.reason = status.ready ? "" : clean_text(status.reason, 1000);
      row.next_try_ms = 0;
      if (status.ready && status.started_at_ms && *status.started_at_ms + kSettled <= now) row.failures = 0;
      break;
    case InstanceState::kMissing:
    case InstanceState::kPending:
      // An engine may forget why a start failed; until the next try we do not.
      if (row.state == "failed" && row.next_try_ms > now) break;
      row.state = "waiting";
      row.reason = clean_text(status.reason, 1000);
      break;
    case InstanceState::kStopping:
      row.state = "stopping";
      row.reason = clean_text(status.reason, 1000);
      break;
    case InstanceState::kExited:
    case InstanceState::kFailed:
      if (row.state != "failed" || row.next_try_ms == 0 || (attempted && row.next_try_ms <= now)) {
        ++row.failures;
        row.next_try_ms = now + backoff(row.failures);
      } else if (row.next_try_ms > now) {
        break;  // why the last try came to nothing; the engine only knows how the run before it ended
      }
      row.state = "failed";
      row.reason = sentence(status);
      break;
  }
  if (status.started_at_ms) row.started_ms = *status.started_at_ms;
  row.container = status.engine_id;
}

template <typename Row>
bool same(const Row& a, const Row& b) {
  Row left = a, right = b;
  return store::Table<Row>::tie(left) == store::Table<Row>::tie(right);
}

// One deployment, one look. Everything here may be broken off at any point and be done again.
class DeploymentRound {
 public:
  DeploymentRound(Core& core, store::DeploymentRow row) : core_(core), row_(std::move(row)) {}

  Result<int> run() {
    if (row_.deleting != 0) return remove();
    MIFENG_TRY(auto workload, core_.db->read([&](store::Transaction& tx) { return workload_of(core_, tx, row_); }));
    MIFENG_TRY(replicas_, core_.db->read([&](store::Transaction& tx) { return store::replicas_of(tx, row_.id); }));
    const bool extra = static_cast<std::int64_t>(replicas_.size()) > row_.replicas;
    MIFENG_TRY(auto statuses, call_status(workload));
    if (extra || due_to_apply(statuses)) {
      MIFENG_TRY(auto applied, core_.engine.call<cluster::ApplyResult>(
                                   [&](cluster::Engine& engine) { return engine.apply(workload); }));
      if (applied.changed) ++changed_;
      attempted_ = true;
      statuses = std::move(applied.instances);
      for (const InstanceStatus& status : statuses)
        if (status.reason_code == kPortTaken) without_port_.insert(status.replica);
      if (extra) MIFENG_CHECK(forget_extra());
    }
    MIFENG_CHECK(restart_what_is_due(statuses));
    MIFENG_CHECK(store_what_was_seen(statuses));
    if (!without_port_.empty()) MIFENG_CHECK(move_taken_ports(core_, row_, without_port_));
    return changed_;
  }

 private:
  Result<std::vector<InstanceStatus>> call_status(const cluster::Workload& workload) {
    return core_.engine.call<std::vector<InstanceStatus>>(
        [&](cluster::Engine& engine) { return engine.status(workload); });
  }

  // A replica that could not be made (no image, a taken port) is not tried again and again without a pause.
  bool due_to_apply(const std::vector<InstanceStatus>& statuses) const {
    const UnixMillis now = core_.clock.now_ms();
    return std::any_of(statuses.begin(), statuses.end(), [&](const InstanceStatus& status) {
      const bool unmade = status.state == InstanceState::kMissing || status.state == InstanceState::kPending ||
                          status.state == InstanceState::kFailed || status.reason_code == "drifted";
      const auto row = std::find_if(replicas_.begin(), replicas_.end(),
                                    [&](const store::ReplicaRow& one) { return one.number == status.replica; });
      return unmade && (row == replicas_.end() || row->next_try_ms <= now);
    });
  }

  Result<void> remove_claims() {
    // A version that is accepted no longer cannot be rendered, and its volumes stay.
    const auto workload = core_.db->read([&](store::Transaction& tx) { return workload_of(core_, tx, row_); });
    if (!workload) return workload.error().code() == ErrorCode::kUnavailable ? workload.error() : Result<void>();
    std::vector<std::string> claims;
    for (const auto& mount : workload->pod.claim_mounts) claims.push_back(mount.claim);
    return core_.engine.call<void>([&](cluster::Engine& engine) { return engine.remove_claims(claims); });
  }

  Result<int> remove() {
    MIFENG_CHECK(core_.engine.call<void>([&](cluster::Engine& engine) { return engine.remove(row_.id); }));
    if (row_.deleting == store::kDeletingWithClaims) MIFENG_CHECK(remove_claims());
    MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(const auto live, store::live_instances_of(tx, row_.id));
      for (const auto& instance : live)
        MIFENG_CHECK(end_instance(core_, tx, instance, EndKind::kRevoked, "system", "its deployment is deleted"));
      MIFENG_CHECK(store::erase_ports_of(tx, row_.id, 0));
      MIFENG_CHECK(store::erase_replicas_from(tx, row_.id, 0));
      MIFENG_CHECK(store::erase<store::DeploymentRow>(tx, row_.id));
      MIFENG_CHECK(store::next_change(tx));
      return core_.audit->append(tx, AuditEvent{.actor = "system", .action = "deployment.gone", .subject = row_.id});
    }));
    core_.snapshots_changed.notify();
    core_.deployments_changed.notify();
    return 1;
  }

  // The engine has removed what is beyond the number; now their ports are free.
  Result<void> forget_extra() {
    return core_.db->write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(auto now_row, store::find<store::DeploymentRow>(tx, row_.id));
      // Scaled up again meanwhile: then they are wanted.
      if (!now_row || now_row->replicas != row_.replicas) return ok();
      MIFENG_CHECK(store::erase_ports_of(tx, row_.id, row_.replicas));
      return store::erase_replicas_from(tx, row_.id, row_.replicas);
    });
  }

  Result<void> restart_what_is_due(std::vector<InstanceStatus>& statuses) {
    const UnixMillis now = core_.clock.now_ms();
    for (InstanceStatus& status : statuses) {
      const auto row = std::find_if(replicas_.begin(), replicas_.end(),
                                    [&](const store::ReplicaRow& one) { return one.number == status.replica; });
      if (row == replicas_.end()) continue;
      const bool asked = row->restart_done < row_.restart_wanted && status.state == InstanceState::kRunning;
      const bool ended = status.state == InstanceState::kExited && row->state == "failed" && row->next_try_ms <= now;
      if (!asked && !ended) continue;
      auto done = core_.engine.call<void>([&](cluster::Engine& engine) { return engine.restart(status.name); });
      ++changed_;
      if (!done && done.error().reason() == kPortTaken) without_port_.insert(status.replica);
      MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(auto fresh, store::find<store::ReplicaRow>(tx, row->deployment_id, row->number));
        if (!fresh) return ok();
        fresh->restart_done = row_.restart_wanted;
        ++fresh->restarts;
        fresh->state = done ? "starting" : "failed";
        fresh->reason = done ? "" : clean_text(done.error().message(), 1000);
        if (!done) ++fresh->failures;
        fresh->next_try_ms = done ? 0 : now + backoff(fresh->failures);
        MIFENG_CHECK(store::update(tx, *fresh));
        *row = *fresh;
        return ok();
      }));
      if (done) {
        status.state = InstanceState::kRunning;
        status.ready = false;
        status.reason.clear();
        status.started_at_ms.reset();
      }
    }
    return ok();
  }

  Result<void> store_what_was_seen(const std::vector<InstanceStatus>& statuses) {
    bool told = false;
    MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
      const UnixMillis now = core_.clock.now_ms();
      MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, row_.id));
      if (!deployment || deployment->deleting != 0) return ok();
      MIFENG_TRY(auto rows, store::replicas_of(tx, row_.id));
      MIFENG_TRY(const auto live, store::live_instances_of(tx, row_.id));
      for (auto& row : rows) {
        const auto status = std::find_if(statuses.begin(), statuses.end(),
                                         [&](const InstanceStatus& one) { return one.replica == row.number; });
        if (status == statuses.end()) continue;
        const store::ReplicaRow before = row;
        take_status(row, *status, now, attempted_);
        if (!same(before, row)) {
          MIFENG_CHECK(store::update(tx, row));
          told = told || before.state != row.state;
        }
        // A container that has ended answers nothing any more; its next start asks anew.
        const bool gone = status->state == InstanceState::kExited || status->state == InstanceState::kMissing ||
                          status->state == InstanceState::kFailed;
        for (const auto& instance : live)
          if (gone && instance.replica == row.name)
            MIFENG_CHECK(end_instance(core_, tx, instance, EndKind::kEnded, "system", "its container has ended"));
      }
      const Verdict verdict = judge(rows, deployment->replicas);
      const store::DeploymentRow before = *deployment;
      deployment->state = verdict.state;
      deployment->reason = verdict.reason;
      if (!deployment->route_json.empty() && (verdict.state == "ready" || verdict.state == "degraded")) {
        MIFENG_TRY(auto route, store::find<store::RouteRow>(tx, deployment->route_json));
        if (route) {
          route->enabled = 1;
          route->changed_ms = now;
          MIFENG_CHECK(store::update(tx, *route));
          MIFENG_CHECK(core_.audit->append(
              tx,
              AuditEvent{.actor = "system", .action = "route.open", .subject = route->id, .detail = route->prefix}));
        }
        deployment->route_json.clear();
        told = true;
      }
      if (same(before, *deployment) && !told) return ok();
      told = true;
      deployment->changed_ms = now;
      MIFENG_CHECK(store::update(tx, *deployment));
      MIFENG_CHECK(store::next_change(tx));
      if (before.state != deployment->state)
        MIFENG_CHECK(core_.audit->append(tx, AuditEvent{.actor = "system",
                                                        .action = "deployment.state",
                                                        .subject = row_.id,
                                                        .outcome = deployment->state,
                                                        .detail = deployment->reason}));
      return ok();
    }));
    if (told) {
      ++changed_;
      core_.snapshots_changed.notify();
    }
    return ok();
  }

  Core& core_;
  store::DeploymentRow row_;
  std::vector<store::ReplicaRow> replicas_;
  std::set<std::int64_t> without_port_;  // replicas that another program's port keeps from starting
  int changed_ = 0;
  bool attempted_ = false;
};

}  // namespace

Result<int> run_deployment_round(Core& core, store::DeploymentRow row) {
  return DeploymentRound(core, std::move(row)).run();
}

}  // namespace mifeng::platform
