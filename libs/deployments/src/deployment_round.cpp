#include "deployment_round.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "batch_items.h"
#include "mifeng/access/instances.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/guard_image.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/text.h"
#include "slots.h"
#include "unit_rows.h"

namespace mifeng::deployments {
namespace {

constexpr std::string_view kPortTaken = "port-taken";  // as engines name it

constexpr UnixMillis kConfirmedWithin = 5'000;  // by gateways that follow; later it is ready all the same
constexpr UnixMillis kConfirmedAgain = 50;
constexpr UnixMillis kSeenWithin = 10'000;  // a unit that was granted, by the engine's news

using cluster::Unit;
using cluster::UnitState;

// Whether the run that was granted is over, as far as `unit` shows it.
bool has_ended(const Unit& unit, const store::InstanceRow& instance) {
  if (!unit.engine_id.empty() && unit.engine_id != instance.engine_id) return true;
  if (unit.state == UnitState::kExited) return unit.started_at_ms.value_or(INT64_MAX) >= instance.run_started_ms;
  // Made and never started, by what was seen: whoever was granted has started since.
  return unit.state == UnitState::kFailed && unit.engine_id.empty();
}

// One deployment, one look. Everything here may be broken off at any point and be done again.
class DeploymentRound {
 public:
  DeploymentRound(const Context& context, store::DeploymentRow row, Urge urge)
      : context_(context), row_(std::move(row)), urge_(urge) {}

  Result<RoundResult> run() {
    if (row_.deleting != 0) {
      MIFENG_CHECK(remove());
      return result_;
    }
    MIFENG_CHECK(load());
    MIFENG_TRY(units_, ask<std::vector<Unit>>([&](cluster::Engine& engine) { return engine.units(row_.id); }));
    MIFENG_CHECK(revoke_changed());
    if (urge_ == Urge::kApply || due_to_apply(sought_, units_, rows_, context_.clock.now_ms())) MIFENG_CHECK(apply());
    MIFENG_CHECK(restart_what_is_due());
    MIFENG_CHECK(exchange_taken_ports());
    MIFENG_TRY(endpoints_,
               ask<std::vector<cluster::Endpoint>>([&](cluster::Engine& engine) { return engine.endpoints(row_.id); }));
    if (!attempted_ && has_lost_its_addresses()) {
      MIFENG_CHECK(apply());
      MIFENG_TRY(endpoints_, ask<std::vector<cluster::Endpoint>>(
                                 [&](cluster::Engine& engine) { return engine.endpoints(row_.id); }));
    }
    MIFENG_CHECK(store_what_was_seen());
    leave_word();
    return result_;
  }

 private:
  template <typename T>
  Result<T> ask(std::function<cluster::Task<T>(cluster::Engine&)> call) {
    return clusters::call_engine<T>(context_.clusters, row_.cluster_id, std::move(call));
  }

  Result<void> load() {
    return context_.db.read([&](store::Transaction& tx) -> Result<void> {
      MIFENG_TRY(revision_, wanted_revision(tx, row_));
      MIFENG_TRY(workload_, workload_of(context_, tx, row_));
      MIFENG_TRY(rows_, store::units_of(tx, row_.id));
      sought_ = {.revision = revision_.id, .restart = row_.restart_wanted, .replicas = row_.replicas};
      return ok();
    });
  }

  Result<void> apply() {
    const bool outdated =
        std::any_of(units_.begin(), units_.end(), [&](const Unit& unit) { return !is_current(sought_, unit); });
    MIFENG_CHECK(take_ports(outdated));
    // Where that fails, units whose images are there already start all the same.
    const auto pushed = context_.guard_image.ensure();
    MIFENG_TRY(auto applied,
               ask<cluster::ApplyResult>([&](cluster::Engine& engine) { return engine.apply(workload_); }));
    if (applied.changed) ++result_.changed;
    settled_ = applied.settled;
    attempted_ = true;
    units_ = std::move(applied.units);
    MIFENG_CHECK(revoke_changed());
    for (const Unit& unit : units_)
      if (unit.reason_code == kPortTaken) without_port_.insert(slot_of(unit));
    const bool no_guard = std::any_of(units_.begin(), units_.end(), [&](const Unit& unit) {
      return unit.reason_code == "image-not-found" &&
             unit.reason.find(context_.guard_image.name()) != std::string::npos;
    });
    if (no_guard) context_.guard_image.missing();
    return no_guard && !pushed ? pushed : ok();
  }

