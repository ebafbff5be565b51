// Clusters, ports, deployments and routes.
#include "json_of.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/deployments/deployment_rows.h"

namespace mifeng::rest {

using json::Array;
using json::Object;
using json::Value;

namespace {

Array strings(const std::vector<std::string>& items) { return Array(items.begin(), items.end()); }

Object string_map(const std::map<std::string, std::string>& map) {
  Object object;
  for (const auto& [name, value] : map) object.set(name, value);
  return object;
}

Array env_list(const std::vector<deployments::EnvVar>& env) {
  Array list;
  for (const auto& variable : env) list.push_back(Object{{"name", variable.name}, {"value", variable.value}});
  return list;
}

Object amount(const clusters::Amount& of) { return Object{{"all", of.all}, {"free", of.free}}; }

Value json_of(const clusters::ClusterCapacity& capacity) {
  Object accelerators;
  for (const auto& [name, of] : capacity.accelerators) accelerators.set(name, amount(of));
  return Object{{"cpu_millis", amount(capacity.cpu_millis)},
                {"memory_bytes", amount(capacity.memory_bytes)},
                {"accelerators", std::move(accelerators)}};
}

Value json_of(const deployments::PlannedPort& port) {
  return Object{{"slot", port.slot},
                {"port_name", port.port_name},
                {"container_port", port.container_port},
                {"node_port", port.node_port}};
}

Array planned_ports(const std::vector<deployments::PlannedPort>& ports) {
  Array list;
  for (const auto& port : ports) list.push_back(json_of(port));
  return list;
}

Value json_of(const deployments::UnitInfo& unit) {
  return Object{{"name", unit.name},
                {"revision", unit.revision},
                {"state", to_string(unit.state)},
                {"reason", unit.reason},
                {"ports", planned_ports(unit.ports)},
                {"instance_id", unit.instance_id},
                {"started_ms", unit.started_ms},
                {"restarts", unit.restarts}};
}

}  // namespace

Value json_of(const clusters::Cluster& cluster) {
  return Object{{"id", cluster.id},
                {"name", cluster.name},
                {"kind", to_string(cluster.kind)},
                {"address", cluster.address},
                {"default_namespace", cluster.default_namespace},
                {"node_addresses", strings(cluster.node_addresses)},
                {"registry", cluster.registry},
                {"state", to_string(cluster.state)},
                {"reason", cluster.reason},
                {"version", cluster.version},
                {"may", strings(cluster.may)},
                {"sweep_held", cluster.sweep_held},
                {"deployments", cluster.deployments},
                {"capacity", cluster.capacity ? json_of(*cluster.capacity) : Value(nullptr)},
                {"changed_ms", cluster.changed_ms}};
}

Value json_of(const deployments::PortRange& range) { return Object{{"first", range.first}, {"last", range.last}}; }

Value json_of(const deployments::ReservedPort& port) { return Object{{"port", port.port}, {"reason", port.reason}}; }

Value json_of(const deployments::PortInfo& port) {
  return Object{{"port", port.port},
                {"state", to_string(port.state)},
                {"holder", port.holder},
                {"unit", port.unit},
                {"port_name", port.port_name}};
}

Value json_of(const deployments::DeploymentRequest& request) {
  Object object{{"name", request.name}};
  if (!request.cluster.empty()) object.set("cluster", request.cluster);
  object.set("version_id", request.version_id);
  if (request.replicas) object.set("replicas", *request.replicas);
  if (!request.ports.empty()) object.set("ports", Array(request.ports.begin(), request.ports.end()));
  const deployments::Overlay& overlay = request.overlay;
  if (!overlay.env.empty()) object.set("env", env_list(overlay.env));
  if (!overlay.requests.empty()) object.set("requests", string_map(overlay.requests));
  if (!overlay.limits.empty()) object.set("limits", string_map(overlay.limits));
  if (overlay.allow_network) object.set("allow_network", true);
  if (request.route) object.set("route", access::input_json(*request.route));
  return object;
}

Value json_of(const deployments::DeploymentPlan& plan) {
  return Object{{"cluster", plan.cluster},
                {"vendor_id", plan.vendor_id},
                {"model", plan.model},
                {"version", plan.version},
                {"replicas", plan.replicas},
                {"ports", planned_ports(plan.ports)},
                {"rendered", plan.rendered},
                {"grade", to_string(plan.grade)},
                {"grade_reason", deployments::grade_sentence(plan.grade)},
                {"warnings", strings(plan.warnings)}};
}

Value json_of(const deployments::UpdatePlan& plan) {
  Array changes;
  for (const auto& change : plan.changes)
    changes.push_back(Object{{"field", change.field}, {"before", change.before}, {"after", change.after}});
  return Object{{"deployment_id", plan.deployment_id}, {"from_revision", plan.from_revision},
                {"from_version", plan.from_version},   {"to_version", plan.to_version},
                {"changes", std::move(changes)},       {"strategy", to_string(plan.strategy)},
                {"warnings", strings(plan.warnings)}};
}

Value json_of(const deployments::Revision& revision) {
  return Object{{"number", revision.number},        {"version_id", revision.version_id},
                {"version", revision.version},      {"overlay", deployments::overlay_json(revision.overlay)},
                {"cause", revision.cause},          {"wanted", revision.wanted},
                {"units", revision.units},          {"created_by", revision.created_by},
                {"created_ms", revision.created_ms}};
}

Value json_of(const deployments::Deployment& deployment) {
  Array units;
  for (const auto& unit : deployment.units) units.push_back(json_of(unit));
  return Object{{"id", deployment.id},
                {"name", deployment.name},
                {"cluster", deployment.cluster},
                {"version_id", deployment.version_id},
                {"vendor_id", deployment.vendor_id},
                {"model", deployment.model},
                {"version", deployment.version},
                {"revision", deployment.revision},
                {"replicas", deployment.replicas},
                {"ready", deployment.ready},
                {"state", to_string(deployment.state)},
                {"reason", deployment.reason},
                {"update_failed", deployment.update_failed},
                {"grade", to_string(deployment.grade)},
                {"grade_reason", deployments::grade_sentence(deployment.grade)},
                {"units", std::move(units)},
                {"ports", planned_ports(deployment.ports)},
                {"route_ids", strings(deployment.route_ids)},
                {"overlay", deployments::overlay_json(deployment.overlay)},
                {"created_by", deployment.created_by},
                {"created_ms", deployment.created_ms},
                {"changed_ms", deployment.changed_ms},
                {"batch_id", deployment.batch_id}};
}

Value json_of(const deployments::DeploymentEvent& event) {
  return Object{{"time_ms", event.time_ms}, {"unit", event.unit}, {"action", event.action}, {"detail", event.detail}};
}

Value json_of(const deployments::Batch& batch) {
  Array items;
  for (const auto& item : batch.items)
    items.push_back(
        Object{{"request", json_of(item.request)}, {"deployment_id", item.deployment_id}, {"error", item.error}});
  return Object{{"id", batch.id}, {"items", std::move(items)}, {"created_ms", batch.created_ms}};
}

Value json_of(const access::Route& route) {
  Object object{{"id", route.id}};
  const Object input = access::input_json(route);
  for (const auto& [name, value] : input) object.set(name, value);
  object.set("deployment_id", route.deployment_id);
  object.set("created_ms", route.created_ms);
  object.set("changed_ms", route.changed_ms);
  return object;
}

}  // namespace mifeng::rest
