#include <algorithm>
#include <map>

#include "mifeng/access/instances.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/units.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/guard_image.h"
#include "mifeng/deployments/renderings.h"
#include "mifeng/manifest/pod_template.h"
#include "mifeng/sealed/open.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/grants.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/version.h"

namespace mifeng::deployments {
namespace {

constexpr std::int64_t kFailuresBeforeFailed = 3;
constexpr std::size_t kQuantityMax = 64;                                         // bytes of one
constexpr std::size_t kTaintKeyMax = 253 + sizeof("/") - 1 + bounds::kLabelMax;  // a domain and a name

json::Array strings(const std::vector<std::string>& texts) {
  json::Array array;
  for (const auto& text : texts) array.emplace_back(text);
  return array;
}
json::Object object_of(const std::map<std::string, std::string>& map) {
  json::Object object;
  for (const auto& [name, value] : map) object.set(name, value);
  return object;
}

access::RouteInput parse_route(json::Fields fields) {
  access::RouteInput route;
  route.name = fields.string("name");
  route.prefix = fields.string("prefix");
  route.forward = fields.string("forward");
  route.enabled = fields.boolean("enabled");
  route.open = fields.boolean("open");
  route.callers = fields.strings("callers");
  route.stream_requests = fields.boolean("stream_requests");
  route.idempotent = fields.boolean("idempotent");
  route.pass_headers = fields.strings("pass_headers");
  route.calls_per_minute = fields.integer("calls_per_minute", 0, bounds::kCallsPerMinuteMax);
  route.calls_at_once = fields.integer("calls_at_once", 0, bounds::kCallsAtOnceMax);
  route.seconds_max = fields.integer("seconds_max", 0, bounds::kCallSecondsMax);
  return route;
}

// The payload's header as it was stored: sealed for one of our keys, signed by the vendor, for any context.
bool payload_is_sealed(const store::ModelRow& model) {
  const auto signer = crypto::Sm2PublicKey::from_pem(model.signer_key_pem);
  const auto bytes = from_base64(model.payload_header);
  if (!signer || !bytes || model.delivery_key_id.empty()) return false;
  const sealed::Policy policy{
      .kind = sealed::Kind::kPayload, .signature = sealed::SignatureRule::kRequired, .signer = *signer};
  const auto header = sealed::Header::parse(*bytes, policy);
  if (!header) return false;
  for (std::size_t i = 0; i < header->recipient_count(); ++i)
    if (to_hex(header->recipient(i).key_id) == model.delivery_key_id) return true;
  return false;
}

Result<std::map<std::string, manifest::Quantity>> quantities(const std::map<std::string, std::string>& texts) {
  std::map<std::string, manifest::Quantity> out;
  for (const auto& [name, text] : texts) {
    MIFENG_TRY(auto quantity, manifest::parse_quantity(text));
    out.emplace(name, std::move(quantity));
  }
  return out;
}

}  // namespace

Grade grade_of(const store::ModelRow& model) { return payload_is_sealed(model) ? Grade::kL1 : Grade::kL0; }

Result<std::string> grade_reason_of(store::Transaction& tx, Grade grade, const std::string& cluster) {
  std::string reason(grade_sentence(grade));
  MIFENG_TRY(const auto row, store::find<store::ClusterRow>(tx, cluster));
  if (!row || row->kind != store::ClusterKind::kKubernetes) return reason;
  const auto may = clusters::words_of(row->may);
  if (std::find(may.begin(), may.end(), cluster::kKeepsOthersOut) == may.end())
    reason +=
        " No admission policy is in force in its cluster: others who may write in the namespace there can reach into "
        "its pods.";
  return reason;
}

json::Object overlay_json(const Overlay& overlay) {
  json::Array env;
  for (const EnvVar& var : overlay.env) env.emplace_back(json::Object{{"name", var.name}, {"value", var.value}});
  return json::Object{{"env", std::move(env)},
                      {"requests", object_of(overlay.requests)},
                      {"limits", object_of(overlay.limits)},
                      {"allow_network", overlay.allow_network},
                      {"volumes", json_of_volumes(overlay.volumes)},
                      {"tolerations", json_of_tolerations(overlay.tolerations)}};
}

json::Array json_of_volumes(const std::vector<manifest::VolumeChoice>& volumes) {
  json::Array list;
  for (const manifest::VolumeChoice& volume : volumes) {
    json::Object one{{"name", volume.name}};
    const auto set = [&](const char* name, const std::string& text) {
      if (!text.empty()) one.set(name, text);
    };
    set("claim", volume.claim);
    set("medium", volume.medium);
    set("size", volume.size);
    set("storage_class", volume.storage_class);
    list.emplace_back(std::move(one));
  }
  return list;
}

json::Array json_of_tolerations(const std::vector<manifest::Toleration>& tolerations) {
  json::Array list;
  for (const manifest::Toleration& toleration : tolerations) {
    json::Object one{{"key", toleration.key}};
    if (toleration.value) one.set("value", *toleration.value);
    if (!toleration.effect.empty()) one.set("effect", toleration.effect);
    if (toleration.seconds) one.set("seconds", *toleration.seconds);
    list.emplace_back(std::move(one));
  }
  return list;
}

std::vector<manifest::VolumeChoice> read_volumes(json::Fields& fields) {
  constexpr const char* kMedia[] = {"disk", "memory"};
  std::vector<manifest::VolumeChoice> volumes;
  for (json::Fields& one : fields.objects("volumes", {0, manifest::kVolumesMax})) {
    manifest::VolumeChoice volume;
    volume.name = one.string("name", {1, bounds::kLabelMax});
    volume.claim = one.optional_string("claim", {1, bounds::kLabelMax}).value_or("");
    if (const auto medium = one.optional_word("medium", {kMedia[0], kMedia[1]})) volume.medium = kMedia[*medium];
    volume.size = one.optional_string("size", {1, kQuantityMax}).value_or("");
    volume.storage_class = one.optional_string("storage_class", {1, bounds::kLabelMax}).value_or("");
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

std::vector<manifest::Toleration> read_tolerations(json::Fields& fields) {
  constexpr const char* kEffects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
  std::vector<manifest::Toleration> tolerations;
  for (json::Fields& one : fields.objects("tolerations", {0, manifest::kTolerationsMax})) {
    manifest::Toleration toleration;
    toleration.key = one.string("key", {1, kTaintKeyMax});
    toleration.value = one.optional_string("value", {0, bounds::kLabelMax});
    if (const auto effect = one.optional_word("effect", {kEffects[0], kEffects[1], kEffects[2]}))
      toleration.effect = kEffects[*effect];
    toleration.seconds = one.optional_integer("seconds", 0, manifest::kTolerationSecondsMax);
    tolerations.push_back(std::move(toleration));
  }
  return tolerations;
}

namespace {

Overlay overlay_of(json::Fields& fields) {
  Overlay overlay;
  for (json::Fields& var : fields.objects("env")) {
    EnvVar one;
    one.name = var.string("name");
    one.value = var.string("value", {.min = 0, .max = 1 << 16});
    overlay.env.push_back(std::move(one));
  }
  for (auto& [name, value] : fields.string_map("requests")) overlay.requests.emplace(name, value);
  for (auto& [name, value] : fields.string_map("limits")) overlay.limits.emplace(name, value);
  overlay.allow_network = fields.optional_boolean("allow_network").value_or(false);
  overlay.volumes = read_volumes(fields);
  overlay.tolerations = read_tolerations(fields);
  return overlay;
}

}  // namespace

Result<Overlay> parse_overlay(const std::string& text) {
  MIFENG_TRY(const auto object, json::parse_object(text));
  json::Fields fields(object);
  Overlay overlay = overlay_of(fields);
  MIFENG_CHECK(fields.finish());
  return overlay;
}

json::Object request_json(const DeploymentRequest& request) {
  json::Object object{{"name", request.name}, {"cluster", request.cluster}, {"version_id", request.version_id}};
  if (request.replicas) object.set("replicas", *request.replicas);
  json::Array ports;
  for (const int port : request.ports) ports.emplace_back(port);
  object.set("ports", std::move(ports));
  object.set("overlay", overlay_json(request.overlay));
  if (request.route) object.set("route", access::input_json(*request.route));
  return object;
}

Result<DeploymentRequest> parse_request(const std::string& text) {
  MIFENG_TRY(const auto object, json::parse_object(text));
  json::Fields fields(object);
  DeploymentRequest request;
  request.name = fields.string("name");
  request.cluster = fields.string("cluster", {.min = 0, .max = bounds::kLabelMax});
  request.version_id = fields.string("version_id");
  if (const auto replicas = fields.optional_integer("replicas", 0, bounds::kReplicasMax))
    request.replicas = static_cast<int>(*replicas);
  if (const json::Value* ports = fields.any("ports"); ports != nullptr && ports->if_array() != nullptr)
    for (const json::Value& port : *ports->if_array())
      if (port.if_int64() != nullptr) request.ports.push_back(static_cast<int>(*port.if_int64()));
  if (auto overlay = fields.optional_object("overlay")) request.overlay = overlay_of(*overlay);
  if (auto route = fields.optional_object("route")) request.route = parse_route(std::move(*route));
  MIFENG_CHECK(fields.finish());
  return request;
}

namespace {

// As it is typed.
std::string version_name(const store::ModelRow& model) {
  return model.vendor_id + "/" + model.name + "@" + model.version;
}

}  // namespace

Result<void> check_accepted(const store::ModelRow& model) {
  if (model.state == store::VersionState::kAccepted) return ok();
  return Error(ErrorCode::kConflict, "version-not-accepted",
               phrase("{} is {}, and only an accepted version is deployed: mifeng accept {}", version_name(model),
                      to_string(model.state), version_name(model)));
}

Result<Prepared> prepare(store::Transaction& tx, const std::string& version_id, const Overlay& changes,
                         VersionRule rule) {
  MIFENG_TRY(auto model, store::find<store::ModelRow>(tx, version_id));
  if (!model) return trust::not_found("model version", version_id);
  if (rule == VersionRule::kAccepted) MIFENG_CHECK(check_accepted(*model));
  MIFENG_TRY(auto config_row, store::find<store::ConfigRow>(tx, model->config_sm3));
  if (!config_row) return trust::not_found("config", model->config_sm3);
  MIFENG_TRY(const auto config,
             manifest::parse_deployment_config(config_row->content, "config.yaml", manifest::ConfigKind::kPackage));
  manifest::DeploymentOverlay overlay;
  MIFENG_TRY(overlay.requests, quantities(changes.requests));
  MIFENG_TRY(overlay.limits, quantities(changes.limits));
  for (const EnvVar& var : changes.env) overlay.env.push_back({.name = var.name, .value = var.value});
  overlay.volumes = changes.volumes;
  Prepared prepared;
  prepared.tolerations = changes.tolerations;
  MIFENG_TRY(prepared.config, manifest::apply_overlay(config, overlay));
  prepared.model = std::move(*model);
  return prepared;
}

Result<void> check_network(const Prepared& prepared, const Overlay& overlay) {
  if (prepared.config.network == manifest::Network::kNone || overlay.allow_network) return ok();
  return Error(ErrorCode::kConflict, "network-not-allowed",
               prepared.model.name + " " + prepared.model.version +
                   " asks for a network (spec.network: outgoing): what it sends out, nobody here sees. Deploy it with "
                   "allow_network (--allow-network) where that is right.");
}

Result<void> check_tolerated(store::Transaction& tx, const Prepared& prepared, const std::string& cluster) {
  if (prepared.tolerations.empty()) return ok();
  MIFENG_TRY(const auto row, store::find<store::ClusterRow>(tx, cluster));
  if (row && row->kind == store::ClusterKind::kKubernetes) return ok();
  return Error(ErrorCode::kInvalidArgument, "no-tolerations",
               "The cluster " + cluster +
                   " is one machine with Podman, and has no nodes whose taints could be tolerated. Leave tolerations "
                   "out, or deploy to a cluster of Kubernetes.");
}

Result<std::string> registry_of(const Context& context, store::Transaction& tx, const std::string& cluster) {
  MIFENG_TRY(const auto row, store::find<store::ClusterRow>(tx, cluster));
  return !row || row->registry.empty() ? context.options.registry : row->registry;
}

int lame_duck_of(const Context& context, const std::string& cluster) {
  // Of a unit that ends each node hears for itself, and gateways hear of none: behind a node port stand all units.
  return context.clusters.kind_of(cluster) == store::ClusterKind::kKubernetes
             ? context.options.cluster_lame_duck_seconds
             : manifest::RenderOptions().lame_duck_seconds;
}

Result<cluster::PodTemplate> render(const Context& context, const Prepared& prepared, const std::string& deployment_id,
                                    std::int64_t model_user, const std::string& registry, int lame_duck_seconds) {
  // As the version's package names them, so that the same revision is rendered the same after any rotation.
  const auto keys = context.access.keys.get();
  const trust::LoadedKey& identity = keys->identity_of_card(prepared.model.card_key_id);
  const trust::LoadedKey* delivery = keys->delivery_of_card(prepared.model.delivery_key_id);
  if (delivery == nullptr)
    return Error(ErrorCode::kConflict, "delivery-key-gone",
                 "The delivery key that this version was packed for is not known any more. Submit the version again.");
  return manifest::render_pod(prepared.config,
                              {.deployment_id = deployment_id,
                               .registry = registry,
                               .guard_image = context.guard_image.name(),
                               .payload_bytes = static_cast<std::uint64_t>(prepared.model.payload_size),
                               .model_user = static_cast<std::uint32_t>(model_user),
                               .identity_key = identity.row.public_key,
                               .delivery_key = delivery->row.public_key,
                               .lame_duck_seconds = lame_duck_seconds,
                               .tolerations = prepared.tolerations});
}

namespace {

json::Object container_json(const cluster::ContainerTemplate& container) {
  json::Array env, mounts;
  for (const auto& var : container.env) env.emplace_back(json::Object{{"name", var.name}, {"value", var.value}});
  for (const auto& mount : container.memory_mounts)
    mounts.emplace_back(json::Object{{"path", mount.path}, {"memoryBytes", mount.size_bytes}});
  json::Object resources;
  const auto set = [&](const char* name, const std::optional<std::int64_t>& value) {
    if (value) resources.set(name, *value);
  };
  set("cpuRequestMillis", container.resources.cpu_request_millis);
  set("cpuLimitMillis", container.resources.cpu_limit_millis);
  set("memoryRequestBytes", container.resources.memory_request_bytes);
  set("memoryLimitBytes", container.resources.memory_limit_bytes);
  for (const auto& [name, count] : container.resources.devices) resources.set(name, count);
  return json::Object{{"image", container.image},
                      {"imagePullPolicy", std::string(manifest::to_string(container.pull_policy))},
                      {"command", strings(container.command)},
                      {"args", strings(container.args)},
                      {"user", container.user},
                      {"env", std::move(env)},
                      {"resources", std::move(resources)},
                      {"mounts", std::move(mounts)}};
}

}  // namespace

json::Object pod_json(const cluster::PodTemplate& pod) {
  json::Array ports, mounts, shared;
  for (const auto& port : pod.ports)
    ports.emplace_back(json::Object{{"name", port.name}, {"containerPort", port.container_port}});
  for (const auto& folder : pod.shared)
    shared.emplace_back(json::Object{{"path", folder.path},
                                     {"memoryBytes", folder.size_bytes},
                                     {"writtenBy", folder.model_writes ? "model" : "guard"}});
  for (const auto& mount : pod.scratch_mounts) {
    json::Object scratch{{"path", mount.path}, {"volume", mount.volume}};
    if (mount.size_bytes) scratch.set("sizeBytes", *mount.size_bytes);
    mounts.emplace_back(std::move(scratch));
  }
  for (const auto& mount : pod.claim_mounts) {
    json::Object claim{{"path", mount.path}, {"claim", mount.claim}};
    if (mount.size_bytes) claim.set("sizeBytes", *mount.size_bytes);
    if (!mount.storage_class.empty()) claim.set("storageClass", mount.storage_class);
    mounts.emplace_back(std::move(claim));
  }
  json::Object object{{"model", container_json(pod.model)},
                      {"guard", container_json(pod.guard)},
                      {"network", std::string(manifest::to_string(pod.network))},
                      {"ports", std::move(ports)},
                      {"mounts", std::move(mounts)},
                      {"shared", std::move(shared)},
                      {"healthPort", pod.health_port},
                      {"terminationGracePeriodSeconds", pod.termination_grace_seconds}};
  if (pod.progress_deadline_seconds) object.set("progressDeadlineSeconds", *pod.progress_deadline_seconds);
  if (!pod.tolerations.empty()) object.set("tolerations", json_of_tolerations(pod.tolerations));
  return object;
}

Result<store::RevisionRow> wanted_revision(store::Transaction& tx, const store::DeploymentRow& row) {
  MIFENG_TRY(auto revision, store::find<store::RevisionRow>(tx, row.revision_id));
  if (!revision) return trust::not_found("revision", std::to_string(row.revision_id) + " of " + row.id);
  return std::move(*revision);
}

Result<std::optional<cluster::GuardDoor>> door_of(const Context& context, store::Transaction& tx,
                                                  const std::string& cluster_id, const std::string& deployment) {
  if (context.clusters.kind_of(cluster_id) != store::ClusterKind::kKubernetes)
    return std::optional<cluster::GuardDoor>();
  MIFENG_TRY(const auto cluster, store::find<store::ClusterRow>(tx, cluster_id));
  const std::string& url = cluster && !cluster->guard_url.empty() ? cluster->guard_url : context.options.guard_url;
  if (url.empty()) return std::optional<cluster::GuardDoor>();
  return std::optional(cluster::GuardDoor{.url = url,
                                          .tag = context.door_tags.make(cluster_id, deployment),
                                          .audience = context.access.keys.get()->token_audience()});
}

namespace {

Result<cluster::Workload> workload_at(const Context& context, store::Transaction& tx, const store::DeploymentRow& row,
                                      const store::RevisionRow& revision,
                                      const std::vector<store::UsedPortRow>& ports) {
  cluster::Workload workload;
  workload.deployment = row.id;
  workload.revision = revision.id;
  workload.restart = row.restart_wanted;
  MIFENG_TRY(const auto pod, context.renderings.of(context, tx, row, revision));
  workload.pod = *pod;
  workload.replicas = static_cast<int>(row.replicas);
  MIFENG_TRY(workload.door, door_of(context, tx, row.cluster_id, row.id));
  for (const auto& port : ports)
    workload.node_ports.push_back({.port_name = port.port_name,
                                   .slot = static_cast<int>(port.slot),
                                   .node_port = static_cast<std::uint16_t>(port.port)});
  return workload;
}

}  // namespace

Result<cluster::Workload> workload_of(const Context& context, store::Transaction& tx, const store::DeploymentRow& row) {
  MIFENG_TRY(const auto revision, wanted_revision(tx, row));
  MIFENG_TRY(const auto ports, store::ports_of(tx, row.id));
  return workload_at(context, tx, row, revision, ports);
}

Result<std::vector<cluster::Workload>> candidates_of(const Context& context, store::Transaction& tx,
                                                     const store::DeploymentRow& row) {
  MIFENG_TRY(const auto revisions, store::revisions_of(tx, row.id));
  MIFENG_TRY(const auto units, store::units_of(tx, row.id));
  MIFENG_TRY(const auto ports, store::ports_of(tx, row.id));
  std::vector<cluster::Workload> candidates;
  for (const auto& revision : revisions) {
    const bool runs = std::any_of(units.begin(), units.end(),
                                  [&](const store::UnitRow& unit) { return unit.revision_id == revision.id; });
    if (revision.id != row.revision_id && !runs) continue;
    MIFENG_TRY(auto workload, workload_at(context, tx, row, revision, ports));
    candidates.push_back(std::move(workload));
  }
  return candidates;
}

Result<void> end_instances(const Context& context, store::Transaction& tx, const std::string& deployment,
                           const std::string& by, const std::string& why) {
  MIFENG_TRY(const auto live, store::live_instances_of(tx, deployment));
  for (const auto& instance : live)
    MIFENG_CHECK(access::end_instance(context.access, tx, instance, access::EndKind::kRevoked, by, why));
  return ok();
}

Result<void> erase_routes(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                          const std::string& deployment) {
  MIFENG_TRY(const auto routes, store::routes_of(tx, deployment));
  for (const auto& route : routes) {
    MIFENG_CHECK(store::erase<store::RouteRow>(tx, route.id));
    MIFENG_CHECK(context.audit.append(tx, actor, "route.remove", route.id, "with " + deployment));
  }
  return ok();
}

Result<void> erase_deployment(store::Transaction& tx, const std::string& deployment) {
  MIFENG_CHECK(store::erase_ports_of(tx, deployment));
  MIFENG_CHECK(store::erase_endpoints_of(tx, deployment));
  MIFENG_CHECK(store::erase_units_of(tx, deployment));
  MIFENG_CHECK(store::erase_revisions_of(tx, deployment));
  MIFENG_CHECK(store::erase<store::DeploymentRow>(tx, deployment));
  return ok();
}

int slot_of(const cluster::Unit& unit) { return unit.node_ports.empty() ? -1 : unit.node_ports.front().slot; }

namespace {

// What is said of a deployment is what was seen last, and of a cluster that is away that may be long ago.
Result<void> tell_of_cluster(const Context& context, store::Transaction& tx, const std::string& id,
                             Deployment& deployment) {
  if (context.clusters.is_here(id)) return ok();
  MIFENG_TRY(const auto cluster, store::find<store::ClusterRow>(tx, id));
  if (!cluster || cluster->state != store::ClusterState::kAway) return ok();
  deployment.reason =
      phrase("the cluster {} does not answer, so this is what was seen last; what runs there goes on: {}", id,
             cluster->reason);
  deployment.reason_code = "cluster-away";
  deployment.remedy = phrase("see whether its API server runs and can be reached: mifeng doctor --cluster {}", id);
  return ok();
}

}  // namespace

Result<Deployment> deployment_of(const Context& context, store::Transaction& tx, const store::DeploymentRow& row) {
  auto deployment = made_of<Deployment, "cluster", "revision", "ready", "grade_reason", "units", "ports", "route_ids",
                            "overlay", "etag">(row);
  deployment.etag = trust::version_of(row);
  deployment.cluster = row.cluster_id;
  MIFENG_TRY(deployment.grade_reason, grade_reason_of(tx, row.grade, row.cluster_id));
  MIFENG_TRY(const auto revisions, store::revisions_of(tx, row.id));
  std::map<std::int64_t, int> numbers;
  for (const auto& revision : revisions) {
    numbers[revision.id] = static_cast<int>(revision.number);
    if (revision.id != row.revision_id) continue;
    deployment.revision = static_cast<int>(revision.number);
    MIFENG_TRY(deployment.overlay, parse_overlay(revision.overlay_json));
    // A version whose config cannot be read any more must not make the deployment invisible.
    const auto pod = context.renderings.of(context, tx, row, revision);
    MIFENG_TRY(const auto ports, store::ports_of(tx, row.id));
    for (const auto& port : ports) {
      PlannedPort planned{.slot = static_cast<int>(port.slot),
                          .port_name = port.port_name,
                          .container_port = 0,
                          .node_port = static_cast<int>(port.port)};
      if (pod)
        for (const auto& container_port : (*pod)->ports)
          if (container_port.name == port.port_name) planned.container_port = container_port.container_port;
      deployment.ports.push_back(std::move(planned));
    }
  }
  MIFENG_CHECK(tell_of_cluster(context, tx, row.cluster_id, deployment));
  MIFENG_TRY(const auto instances, store::live_instances_of(tx, row.id));
  MIFENG_TRY(const auto units, store::units_of(tx, row.id));
  for (const auto& unit : units) {
    auto info = made_of<UnitInfo, "revision", "ports", "instance_id">(unit);
    if (const auto number = numbers.find(unit.revision_id); number != numbers.end()) info.revision = number->second;
    for (const auto& port : deployment.ports)
      if (port.slot == unit.slot) info.ports.push_back(port);
    for (const auto& instance : instances)
      if (instance.unit == unit.name && instance.cluster_id == unit.cluster_id) info.instance_id = instance.id;
    if (unit.state == store::UnitState::kReady) ++deployment.ready;
    deployment.units.push_back(std::move(info));
  }
  MIFENG_TRY(const auto routes, store::routes_of(tx, row.id));
  for (const auto& route : routes) deployment.route_ids.push_back(route.id);
  return deployment;
}

namespace {

// What keeps its unit from being ready may be known, and is what helps then; time that has passed explains nothing.
Verdict never_ready(Verdict verdict, const Deadline& deadline) {
  const std::int64_t seconds = deadline.given_ms / 1000;
  verdict.reason = verdict.reason.empty()
                       ? phrase("none of its units was ready within {} s", seconds)
                       : phrase("none of its units was ready within {} s; {}", seconds, verdict.reason);
  const auto& code = verdict.reason_code;
  if (code.empty() || code == "not-ready" || code == "not-answering") {
    verdict.reason_code = "deadline-exceeded";
    verdict.remedy = phrase(
        "read what it says: mifeng logs; a model that needs longer says so in its config: progressDeadlineSeconds");
  }
  return verdict;
}

}  // namespace

Verdict judge(const std::vector<store::UnitRow>& units, const store::DeploymentRow& row,
              const store::RevisionRow& wanted, const Deadline& deadline, UnixMillis now) {
  if (row.replicas == 0) return {.state = DeploymentState::kStopped, .reason = phrase("it is scaled to no replica")};
  std::int64_t ready = 0, former_ready = 0, hopeless = 0;
  bool former = false, update_hopeless = false;
  std::string why;
  const store::UnitRow* whose = nullptr;
  for (const auto& unit : units) {
    if (unit.state == store::UnitState::kStopping) continue;
    const bool current = unit.revision_id == wanted.id && unit.restart == row.restart_wanted;
    const bool lost = unit.state == store::UnitState::kFailed && unit.failures >= kFailuresBeforeFailed;
    if (unit.state == store::UnitState::kReady) ++(current ? ready : former_ready);
    if (lost) ++hopeless;
    former = former || !current;
    update_hopeless = update_hopeless || (current && lost);
    if (whose == nullptr && unit.state != store::UnitState::kReady && !unit.reason.empty()) whose = &unit;
  }
  if (whose != nullptr) why = phrase("unit {}: {}", whose->name, whose->reason);
  const auto with_reason = [&](Verdict verdict) {
    if (whose == nullptr) return verdict;
    verdict.reason_code = whose->reason_code;
    verdict.remedy = whose->remedy;
    return verdict;
  };
  const bool late = now >= deadline.at_ms;
  if (former && former_ready > 0) {
    if (update_hopeless || late)
      return with_reason(
          {.state = DeploymentState::kDegraded,
           .reason = why.empty()
                         ? phrase("revision {} does not become ready; the one before it goes on serving", wanted.number)
                         : phrase("revision {} does not become ready, and the one before it goes on serving; {}",
                                  wanted.number, why),
           .update_failed = true});
    return {.state = DeploymentState::kUpdating,
            .reason = phrase("its units are being replaced by those of revision {}", wanted.number)};
  }
  // Units that nobody reaches: their node port is somebody else's.
  if (ready >= row.replicas && whose != nullptr && whose->reason_code == "port-taken")
    return with_reason({.state = DeploymentState::kDegraded, .reason = why});
  if (ready >= row.replicas) return {.state = DeploymentState::kReady, .reason = ""};
  if (ready > 0) return with_reason({.state = DeploymentState::kDegraded, .reason = why});
  if (hopeless >= row.replicas) return with_reason({.state = DeploymentState::kFailed, .reason = why});
  if (late) return never_ready(with_reason({.state = DeploymentState::kFailed, .reason = why}), deadline);
  return with_reason(
      {.state = DeploymentState::kStarting, .reason = why.empty() ? phrase("its containers are starting") : why});
}

void Verdict::write_to(store::DeploymentRow& row) const {
  row.state = state;
  row.reason = reason;
  row.reason_code = reason_code;
  row.remedy = remedy;
}

}  // namespace mifeng::deployments
