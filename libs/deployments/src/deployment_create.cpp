#include "deployment_create.h"

#include <algorithm>

#include "mifeng/access/route_rows.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "slots.h"

namespace mifeng::deployments {
namespace {

constexpr std::int64_t kRevisionsKept = 20;

Result<int> wanted_replicas(const DeploymentRequest& request, const manifest::DeploymentConfig& config) {
  const int replicas = request.replicas.value_or(config.replicas);
  MIFENG_CHECK(check_replicas(replicas));
  return replicas;
}

}  // namespace

Result<HeldPorts> held_for(const Context& context, const DeploymentRequest& request) {
  MIFENG_TRY(const auto cluster,
             context.db.read([&](store::Transaction& tx) { return clusters::known_cluster(tx, request.cluster); }));
  return held_ports(context, cluster);
}

Result<store::RevisionRow> add_revision(const Context& context, store::Transaction& tx, store::DeploymentRow& row,
                                        const store::ModelRow& model, const Overlay& overlay, const std::string& cause,
                                        const std::string& by) {
  MIFENG_TRY(const auto there, store::revisions_of(tx, row.id));
  store::RevisionRow revision;
  MIFENG_TRY(revision.id, store::next_revision_id(tx));
  revision.deployment_id = row.id;
  revision.number = there.empty() ? 1 : there.front().number + 1;
  revision.version_id = model.id;
  revision.overlay_json = json::serialize(overlay_json(overlay));
  revision.cause = cause;
  revision.created_by = by;
  revision.created_ms = context.clock.now_ms();
  MIFENG_CHECK(store::insert(tx, revision));
  MIFENG_TRY(const auto units, store::units_of(tx, row.id));
  for (const auto& old : there) {
    const bool runs =
        std::any_of(units.begin(), units.end(), [&](const store::UnitRow& unit) { return unit.revision_id == old.id; });
    if (old.number <= revision.number - kRevisionsKept && !runs)
      MIFENG_CHECK(store::erase<store::RevisionRow>(tx, old.id));
  }
  row.revision_id = revision.id;
  row.version_id = model.id;
  row.vendor_id = model.vendor_id;
  row.model = model.name;
  row.version = model.version;
  row.grade = grade_of(model);
  return revision;
}

Result<void> check_replicas(int replicas) {
  if (replicas >= 0 && replicas <= bounds::kReplicasMax) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-replicas",
               "replicas: 0 to " + std::to_string(bounds::kReplicasMax) + ".");
}

std::string new_deployment_id(const Context& context, const std::string& name) {
  return name + "-" + context.random.hex(3);
}

namespace {

// The planned ports as long as they are all free, else the lowest that are.
Result<void> take_ports(const Context& context, store::Transaction& tx, const store::DeploymentRow& row,
                        const std::vector<manifest::ContainerPort>& ports, int slots, const DeploymentRequest& request,
                        const HeldPorts& held, const std::vector<int>& planned) {
  if (request.ports.empty() && !planned.empty()) {
    MIFENG_TRY(PortMap map, load_ports_at(tx, row.cluster_id, held, planned));
    const auto taken = take_slots(context, tx, row, ports, slots, planned, map);
    if (taken) return ok();
    if (taken.error().reason() != "port-taken" && taken.error().reason() != "port-out-of-range" &&
        taken.error().reason() != "bad-ports")
      return taken.error();
  }
  MIFENG_TRY(PortMap map, load_ports(tx, row.cluster_id, held));
  MIFENG_CHECK(take_slots(context, tx, row, ports, slots, request.ports, map));
  return ok();
}

}  // namespace

