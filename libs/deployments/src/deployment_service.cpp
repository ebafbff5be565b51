#include "mifeng/deployments/deployment_service.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "batch_items.h"
#include "deployment_acts.h"
#include "deployment_create.h"
#include "mifeng/access/instances.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/renderings.h"
#include "mifeng/net/runtime.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/text.h"
#include "mifeng/trust/version.h"
#include "slots.h"

namespace mifeng::deployments {
Result<DeploymentState> parse_deployment_state(std::string_view text) {
  if (const auto state = store::from_word<DeploymentState>(text)) return *state;
  return Error(ErrorCode::kInvalidArgument, "unknown-state",
               "A deployment is pending, starting, ready, updating, degraded, failed, stopped or deleting.");
}

std::string_view grade_sentence(Grade grade) {
  switch (grade) {
    case Grade::kL0: return "Its outputs are sealed; its payload is not, so whoever has the image has the model.";
    case Grade::kL1:
      return "Its payload and its outputs are sealed; root on the machine that runs it can read its memory.";
    case Grade::kL2:
      return "Its payload and its outputs are sealed, and its key is bound to hardware; root on the machine that runs "
             "it can read its memory.";
    case Grade::kL3:
      return "Its payload and its outputs are sealed, and it runs in hardware that has proved itself and that keeps "
             "its "
             "memory from the machine's root.";
  }
  return "";
}

Result<Deployment> DeploymentService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  return context_.db.read([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return trust::not_found("deployment", id);
    return deployment_of(context_, tx, *row);
  });
}

Result<trust::Page<Deployment>> DeploymentService::list(const trust::Actor& actor, const DeploymentQuery& query,
                                                        const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  MIFENG_TRY(const auto window, trust::window_of(page));
  if (!query.state.empty()) MIFENG_CHECK(parse_deployment_state(query.state));
  return context_.db.read([&](store::Transaction& tx) -> Result<trust::Page<Deployment>> {
    MIFENG_TRY(const auto slice, store::search_deployments(tx, query.text, query.state, query.version_id, window));
    trust::Page<Deployment> deployments;
    deployments.total = slice.total;
    for (const auto& row : slice.rows) {
      MIFENG_TRY(auto deployment, deployment_of(context_, tx, row));
      deployments.items.push_back(std::move(deployment));
    }
    return deployments;
  });
}

Result<bool> scale_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                      store::DeploymentRow& row, int replicas, const std::optional<HeldPorts>& held) {
  MIFENG_CHECK(check_replicas(replicas));
  MIFENG_TRY(const auto revision, wanted_revision(tx, row));
  MIFENG_TRY(const auto pod, context.renderings.of(context, tx, row, revision));
  const int slots = port_needs(context, row.cluster_id, *pod, replicas).slots;
  MIFENG_TRY(const int taken, slots_taken(tx, row));
  if (!held && taken < slots) return false;
  MIFENG_TRY(PortMap map, load_ports(tx, row.cluster_id, held.value_or(HeldPorts{})));
  // Slots of units that are on their way out are still there; they come back with the ports they have.
  MIFENG_CHECK(take_slots(context, tx, row, pod->ports, slots, {}, map));
  const bool more = replicas > row.replicas;
  const bool none = row.replicas == 0;
  row.replicas = replicas;
  if (more) {
    // Units beyond the former number may be going just now: what was said of them holds no more.
    const bool serves = !none && (row.state == DeploymentState::kReady || row.state == DeploymentState::kDegraded ||
                                  row.state == DeploymentState::kUpdating);
    Verdict{.state = serves ? DeploymentState::kDegraded : DeploymentState::kStarting,
            .reason = phrase("its containers are starting")}
        .write_to(row);
  }
  row.changed_ms = context.clock.now_ms();
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(context.audit.append(tx, actor, "deployment.scale", row.id, std::to_string(replicas) + " replica(s)"));
  return true;
}

Result<void> restart_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                        store::DeploymentRow& row) {
  ++row.restart_wanted;
  row.update_started_ms = context.clock.now_ms();
  row.update_failed = 0;
  if (row.replicas > 0) {
    MIFENG_TRY(const auto revision, wanted_revision(tx, row));
    MIFENG_TRY(const auto units, store::units_of(tx, row.id));
    judge(units, row, revision, {}, row.update_started_ms).write_to(row);
  }
  row.changed_ms = context.clock.now_ms();
  MIFENG_CHECK(store::update(tx, row));
  return context.audit.append(tx, actor, "deployment.restart", row.id);
}

Result<void> remove_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                       store::DeploymentRow& row, RemoveClaims claims) {
  if (row.deleting != 0) return ok();
  row.deleting = claims == RemoveClaims::kYes ? store::kDeleteWithClaims : store::kDelete;
  Verdict{.state = DeploymentState::kDeleting, .reason = phrase("its containers are being removed")}.write_to(row);
  row.changed_ms = context.clock.now_ms();
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(end_instances(context, tx, row.id, actor.name, "its deployment is deleted"));
  MIFENG_CHECK(erase_routes(context, tx, actor, row.id));
  MIFENG_CHECK(store::next_change(tx));
  return context.audit.append(tx, actor, "deployment.delete", row.id,
                              claims == RemoveClaims::kYes ? "with the volumes that it claims" : "");
}

