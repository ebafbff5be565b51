#include "deployment_create.h"

#include "audit_log.h"
#include "core.h"
#include "deployment_rows.h"
#include "mifeng/base/phrase.h"
#include "port_plan.h"
#include "route_rows.h"

namespace mifeng::platform {
namespace {

int wanted_replicas(const DeploymentRequest& request, const manifest::DeploymentConfig& config) {
  return request.replicas.value_or(config.replicas);
}

// Replica by replica, each with the config's ports in order.
std::vector<PlannedPort> assign(Core& core, const std::string& deployment_id, const manifest::DeploymentConfig& config,
                                int first_replica, int replicas, const std::vector<int>& node_ports) {
  std::vector<PlannedPort> planned;
  std::size_t next = 0;
  for (int replica = first_replica; replica < replicas; ++replica)
    for (const auto& port : config.ports)
      planned.push_back({.replica = replica_name(core, deployment_id, replica),
                         .port_name = port.name,
                         .container_port = port.container_port,
                         .node_port = node_ports[next++]});
  return planned;
}

Result<std::vector<int>> choose_ports(const PortMap& map, const std::vector<int>& asked, int needed) {
  if (asked.empty()) return map.lowest_free(needed);
  if (static_cast<int>(asked.size()) != needed)
    return Error(ErrorCode::kInvalidArgument, "bad-ports",
                 "ports: " + std::to_string(needed) + " are needed (replicas times container ports), " +
                     std::to_string(asked.size()) + " were given.");
  std::set<int> seen;
  for (const int port : asked) {
    MIFENG_CHECK(map.check_free(port));
    if (!seen.insert(port).second)
      return Error(ErrorCode::kInvalidArgument, "bad-ports", "ports: " + std::to_string(port) + " is given twice.");
  }
  return asked;
}

}  // namespace

Result<void> add_replicas(Core& core, store::Transaction& tx, const std::string& deployment_id,
                          const manifest::DeploymentConfig& config, int first, int replicas,
                          const std::vector<int>& node_ports) {
  const auto planned = assign(core, deployment_id, config, first, replicas, node_ports);
  std::size_t next = 0;
  for (int number = first; number < replicas; ++number) {
    store::ReplicaRow row;
    row.deployment_id = deployment_id;
    row.number = number;
    row.name = replica_name(core, deployment_id, number);
    row.state = "waiting";
    MIFENG_CHECK(store::insert(tx, row));
    for (std::size_t i = 0; i < config.ports.size(); ++i, ++next)
      MIFENG_CHECK(store::insert(tx, store::UsedPortRow{.port = planned[next].node_port,
                                                        .deployment_id = deployment_id,
                                                        .replica_number = number,
                                                        .replica = row.name,
                                                        .port_name = planned[next].port_name,
                                                        .container_port = planned[next].container_port,
                                                        .reserved_ms = core.clock.now_ms()}));
  }
  return ok();
}

Result<Deployment> create_in(Core& core, store::Transaction& tx, const Actor& actor, const DeploymentRequest& request,
                             const std::set<int>& host, const std::string& batch_id) {
  MIFENG_CHECK(check_label("name", request.name, 32));
  MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
  if (same)
    return Error(ErrorCode::kConflict, "name-taken",
                 "There is a deployment \"" + request.name + "\" already (" + same->id + "). Choose another name.");
  MIFENG_TRY(const Prepared prepared, prepare(tx, request));
  const int replicas = wanted_replicas(request, prepared.config);
  MIFENG_TRY(const PortMap map, load_ports(tx, host));
  MIFENG_TRY(const auto node_ports,
             choose_ports(map, request.ports, replicas * static_cast<int>(prepared.config.ports.size())));
  store::DeploymentRow row;
  row.id = request.name + "-" + core.random.hex(3);
  row.name = request.name;
  row.version_id = prepared.model.id;
  row.vendor_id = prepared.model.vendor_id;
  row.model = prepared.model.name;
  row.version = prepared.model.version;
  row.replicas = replicas;
  row.state = "pending";
  row.reason = phrase("waits for its turn");
  row.grade = std::string(to_string(grade_of(prepared.model)));
  row.batch_id = batch_id;
  row.created_by = actor.name;
  row.created_ms = row.changed_ms = core.clock.now_ms();
  // The route has a row of its own; the rest of the request is what the template is rendered from. Ports stay in it as
  // the mark that a person chose them: those are never moved.
  DeploymentRequest overlay = request;
  overlay.route.reset();
  row.overlay_json = json::serialize(request_json(overlay));
  MIFENG_CHECK(render(core, prepared, row.id));  // what cannot be rendered is refused now, not later
  MIFENG_CHECK(store::insert(tx, row));
  MIFENG_CHECK(add_replicas(core, tx, row.id, prepared.config, 0, replicas, node_ports));
  if (request.route) {
    Route route;
    static_cast<RouteInput&>(route) = *request.route;
    if (route.forward.empty()) route.forward = "mifeng://" + row.id;
    MIFENG_CHECK(check_route(tx, route));
    if (route.deployment_id != row.id)
      return Error(ErrorCode::kInvalidArgument, "bad-forward",
                   "route.forward: a route that is made with a deployment leads to it; leave it empty.");
    route.id = new_id(core, "rt-");
    route.created_ms = route.changed_ms = core.clock.now_ms();
    // The prefix is taken from now on; the reconciler opens it once the deployment answers.
    row.route_json = route.enabled ? route.id : "";
    route.enabled = false;
    MIFENG_TRY(const auto route_row, row_of(route));
    MIFENG_CHECK(store::insert(tx, route_row));
    MIFENG_CHECK(store::update(tx, row));
    MIFENG_CHECK(audit(core, tx, actor, "route.create", route.id, route.prefix + " to " + route.forward));
  }
  MIFENG_CHECK(
      audit(core, tx, actor, "deployment.create", row.id,
            row.vendor_id + "/" + row.model + "/" + row.version + ", " + std::to_string(replicas) + " replica(s)"));
  return deployment_of(tx, row);
}

Result<DeploymentPlan> DeploymentService::plan(const Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_CHECK(check_label("name", request.name, 32));
  MIFENG_TRY(const auto host, host_ports(core_));
  return core_.db->read([&](store::Transaction& tx) -> Result<DeploymentPlan> {
    MIFENG_TRY(const Prepared prepared, prepare(tx, request));
    DeploymentPlan plan;
    plan.vendor_id = prepared.model.vendor_id;
    plan.model = prepared.model.name;
    plan.version = prepared.model.version;
    plan.grade = grade_of(prepared.model);
    plan.replicas = wanted_replicas(request, prepared.config);
    MIFENG_TRY(const PortMap map, load_ports(tx, host));
    MIFENG_TRY(const auto ports,
               choose_ports(map, request.ports, plan.replicas * static_cast<int>(prepared.config.ports.size())));
    const std::string id = request.name + "-000000";
    plan.ports = assign(core_, id, prepared.config, 0, plan.replicas, ports);
    MIFENG_TRY(const auto pod, render(core_, prepared, id));
    plan.rendered_json = pod_json(pod);
    MIFENG_TRY(auto same, store::deployment_by_name(tx, request.name));
    if (core_.engine.get() != nullptr) {
      for (std::string& sentence : core_.engine.get()->not_held(pod)) plan.warnings.push_back(std::move(sentence));
    }
    if (same) plan.warnings.push_back("There is a deployment \"" + request.name + "\" already.");
    if (plan.replicas == 0) plan.warnings.push_back("With no replica nothing will run.");
    if (request.route) {
      MIFENG_CHECK(check_prefix(request.route->prefix));
      MIFENG_TRY(auto taken, store::route_by_prefix(tx, request.route->prefix));
      if (taken)
        plan.warnings.push_back("The prefix " + request.route->prefix + " is taken by the route " + taken->id + ".");
      if (request.route->open) plan.warnings.push_back("The route is open: it needs no API key.");
    }
    return plan;
  });
}

Result<Deployment> DeploymentService::create(const Actor& actor, const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, Permission::kDeploy));
  MIFENG_TRY(const auto host, host_ports(core_));
  auto made = core_.db->write([&](store::Transaction& tx) { return create_in(core_, tx, actor, request, host, ""); });
  if (made) core_.deployments_changed.notify();
  return made;
}

}  // namespace mifeng::platform