Result<store::DeploymentRow> create_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                                       const DeploymentRequest& request, const HeldPorts& held, const CreatedBy& by) {
  MIFENG_CHECK(trust::check_label("name", request.name, bounds::kDeploymentNameMax));
  MIFENG_TRY(const auto cluster, clusters::known_cluster(tx, request.cluster));
  MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
  if (same)
    return Error(ErrorCode::kConflict, "name-taken",
                 phrase("There is a deployment \"{}\" already ({}). Choose another name.", request.name, same->id));
  MIFENG_TRY(const Prepared prepared, prepare(tx, request.version_id, request.overlay, VersionRule::kAccepted));
  MIFENG_CHECK(check_network(prepared, request.overlay));
  MIFENG_CHECK(check_tolerated(tx, prepared, cluster));
  store::DeploymentRow row;
  MIFENG_TRY(row.replicas, wanted_replicas(request, prepared.config));
  row.id = by.id.empty() ? new_deployment_id(context, request.name) : by.id;
  row.name = request.name;
  row.cluster_id = cluster;
  row.ports_chosen = request.ports.empty() ? 0 : 1;
  row.state = DeploymentState::kPending;
  row.reason = phrase("waits for its turn");
  row.batch_id = by.batch_id;
  row.created_by = actor.name;
  row.created_ms = row.changed_ms = row.update_started_ms = context.clock.now_ms();
  row.version_id = prepared.model.id;
  MIFENG_TRY(const auto last_user, store::last_model_user(tx, manifest::kModelUserMin - 1));
  row.model_user = last_user + 1;
  MIFENG_CHECK(store::insert(tx, row));
  MIFENG_CHECK(add_revision(context, tx, row, prepared.model, request.overlay, "deploy", actor.name));
  // What cannot be rendered is refused now, not later.
  MIFENG_TRY(const auto registry, registry_of(context, tx, cluster));
  MIFENG_TRY(const auto pod,
             render(context, prepared, row.id, row.model_user, registry, lame_duck_of(context, row.cluster_id)));
  const auto needs = port_needs(context, cluster, pod, static_cast<int>(row.replicas));
  MIFENG_CHECK(take_ports(context, tx, row, pod.ports, needs.slots, request, held, by.planned_ports));
  if (request.route) {
    access::Route route;
    static_cast<access::RouteInput&>(route) = *request.route;
    if (route.forward.empty()) route.forward = "mifeng://" + row.id;
    MIFENG_CHECK(access::check_route(tx, route));
    if (route.deployment_id != row.id)
      return Error(ErrorCode::kInvalidArgument, "bad-forward",
                   "route.forward: a route that is made with a deployment leads to it; leave it empty.");
    route.id = trust::new_id(context.random, "rt-");
    route.created_ms = route.changed_ms = context.clock.now_ms();
    // The prefix is taken from now on; the reconciler opens it once the deployment answers.
    row.opens_route = route.enabled ? route.id : "";
    route.enabled = false;
    MIFENG_TRY(const auto route_row, access::row_of(route));
    MIFENG_CHECK(store::insert(tx, route_row));
    MIFENG_CHECK(context.audit.append(tx, actor, "route.create", route.id, route.prefix + " to " + route.forward));
  }
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(context.audit.append(tx, actor, "deployment.create", row.id,
                                    row.vendor_id + "/" + row.model + "/" + row.version + ", " +
                                        std::to_string(row.replicas) + " replica(s) in " + cluster));
  return row;
}

void add_network_warning(std::vector<std::string>& warnings, const Prepared& prepared, const Overlay& overlay) {
  if (prepared.config.network == manifest::Network::kNone) return;
  warnings.push_back(phrase("the model may reach other machines from its container (spec.network: outgoing)"));
  if (!overlay.allow_network) warnings.push_back(phrase("that has to be allowed: deploy it with --allow-network"));
}

Result<DeploymentPlan> DeploymentService::plan(const trust::Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_CHECK(trust::check_label("name", request.name, bounds::kDeploymentNameMax));
  MIFENG_TRY(const auto held, held_for(context_, request));
  return context_.db.read([&](store::Transaction& tx) -> Result<DeploymentPlan> {
    MIFENG_TRY(const Prepared prepared, prepare(tx, request.version_id, request.overlay, VersionRule::kAccepted));
    DeploymentPlan plan;
    MIFENG_TRY(plan.cluster, clusters::known_cluster(tx, request.cluster));
    MIFENG_CHECK(check_tolerated(tx, prepared, plan.cluster));
    plan.vendor_id = prepared.model.vendor_id;
    plan.model = prepared.model.name;
    plan.version = prepared.model.version;
    plan.grade = grade_of(prepared.model);
    MIFENG_TRY(plan.grade_reason, grade_reason_of(tx, plan.grade, plan.cluster));
    MIFENG_TRY(plan.replicas, wanted_replicas(request, prepared.config));
    MIFENG_TRY(const auto registry, registry_of(context_, tx, plan.cluster));
    MIFENG_TRY(const auto pod, render(context_, prepared, request.name + "-000000", manifest::kModelUserMin, registry,
                                      lame_duck_of(context_, plan.cluster)));
    plan.rendered = pod_json(pod);
    MIFENG_TRY(const PortMap map, load_ports(tx, plan.cluster, held));
    MIFENG_TRY(plan.ports,
               plan_slots(pod.ports, port_needs(context_, plan.cluster, pod, plan.replicas).slots, request.ports, map));
    MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
    if (const auto engine = context_.clusters.find(plan.cluster)) {
      for (std::string& sentence : engine->cannot_hold(pod)) plan.warnings.push_back(std::move(sentence));
    }
    if (same) plan.warnings.push_back(phrase("there is a deployment {} already", request.name));
    add_network_warning(plan.warnings, prepared, request.overlay);
    if (plan.replicas == 0) plan.warnings.push_back(phrase("with no replica nothing will run"));
    if (request.route) {
      MIFENG_CHECK(access::check_prefix(request.route->prefix));
      MIFENG_TRY(auto taken, store::route_by_prefix(tx, request.route->prefix));
      if (taken)
        plan.warnings.push_back(phrase("the prefix {} is taken by the route {}", request.route->prefix, taken->id));
      if (request.route->open) plan.warnings.push_back(phrase("the route is open: it needs no API key"));
    }
    return plan;
  });
}

Result<Deployment> DeploymentService::create(const trust::Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_TRY(const auto held, held_for(context_, request));
  auto made = context_.db.write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(const auto row, create_in(context_, tx, actor, request, held));
    return deployment_of(context_, tx, row);
  });
  if (made) context_.changed.notify();
  return made;
}

}  // namespace mifeng::deployments