  // A unit that somebody changed while it ran is heard no more, before and whatever else becomes of it. The engine ends
  // it.
  Result<void> revoke_changed() {
    for (const Unit& unit : units_) {
      if (unit.reason_code != kChanged) continue;
      const auto row =
          std::find_if(rows_.begin(), rows_.end(), [&](const store::UnitRow& one) { return one.name == unit.name; });
      const std::string reason = trust::clean_text(unit.reason, 1000);
      const bool known = row != rows_.end() && row->engine_id == unit.engine_id && row->reason == reason;
      MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(const auto live, store::live_instances_of(tx, row_.id));
        for (const auto& instance : live)
          if (instance.unit == unit.name && instance.engine_id == unit.engine_id)
            MIFENG_CHECK(
                access::end_instance(context_.access, tx, instance, access::EndKind::kRevoked, "system", reason));
        if (known || !noted_.insert(unit.engine_id).second) return ok();
        return context_.audit.append(tx,
                                     trust::AuditEvent{.actor = "system",
                                                       .action = "unit.change",
                                                       .subject = row_.id,
                                                       .outcome = std::string(kChanged),
                                                       .detail = trust::clean_text(unit.name + ": " + reason, 1000)});
      }));
      context_.access.snapshots_changed.notify();
    }
    return ok();
  }

  // Somebody removed what leads to its units (a Service); what keeps it from being made again is tried as a unit is.
  bool has_lost_its_addresses() const {
    return !workload_.node_ports.empty() && endpoints_.empty() &&
           std::any_of(units_.begin(), units_.end(), [](const Unit& unit) { return unit.ready; }) &&
           std::none_of(units_.begin(), units_.end(), [](const Unit& unit) { return unit.reason_code == kPortTaken; });
  }

  // A revision may have ports that the one before had not, and where units have ports of their own a new one needs
  // some before an old one gives up its own. Without free ones an old unit goes first.
  Result<void> take_ports(bool outdated) {
    const auto needs = port_needs(context_, row_.cluster_id, workload_.pod, workload_.replicas);
    const auto missing = [&](int slots) {
      std::map<int, std::size_t> named;
      for (const auto& port : workload_.node_ports)
        if (std::any_of(workload_.pod.ports.begin(), workload_.pod.ports.end(),
                        [&](const auto& one) { return one.name == port.port_name; }))
          ++named[port.slot];
      const bool whole = std::all_of(named.begin(), named.end(),
                                     [&](const auto& slot) { return slot.second == workload_.pod.ports.size(); });
      return !whole || static_cast<int>(named.size()) < slots;
    };
    const bool surge = outdated && row_.replicas > 0 && row_.ports_chosen == 0;
    const int slots = needs.slots + (surge ? needs.update_slots : 0);
    if (!missing(slots)) return ok();
    MIFENG_TRY(auto held, held_ports(context_, row_.cluster_id));
    const auto take = [&](int count) {
      return context_.db.write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(PortMap map, load_ports(tx, row_.cluster_id, held));
        MIFENG_CHECK(take_slots(context_, tx, row_, workload_.pod.ports, count, {}, map));
        return ok();
      });
    };
    auto taken = take(slots);
    if (!taken && taken.error().reason() == "no-free-ports" && slots > needs.slots) taken = take(needs.slots);
    MIFENG_CHECK(taken);
    return load();
  }

  Result<void> remove_claims() {
    // A config that cannot be rendered any more leaves its volumes.
    const auto workload = context_.db.read([&](store::Transaction& tx) { return workload_of(context_, tx, row_); });
    if (!workload) return workload.error().code() == ErrorCode::kUnavailable ? workload.error() : Result<void>();
    std::vector<std::string> claims;
    for (const auto& mount : workload->pod.claim_mounts) claims.push_back(mount.claim);
    return ask<void>([&](cluster::Engine& engine) { return engine.remove_claims(claims); });
  }

  Result<void> remove() {
    MIFENG_CHECK(ask<void>([&](cluster::Engine& engine) { return engine.remove(row_.id); }));
    if (row_.deleting == store::kDeleteWithClaims) MIFENG_CHECK(remove_claims());
    MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_CHECK(end_instances(context_, tx, row_.id, "system", "its deployment is deleted"));
      MIFENG_CHECK(erase_deployment(tx, row_.id));
      MIFENG_CHECK(settle_gone(context_, tx, row_.id));
      MIFENG_CHECK(store::next_change(tx));
      return context_.audit.append(
          tx, trust::AuditEvent{.actor = "system", .action = "deployment.gone", .subject = row_.id});
    }));
    context_.access.snapshots_changed.notify();
    context_.changed.notify();
    ++result_.changed;
    return ok();
  }

  // A unit whose port is another one now is not what was rendered any more, and is made anew at once.
  Result<void> exchange_taken_ports() {
    if (without_port_.empty()) return ok();
    MIFENG_TRY(const int moved, move_taken_ports(context_, row_, without_port_));
    if (moved == 0) return ok();
    MIFENG_CHECK(load());
    return apply();
  }

  // What has ended is started again, ever less often.
  Result<void> restart_what_is_due() {
    const UnixMillis now = context_.clock.now_ms();
    for (Unit& unit : units_) {
      const auto row =
          std::find_if(rows_.begin(), rows_.end(), [&](const store::UnitRow& one) { return one.name == unit.name; });
      if (row == rows_.end() || unit.state != UnitState::kExited || row->state != store::UnitState::kFailed ||
          row->next_try_ms > now)
        continue;
      auto done = ask<void>([&](cluster::Engine& engine) { return engine.restart(unit.name); });
      if (!done && done.error().code() == ErrorCode::kUnavailable && done.error().reason() != kPortTaken &&
          done.error().reason() != "cannot-start")
        return done;
      ++result_.changed;
      if (!done && done.error().reason() == kPortTaken) without_port_.insert(slot_of(unit));
      MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
        MIFENG_TRY(auto fresh, store::find<store::UnitRow>(tx, row->cluster_id, row->name));
        if (!fresh) return ok();
        ++fresh->restarts;
        fresh->ready_ms = 0;
        fresh->state = done ? store::UnitState::kStarting : store::UnitState::kFailed;
        fresh->reason = done ? "" : trust::clean_text(done.error().message(), 1000);
        fresh->reason_code = done ? "" : done.error().reason();
        fresh->remedy.clear();
        if (!done) ++fresh->failures;
        fresh->next_try_ms = done ? 0 : now + unit_backoff(fresh->failures);
        MIFENG_CHECK(store::update(tx, *fresh));
        *row = *fresh;
        return ok();
      }));
      if (done) {
        unit.state = UnitState::kRunning;
        unit.ready = false;
        unit.take({});
        unit.started_at_ms.reset();
      }
    }
    return ok();
  }

  const Unit* find_unit(const std::string& name) const {
    const auto found = std::find_if(units_.begin(), units_.end(), [&](const Unit& one) { return one.name == name; });
    return found == units_.end() ? nullptr : &*found;
  }

  // Why a unit has no key we know best: its guard was told no more than that it was refused.
  Result<void> explain_missing_grants(store::Transaction& tx, UnixMillis now) {
    // Without a door a guard does not even start.
    const auto is_waiting = [&](const Unit& unit) {
      return !unit.ready &&
             (unit.state == UnitState::kRunning || (!workload_.door && unit.state == UnitState::kExited));
    };
    const bool waits = std::any_of(units_.begin(), units_.end(), is_waiting);
    if (!waits || context_.clusters.is_here(row_.cluster_id)) return ok();
    MIFENG_TRY(const auto live, store::live_instances_of(tx, row_.id));
    const auto refused = context_.refused_grants.find(row_.cluster_id, row_.id, now);
    for (Unit& unit : units_) {
      const bool granted = std::any_of(live.begin(), live.end(), [&](const store::InstanceRow& instance) {
        return instance.unit == unit.name && instance.engine_id == unit.engine_id;
      });
      if (!is_waiting(unit) || granted) continue;
      if (!workload_.door) {
        unit.take(
            {.code = "no-door",
             .sentence = phrase("it gets no key: the platform has no listener for guards of other machines"),
             .remedy = phrase("start mifengd with --guard-listen ADDRESS:PORT, which the cluster's nodes reach")});
      } else if (refused && refused->at_ms >= unit.started_at_ms.value_or(INT64_MAX)) {
        unit.take({.code = "no-grant",
                   .sentence = phrase("the platform gives it no key ({}): {}", refused->reason, refused->message),
                   .remedy = phrase("see the audit log, which has each refusal: mifeng get audit")});
      }
    }
    return ok();
  }

  // For whoever looks at the cluster and not at us. That it does not come off keeps nothing else up.
  void leave_word() {
    if (seen_.code.empty()) return;
    (void)ask<void>([&](cluster::Engine& engine) { return engine.note_reason(row_.id, seen_); });
  }

  // The rows as they are now; whether anything that others look at has changed.
  Result<bool> store_units(store::Transaction& tx, UnixMillis now) {
    bool told = false;
    MIFENG_CHECK(explain_missing_grants(tx, now));
    MIFENG_TRY(auto rows, store::units_of(tx, row_.id));
    rows_.clear();
    for (store::UnitRow& row : rows) {
      if (find_unit(row.name) != nullptr) {
        rows_.push_back(std::move(row));
        continue;
      }
      // One that could not even be made is in no listing, and must not be tried without a pause.
      if (!attempted_ && row.state == store::UnitState::kFailed && row.next_try_ms > now &&
          row.revision_id == revision_.id) {
        rows_.push_back(std::move(row));
        continue;
      }
      MIFENG_CHECK(store::erase<store::UnitRow>(tx, row.cluster_id, row.name));
      told = true;
    }
    for (const Unit& unit : units_) {
      auto row =
          std::find_if(rows_.begin(), rows_.end(), [&](const store::UnitRow& one) { return one.name == unit.name; });
      const bool is_new = row == rows_.end();
      if (is_new) {
        store::UnitRow made;
        made.cluster_id = row_.cluster_id;
        made.name = unit.name;
        made.deployment_id = row_.id;
        row = rows_.insert(rows_.end(), std::move(made));
      }
      const store::UnitRow before = *row;
      // Made anew: what was counted against the one before is not its own.
      if (!is_new && row->revision_id != unit.revision) row->failures = row->restarts = row->next_try_ms = 0;
      take_unit(*row, unit, now, attempted_);
      if (is_new) {
        MIFENG_CHECK(store::insert(tx, *row));
      } else if (!same_row(before, *row)) {
        MIFENG_CHECK(store::update(tx, *row));
      }
      told = told || is_new || before.state != row->state;
      // The unit's row says it until its next start; here it stays.
      if (unit.state == cluster::UnitState::kExited && before.state != store::UnitState::kFailed)
        MIFENG_CHECK(context_.audit.append(
            tx, trust::AuditEvent{.actor = "system",
                                  .action = "unit.end",
                                  .subject = row_.id,
                                  .outcome = unit.reason_code.empty() ? "exited" : unit.reason_code,
                                  .detail = trust::clean_text(unit.name + ": " + row->reason, 1000)}));
    }
    return told;
  }

  // A unit that has ended answers nothing any more; its next start asks anew. What was seen may be older than a grant:
  // the engine's news come late, or a start that was given up on succeeded after all. Ending a guard's instance then
  // would leave it unheard until its next renewal, so what is granted is held against the very run that was seen to
  // end, and a unit that was not seen at all is given time to be.
  Result<void> end_gone_instances(store::Transaction& tx, UnixMillis now) {
    MIFENG_TRY(const auto live, store::live_instances_of(tx, row_.id));
    for (const auto& instance : live) {
      const Unit* unit = find_unit(instance.unit);
      if (unit == nullptr && now < instance.granted_ms + kSeenWithin) {
        look_again(instance.granted_ms + kSeenWithin);
        continue;
      }
      if (unit == nullptr || has_ended(*unit, instance))
        MIFENG_CHECK(access::end_instance(context_.access, tx, instance, access::EndKind::kEnded, "system",
                                          "its unit has ended"));
    }
    return ok();
  }

  Result<bool> store_endpoints(store::Transaction& tx) {
    // A unit takes calls from when it was first ready, and then as long as it runs: a slow answer of its health port is
    // no reason to send nobody there any more.
    const auto serves = [&](const cluster::Endpoint& endpoint) {
      return endpoint.kind == cluster::EndpointKind::kBalanced ||
             std::any_of(rows_.begin(), rows_.end(),
                         [&](const store::UnitRow& row) { return row.name == endpoint.unit && row.ready_ms != 0; });
    };
    std::vector<store::EndpointRow> wanted;
    for (const auto& endpoint : endpoints_)
      if (serves(endpoint))
        wanted.push_back({.cluster_id = row_.cluster_id,
                          .node_port = endpoint.node_port,
                          .deployment_id = row_.id,
                          .port_name = endpoint.port_name,
                          .kind = cluster::to_string(endpoint.kind),
                          .unit = endpoint.unit});
    std::sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) { return a.node_port < b.node_port; });
    MIFENG_TRY(const auto there, store::endpoints_of(tx, row_.id));
    if (std::equal(there.begin(), there.end(), wanted.begin(), wanted.end(), same_row<store::EndpointRow>))
      return false;
    MIFENG_CHECK(store::erase_endpoints_of(tx, row_.id));
    for (const auto& row : wanted) {
      // Whose it was before has lost it: one port is one deployment's.
      MIFENG_CHECK(store::erase<store::EndpointRow>(tx, row.cluster_id, row.node_port));
      MIFENG_CHECK(store::insert(tx, row));
    }
    return true;
  }

  // By when a unit has to be ready: counted from when units began to be replaced, or from when the last one that was
  // ready was no more, whichever is later.
  Deadline deadline_of(store::DeploymentRow& deployment, UnixMillis now) const {
    const bool serves =
        std::any_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.state == store::UnitState::kReady; });
    if (serves || deployment.replicas == 0)
      deployment.unready_since_ms = 0;
    else if (deployment.unready_since_ms == 0)
      deployment.unready_since_ms = now;
    const auto config = workload_.pod.progress_deadline_seconds;
    const UnixMillis given = config ? *config * UnixMillis{1000} : context_.options.progress_deadline_ms;
    return {.given_ms = given, .at_ms = std::max(deployment.update_started_ms, deployment.unready_since_ms) + given};
  }

  // "ready" means that calls are answered: where it was not so before, the gateways that follow have to know the way.
  // One that does not confirm within a while does not hold it up for ever.
  Result<void> hold_back_ready(store::Transaction& tx, const store::DeploymentRow& before,
                               store::DeploymentRow& deployment, UnixMillis now) {
    if (deployment.state != DeploymentState::kReady || before.state == DeploymentState::kReady ||
        before.state == DeploymentState::kUpdating || before.state == DeploymentState::kDegraded)
      return ok();
    MIFENG_TRY(const bool known, access::gateways_know(context_.access, tx, deployment.told_change));
    if (known || now - std::max(before.changed_ms, told_ms_) > kConfirmedWithin) return ok();
    deployment.state = DeploymentState::kStarting;
    deployment.reason = phrase("it is ready, and the gateways are being told");
    look_again(now + kConfirmedAgain);
    return ok();
  }

  Result<bool> open_route(store::Transaction& tx, store::DeploymentRow& deployment, UnixMillis now) {
    if (deployment.opens_route.empty() ||
        (deployment.state != DeploymentState::kReady && deployment.state != DeploymentState::kDegraded))
      return false;
    MIFENG_TRY(auto route, store::find<store::RouteRow>(tx, deployment.opens_route));
    if (route) {
      route->enabled = 1;
      route->changed_ms = now;
      MIFENG_CHECK(store::update(tx, *route));
      MIFENG_CHECK(context_.audit.append(
          tx,
          trust::AuditEvent{.actor = "system", .action = "route.open", .subject = route->id, .detail = route->prefix}));
    }
    deployment.opens_route.clear();
    return true;
  }

  // When nothing is on its way any more, ports that only an update needed are free again.
  Result<void> give_ports_back(store::Transaction& tx) {
    const bool quiet =
        settled_ || (std::none_of(units_.begin(), units_.end(),
                                  [&](const Unit& unit) {
                                    return unit.state == UnitState::kStopping || !is_current(sought_, unit);
                                  }) &&
                     static_cast<std::int64_t>(units_.size()) <= row_.replicas);
    if (!quiet) return ok();
    std::set<int> occupied;
    for (const Unit& unit : units_)
      if (slot_of(unit) >= 0) occupied.insert(slot_of(unit));
    const auto needs = port_needs(context_, row_.cluster_id, workload_.pod, workload_.replicas);
    MIFENG_CHECK(give_slots_back(tx, row_, workload_.pod.ports, needs.slots, occupied));
    return ok();
  }

  Result<void> store_what_was_seen() {
    bool told = false;
    MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
      const UnixMillis now = context_.clock.now_ms();
      MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, row_.id));
      if (!deployment || deployment->deleting != 0) return ok();
      MIFENG_TRY(told, store_units(tx, now));
      MIFENG_CHECK(end_gone_instances(tx, now));
      MIFENG_TRY(const bool moved, store_endpoints(tx));
      told = told || moved;
      // Somebody may wish for something else meanwhile; then this look says nothing of it, and the next one will.
      const bool still = deployment->revision_id == row_.revision_id && deployment->replicas == row_.replicas &&
                         deployment->restart_wanted == row_.restart_wanted;
      const store::DeploymentRow before = *deployment;
      if (still) {
        const Deadline deadline = deadline_of(*deployment, now);
        const Verdict verdict = judge(rows_, *deployment, revision_, deadline, now);
        verdict.write_to(*deployment);
        deployment->update_failed = verdict.update_failed ? 1 : 0;
        if (verdict.state == DeploymentState::kUpdating || verdict.state == DeploymentState::kStarting)
          look_again(deadline.at_ms);
        MIFENG_CHECK(give_ports_back(tx));
      }
      MIFENG_TRY(const bool opened, open_route(tx, *deployment, now));
      if (moved || opened) {
        MIFENG_TRY(deployment->told_change, store::next_change(tx));
        told_ms_ = now;
      }
      MIFENG_CHECK(hold_back_ready(tx, before, *deployment, now));
      for (const auto& row : rows_)
        if (row.state == store::UnitState::kFailed) look_again(row.next_try_ms);
      seen_ = {.code = deployment->reason_code, .sentence = deployment->reason, .remedy = deployment->remedy};
      if (same_row(before, *deployment) && !told && !opened) return ok();
      told = true;
      deployment->changed_ms = now;
      MIFENG_CHECK(store::update(tx, *deployment));
      if (before.state != deployment->state || before.update_failed != deployment->update_failed)
        MIFENG_CHECK(settle_items(context_, tx, *deployment));
      MIFENG_CHECK(store::next_change(tx));
      if (before.state != deployment->state)
        MIFENG_CHECK(context_.audit.append(tx, trust::AuditEvent{.actor = "system",
                                                                 .action = "deployment.state",
                                                                 .subject = row_.id,
                                                                 .outcome = std::string(to_string(deployment->state)),
                                                                 .detail = deployment->reason}));
      return ok();
    }));
    if (told) {
      ++result_.changed;
      context_.access.snapshots_changed.notify();
    }
    return ok();
  }

  void look_again(UnixMillis at) {
    if (!result_.look_again_ms || at < *result_.look_again_ms) result_.look_again_ms = at;
  }

  const Context& context_;
  store::DeploymentRow row_;
  const Urge urge_;
  store::RevisionRow revision_;
  Sought sought_;
  cluster::Workload workload_;
  std::vector<store::UnitRow> rows_;
  std::vector<Unit> units_;
  std::vector<cluster::Endpoint> endpoints_;
  std::set<int> without_port_;   // slots whose unit another program's port keeps from starting
  std::set<std::string> noted_;  // engine ids of changed units that stand in the audit log
  cluster::Reason seen_;         // why the deployment does not run as it should
  RoundResult result_;
  UnixMillis told_ms_ = 0;  // when gateways had something to be told, in this look
  bool attempted_ = false;
  bool settled_ = false;
};

}  // namespace

Result<RoundResult> run_deployment_round(const Context& context, store::DeploymentRow row, Urge urge) {
  return DeploymentRound(context, std::move(row), urge).run();
}

}  // namespace mifeng::deployments