Result<Deployment> DeploymentService::scale(const trust::Actor& actor, const std::string& id, int replicas) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_CHECK(check_replicas(replicas));
  // Asked of the cluster only for ports that are yet to be taken: one that is away keeps nobody from going down, nor
  // from going up where the ports there are stand before all units.
  std::optional<HeldPorts> held;
  std::string cluster;
  const auto scale = [&](store::Transaction& tx) -> Result<std::optional<Deployment>> {
    MIFENG_TRY(auto row, live_deployment(tx, id));
    MIFENG_CHECK(trust::expect(actor, row));
    cluster = row.cluster_id;
    MIFENG_TRY(const bool scaled, scale_in(context_, tx, actor, row, replicas, held));
    if (!scaled) return std::optional<Deployment>();
    MIFENG_TRY(auto deployment, deployment_of(context_, tx, row));
    return std::optional<Deployment>(std::move(deployment));
  };
  MIFENG_TRY(auto done, context_.db.write(scale));
  if (!done) {
    MIFENG_TRY(held, held_ports(context_, cluster));
    MIFENG_TRY(done, context_.db.write(scale));
  }
  context_.changed.notify();
  context_.access.snapshots_changed.notify();
  return std::move(*done);
}

Result<Deployment> DeploymentService::restart(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, live_deployment(tx, id));
    MIFENG_CHECK(trust::expect(actor, row));
    MIFENG_CHECK(restart_in(context_, tx, actor, row));
    return deployment_of(context_, tx, row);
  });
  if (done) context_.changed.notify();
  return done;
}

Result<void> DeploymentService::remove(const trust::Actor& actor, const std::string& id, RemoveClaims claims) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return trust::not_found("deployment", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    return remove_in(context_, tx, actor, *row, claims);
  });
  if (done) {
    context_.changed.notify();
    context_.access.snapshots_changed.notify();
  }
  return done;
}

Result<void> DeploymentService::let_go_in(store::Transaction& tx, const trust::Actor& actor,
                                          const std::string& cluster) {
  MIFENG_TRY(const auto rows, store::all<store::DeploymentRow>(tx));
  for (const auto& row : rows) {
    if (row.cluster_id != cluster) continue;
    MIFENG_CHECK(end_instances(context_, tx, row.id, actor.name, "its cluster was let go of"));
    MIFENG_CHECK(erase_routes(context_, tx, actor, row.id));
    MIFENG_CHECK(erase_deployment(tx, row.id));
    MIFENG_CHECK(settle_gone(context_, tx, row.id));
    MIFENG_CHECK(context_.audit.append(tx, actor, "deployment.abandon", row.id, "with the cluster " + cluster));
  }
  return ok();
}

Result<void> DeploymentService::logs(const trust::Actor& actor, const std::string& id, const LogOptions& options,
                                     const std::function<bool(std::string_view)>& sink) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_TRY(const auto units, context_.db.read([&](store::Transaction& tx) { return store::units_of(tx, id); }));
  const auto found = std::find_if(units.begin(), units.end(), [&](const store::UnitRow& row) {
    return options.unit.empty() || row.name == options.unit;
  });
  if (found == units.end()) return trust::not_found("unit", options.unit.empty() ? id : options.unit);
  const cluster::LogOptions how{.container = options.container,
                                .tail = options.tail,
                                .follow = options.follow,
                                .previous = options.previous,
                                .timestamps = options.timestamps,
                                .since_ms = options.since_ms};
  const cluster::LogSink lines = [&sink](cluster::LogLine line) -> boost::asio::awaitable<Result<void>> {
    line.text += '\n';
    if (!sink(line.text)) co_return Error(ErrorCode::kCancelled, "reader-gone", "Nobody reads the log any more.");
    co_return ok();
  };
  const auto engine = context_.clusters.find(found->cluster_id);
  if (!engine) return context_.clusters.no_engine(found->cluster_id);
  // On an event loop of this thread: a slow reader must not hold up what else the engine is asked. A log may be silent
  // for days, so that nobody notices from its lines that the reader has gone: ask now and then.
  std::optional<Result<void>> done;
  net::run_to_end([&]() -> boost::asio::awaitable<void> {
    const auto read = [&]() -> boost::asio::awaitable<void> {
      auto result = co_await engine->logs(found->name, how, lines);
      done.emplace(std::move(result));
    };
    const auto watch = [&]() -> boost::asio::awaitable<void> {
      do co_await net::sleep_for(std::chrono::seconds(1));
      while (sink(""));
    };
    co_await net::race(read, watch);
  });
  if (!done || (!*done && done->error().reason() == "reader-gone")) return ok();
  return *done;
}

Result<std::vector<DeploymentEvent>> DeploymentService::events(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  MIFENG_TRY(const auto row,
             context_.db.read([&](store::Transaction& tx) { return store::find<store::DeploymentRow>(tx, id); }));
  if (!row) return trust::not_found("deployment", id);
  MIFENG_TRY(const auto told,
             clusters::call_engine<std::vector<cluster::Event>>(
                 context_.clusters, row->cluster_id, [&](cluster::Engine& engine) { return engine.events(id); }));
  std::vector<DeploymentEvent> events;
  for (const auto& event : told)
    events.push_back({.time_ms = event.time_ms,
                      .unit = event.unit,
                      .action = trust::clean_text(event.action, 100),
                      .detail = trust::clean_text(event.detail, 1000)});
  return events;
}

}  // namespace mifeng::deployments
