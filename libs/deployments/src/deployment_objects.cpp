// What Kubernetes gets of a deployment, for people.
#include "deployment_create.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "slots.h"

namespace mifeng::deployments {
namespace {

constexpr const char* kHiddenTag = "HIDDEN";

Result<std::vector<json::Object>> objects_of(const Context& context, const std::string& cluster,
                                             cluster::Workload workload) {
  // Whoever has it is heard at the guards' door.
  if (workload.door) workload.door->tag = kHiddenTag;
  const auto engine = context.clusters.find(cluster);
  if (!engine) return context.clusters.no_engine(cluster);
  return engine->objects(workload);
}

}  // namespace

Result<std::vector<json::Object>> DeploymentService::objects(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  std::string cluster;
  MIFENG_TRY(auto workload, context_.db.read([&](store::Transaction& tx) -> Result<cluster::Workload> {
    MIFENG_TRY(const auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return trust::not_found("deployment", id);
    cluster = row->cluster_id;
    return workload_of(context_, tx, *row);
  }));
  return objects_of(context_, cluster, std::move(workload));
}

Result<std::vector<json::Object>> DeploymentService::planned_objects(const trust::Actor& actor,
                                                                     const DeploymentRequest& request) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  MIFENG_CHECK(trust::check_label("name", request.name, bounds::kDeploymentNameMax));
  MIFENG_TRY(const auto held, held_for(context_, request));
  std::string cluster;
  MIFENG_TRY(auto workload, context_.db.read([&](store::Transaction& tx) -> Result<cluster::Workload> {
    MIFENG_TRY(cluster, clusters::known_cluster(tx, request.cluster));
    MIFENG_TRY(const Prepared prepared, prepare(tx, request.version_id, request.overlay, VersionRule::kAccepted));
    cluster::Workload planned;
    planned.deployment = request.name + "-000000";
    planned.replicas = request.replicas.value_or(prepared.config.replicas);
    MIFENG_CHECK(check_replicas(planned.replicas));
    MIFENG_TRY(const auto registry, registry_of(context_, tx, cluster));
    MIFENG_TRY(planned.pod, render(context_, prepared, planned.deployment, manifest::kModelUserMin, registry,
                                   lame_duck_of(context_, cluster)));
    MIFENG_TRY(planned.door, door_of(context_, tx, cluster, planned.deployment));
    MIFENG_TRY(const PortMap map, load_ports(tx, cluster, held));
    MIFENG_TRY(const auto ports,
               plan_slots(planned.pod.ports, port_needs(context_, cluster, planned.pod, planned.replicas).slots,
                          request.ports, map));
    for (const auto& port : ports)
      planned.node_ports.push_back({port.port_name, port.slot, static_cast<std::uint16_t>(port.node_port)});
    return planned;
  }));
  return objects_of(context_, cluster, std::move(workload));
}

}  // namespace mifeng::deployments
