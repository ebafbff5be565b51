#include "deployment_rows.h"

#include "core.h"
#include "mifeng/base/phrase.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/manifest/pod_template.h"
#include "mifeng/sealed/open.h"
#include "mifeng/store/grants.h"
#include "mifeng/store/ports.h"

namespace mifeng::platform {
namespace {

constexpr std::int64_t kFailuresBeforeFailed = 3;

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

json::Object route_json(const RouteInput& route) {
  return json::Object{{"name", route.name},
                      {"prefix", route.prefix},
                      {"forward", route.forward},
                      {"enabled", route.enabled},
                      {"open", route.open},
                      {"callers", strings(route.callers)},
                      {"stream_requests", route.stream_requests},
                      {"idempotent", route.idempotent},
                      {"pass_headers", strings(route.pass_headers)}};
}
RouteInput parse_route(json::Fields fields) {
  RouteInput route;
  route.name = fields.string("name");
  route.prefix = fields.string("prefix");
  route.forward = fields.string("forward");
  route.enabled = fields.boolean("enabled");
  route.open = fields.boolean("open");
  route.callers = fields.strings("callers");
  route.stream_requests = fields.boolean("stream_requests");
  route.idempotent = fields.boolean("idempotent");
  route.pass_headers = fields.strings("pass_headers");
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

json::Object request_json(const DeploymentRequest& request) {
  json::Object object{{"name", request.name}, {"version_id", request.version_id}};
  if (request.replicas) object.set("replicas", *request.replicas);
  json::Array ports, env;
  for (const int port : request.ports) ports.emplace_back(port);
  for (const EnvVar& var : request.env) env.emplace_back(json::Object{{"name", var.name}, {"value", var.value}});
  object.set("ports", std::move(ports));
  object.set("env", std::move(env));
  object.set("requests", object_of(request.requests));
  object.set("limits", object_of(request.limits));
  if (request.route) object.set("route", route_json(*request.route));
  return object;
}

Result<DeploymentRequest> parse_request(const std::string& text) {
  MIFENG_TRY(const auto object, json::parse_object(text));
  json::Fields fields(object);
  DeploymentRequest request;
  request.name = fields.string("name");
  request.version_id = fields.string("version_id");
  if (const auto replicas = fields.optional_integer("replicas", 0, 64)) request.replicas = static_cast<int>(*replicas);
  if (const json::Value* ports = fields.any("ports"); ports != nullptr && ports->if_array() != nullptr)
    for (const json::Value& port : *ports->if_array())
      if (port.if_int64() != nullptr) request.ports.push_back(static_cast<int>(*port.if_int64()));
  for (json::Fields& var : fields.objects("env")) {
    EnvVar one;
    one.name = var.string("name");
    one.value = var.string("value", {.min = 0, .max = 1 << 16});
    request.env.push_back(std::move(one));
  }
  for (auto& [name, value] : fields.string_map("requests")) request.requests.emplace(name, value);
  for (auto& [name, value] : fields.string_map("limits")) request.limits.emplace(name, value);
  if (auto route = fields.optional_object("route")) request.route = parse_route(std::move(*route));
  MIFENG_CHECK(fields.finish());
  return request;
}

Result<Prepared> prepare(store::Transaction& tx, const DeploymentRequest& request) {
  MIFENG_TRY(auto model, store::find<store::ModelRow>(tx, request.version_id));
  if (!model) return not_found("model version", request.version_id);
  if (model->state != "accepted")
    return Error(
        ErrorCode::kConflict, "version-not-accepted",
        model->name + " " + model->version + " is " + model->state + "; only an accepted version is deployed.");
  MIFENG_TRY(auto config_row, store::find<store::ConfigRow>(tx, model->config_sm3));
  if (!config_row) return not_found("config", model->config_sm3);
  MIFENG_TRY(const auto config,
             manifest::parse_deployment_config(config_row->content, "config.yaml", manifest::ConfigKind::kPackage));
  manifest::DeploymentOverlay overlay;
  if (request.replicas) {
    if (*request.replicas < 0 || *request.replicas > 64)
      return Error(ErrorCode::kInvalidArgument, "bad-replicas", "replicas: 0 to 64.");
    // A config has at least one; none is a deployment that is stopped, and the platform's own affair.
    overlay.replicas = std::max(*request.replicas, 1);
  }
  MIFENG_TRY(overlay.requests, quantities(request.requests));
  MIFENG_TRY(overlay.limits, quantities(request.limits));
  for (const EnvVar& var : request.env) overlay.env.push_back({.name = var.name, .value = var.value});
  Prepared prepared;
  MIFENG_TRY(prepared.config, manifest::apply_overlay(config, overlay));
  prepared.model = std::move(*model);
  return prepared;
}

std::string replica_name(Core& core, const std::string& deployment_id, int number) {
  if (core.engine.get() != nullptr) return core.engine.get()->instance_name(deployment_id, number);
  return "mf-00000000-" + deployment_id + "-" + std::to_string(number);
}

Result<cluster::PodTemplate> render(Core& core, const Prepared& prepared, const std::string& deployment_id) {
  return manifest::render_pod(prepared.config,
                              {.deployment_id = deployment_id,
                               .registry = core.options.registry,
                               .payload_bytes = static_cast<std::uint64_t>(prepared.model.payload_size),
                               .card = prepared.model.card_key_id});
}

std::string pod_json(const cluster::PodTemplate& pod) {
  json::Array env, ports, mounts;
  for (const auto& var : pod.env) env.emplace_back(json::Object{{"name", var.name}, {"value", var.value}});
  for (const auto& port : pod.ports)
    ports.emplace_back(json::Object{{"name", port.name}, {"containerPort", port.container_port}});
  for (const auto& mount : pod.memory_mounts)
    mounts.emplace_back(json::Object{{"path", mount.path}, {"memoryBytes", mount.size_bytes}});
  for (const auto& mount : pod.scratch_mounts)
    mounts.emplace_back(json::Object{{"path", mount.path}, {"volume", mount.volume}});
  for (const auto& mount : pod.claim_mounts)
    mounts.emplace_back(json::Object{{"path", mount.path}, {"claim", mount.claim}});
  json::Object resources;
  const auto set = [&](const char* name, const std::optional<std::int64_t>& value) {
    if (value) resources.set(name, *value);
  };
  set("cpuRequestMillis", pod.resources.cpu_request_millis);
  set("cpuLimitMillis", pod.resources.cpu_limit_millis);
  set("memoryRequestBytes", pod.resources.memory_request_bytes);
  set("memoryLimitBytes", pod.resources.memory_limit_bytes);
  for (const auto& [name, count] : pod.resources.devices) resources.set(name, count);
  return json::serialize_pretty(json::Object{{"image", pod.image},
                                             {"imagePullPolicy", std::string(manifest::to_string(pod.pull_policy))},
                                             {"command", strings(pod.command)},
                                             {"args", strings(pod.args)},
                                             {"env", std::move(env)},
                                             {"ports", std::move(ports)},
                                             {"resources", std::move(resources)},
                                             {"mounts", std::move(mounts)},
                                             {"healthPort", pod.health_port},
                                             {"terminationGracePeriodSeconds", pod.termination_grace_seconds}});
}

Result<cluster::Workload> workload_of(Core& core, store::Transaction& tx, const store::DeploymentRow& row) {
  MIFENG_TRY(auto request, parse_request(row.overlay_json));
  request.version_id = row.version_id;
  MIFENG_TRY(const auto prepared, prepare(tx, request));
  cluster::Workload workload;
  workload.deployment = row.id;
  MIFENG_TRY(workload.pod, render(core, prepared, row.id));
  workload.replicas = static_cast<int>(row.replicas);
  MIFENG_TRY(const auto ports, store::ports_of(tx, row.id));
  for (const auto& port : ports)
    if (port.replica_number < row.replicas)
      workload.host_ports.push_back({.port_name = port.port_name,
                                     .replica = static_cast<int>(port.replica_number),
                                     .host_port = static_cast<std::uint16_t>(port.port)});
  return workload;
}

Result<Deployment> deployment_of(store::Transaction& tx, const store::DeploymentRow& row) {
  Deployment deployment;
  deployment.id = row.id;
  deployment.name = row.name;
  deployment.version_id = row.version_id;
  deployment.vendor_id = row.vendor_id;
  deployment.model = row.model;
  deployment.version = row.version;
  deployment.replicas = static_cast<int>(row.replicas);
  MIFENG_TRY(deployment.state, parse_deployment_state(row.state));
  deployment.reason = row.reason;
  MIFENG_TRY(deployment.grade, parse_grade(row.grade));
  deployment.overlay_json = row.overlay_json;
  deployment.created_by = row.created_by;
  deployment.created_ms = row.created_ms;
  deployment.changed_ms = row.changed_ms;
  deployment.batch_id = row.batch_id;
  MIFENG_TRY(const auto ports, store::ports_of(tx, row.id));
  MIFENG_TRY(const auto instances, store::live_instances_of(tx, row.id));
  MIFENG_TRY(const auto replicas, store::replicas_of(tx, row.id));
  for (const auto& replica : replicas) {
    ReplicaInfo info;
    info.name = replica.name;
    info.number = static_cast<int>(replica.number);
    info.state = replica.state;
    info.reason = replica.reason;
    info.started_ms = replica.started_ms;
    info.restarts = static_cast<int>(replica.restarts);
    for (const auto& port : ports)
      if (port.replica_number == replica.number)
        info.ports.push_back({.replica = replica.name,
                              .port_name = port.port_name,
                              .container_port = static_cast<int>(port.container_port),
                              .node_port = static_cast<int>(port.port)});
    for (const auto& instance : instances)
      if (instance.replica == replica.name) info.instance_id = instance.id;
    deployment.replica_infos.push_back(std::move(info));
  }
  MIFENG_TRY(const auto routes, store::routes_of(tx, row.id));
  for (const auto& route : routes) deployment.route_ids.push_back(route.id);
  return deployment;
}

Verdict judge(const std::vector<store::ReplicaRow>& replicas, std::int64_t wanted) {
  if (wanted == 0) return {.state = "stopped", .reason = phrase("it is scaled to no replica")};
  std::int64_t ready = 0, hopeless = 0;
  std::string why;
  for (const auto& row : replicas) {
    if (row.number >= wanted) continue;
    if (row.state == "ready") ++ready;
    if (row.state == "failed" && row.failures >= kFailuresBeforeFailed) ++hopeless;
    if (why.empty() && row.state != "ready" && !row.reason.empty())
      why = phrase("replica {}: {}", row.number, row.reason);
  }
  if (ready == wanted) return {.state = "ready", .reason = ""};
  if (ready > 0) return {.state = "degraded", .reason = why};
  if (hopeless == wanted) return {.state = "failed", .reason = why};
  return {.state = "starting", .reason = why.empty() ? phrase("its containers are starting") : why};
}

}  // namespace mifeng::platform
