#include "json_of.h"

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

Object route_input(const platform::RouteInput& route) {
  return Object{{"name", route.name},
                {"prefix", route.prefix},
                {"forward", route.forward},
                {"enabled", route.enabled},
                {"open", route.open},
                {"callers", strings(route.callers)},
                {"stream_requests", route.stream_requests},
                {"idempotent", route.idempotent},
                {"pass_headers", strings(route.pass_headers)}};
}

Value json_of(const platform::PlannedPort& port) {
  return Object{{"replica", port.replica},
                {"port_name", port.port_name},
                {"container_port", port.container_port},
                {"node_port", port.node_port}};
}

Array planned_ports(const std::vector<platform::PlannedPort>& ports) {
  Array list;
  for (const auto& port : ports) list.push_back(json_of(port));
  return list;
}

Value json_of(const platform::ReplicaInfo& replica) {
  return Object{{"name", replica.name},
                {"number", replica.number},
                {"state", replica.state},
                {"reason", replica.reason},
                {"ports", planned_ports(replica.ports)},
                {"instance_id", replica.instance_id},
                {"started_ms", replica.started_ms},
                {"restarts", replica.restarts}};
}

Value json_of(const platform::DocumentInfo& document) {
  return Object{{"kind", platform::to_string(document.kind)}, {"sm3", document.sm3}, {"size", document.size}};
}

}  // namespace

Value json_of(const std::vector<platform::Role>& roles) {
  Array list;
  for (const auto role : roles) list.emplace_back(platform::to_string(role));
  return list;
}

Value json_of(const platform::Person& person) {
  return Object{{"id", person.id},
                {"name", person.name},
                {"display_name", person.display_name},
                {"roles", json_of(person.roles)},
                {"vendor_id", person.vendor_id},
                {"enabled", person.enabled},
                {"must_change_password", person.must_change_password},
                {"locked_until_ms", person.locked_until_ms},
                {"created_ms", person.created_ms},
                {"last_sign_in_ms", person.last_sign_in_ms}};
}

Value json_of(const platform::NewPassword& made) {
  return Object{{"person", json_of(made.person)}, {"password", made.password}};
}

Value json_of(const platform::Session& session) {
  return Object{{"token", session.token}, {"expires_ms", session.expires_ms}, {"person", json_of(session.person)}};
}

Value json_of(const platform::ApiToken& token) {
  return Object{{"id", token.id},
                {"name", token.name},
                {"person_id", token.person_id},
                {"roles", json_of(token.roles)},
                {"created_ms", token.created_ms},
                {"expires_ms", token.expires_ms},
                {"last_used_ms", token.last_used_ms}};
}

Value json_of(const platform::NewApiToken& made) { return Object{{"info", json_of(made.info)}, {"token", made.token}}; }

Value json_of(const platform::Vendor& vendor) {
  return Object{{"id", vendor.id},
                {"name", vendor.name},
                {"address", vendor.address},
                {"telephone", vendor.telephone},
                {"business", vendor.business},
                {"public_key_pem", vendor.public_key_pem},
                {"fingerprint", vendor.fingerprint},
                {"confirmed", !vendor.public_key_pem.empty()},
                {"pending_key_pem", vendor.pending_key_pem},
                {"pending_fingerprint", vendor.pending_fingerprint},
                {"created_ms", vendor.created_ms},
                {"confirmed_ms", vendor.confirmed_ms}};
}

Value json_of(const platform::ModelVersion& version) {
  Array documents;
  for (const auto& document : version.documents) documents.push_back(json_of(document));
  return Object{{"id", version.id},
                {"vendor_id", version.vendor_id},
                {"vendor_name", version.vendor_name},
                {"name", version.name},
                {"function", version.function},
                {"language", version.language},
                {"version", version.version},
                {"config_address", version.config_address},
                {"config_sm3", version.config_sm3},
                {"image_name", version.image_name},
                {"image_digest", version.image_digest},
                {"image_address", version.image_address},
                {"state", platform::to_string(version.state)},
                {"state_reason", version.state_reason},
                {"package_sm3", version.package_sm3},
                {"payload_header_sm3", version.payload_header_sm3},
                {"payload_size", version.payload_size},
                {"signer_fingerprint", version.signer_fingerprint},
                {"delivery_key_id", version.delivery_key_id},
                {"guard_version", version.guard_version},
                {"documents", std::move(documents)},
                {"submitted_by", version.submitted_by},
                {"submitted_ms", version.submitted_ms},
                {"decided_by", version.decided_by},
                {"decided_ms", version.decided_ms}};
}

Value json_of(const platform::ConfigEntry& entry) {
  return Object{{"sm3", entry.sm3}, {"address", entry.address}, {"size", entry.size}, {"created_ms", entry.created_ms}};
}

Value json_of(const platform::ImageEntry& entry) {
  return Object{{"name", entry.name},
                {"digest", entry.digest},
                {"address", entry.address},
                {"size", entry.size},
                {"created_ms", entry.created_ms}};
}

Value json_of(const platform::Upload& upload) {
  return Object{
      {"id", upload.id}, {"size", upload.size}, {"received", upload.received}, {"expires_ms", upload.expires_ms}};
}

Value json_of(const platform::Submitted& submitted) {
  return Object{{"version", json_of(submitted.version)},
                {"outcome", submitted.outcome == platform::SubmitOutcome::kStored ? "stored" : "already-there"}};
}

Value json_of(const platform::PortRange& range) { return Object{{"first", range.first}, {"last", range.last}}; }

Value json_of(const platform::ReservedPort& port) { return Object{{"port", port.port}, {"reason", port.reason}}; }

Value json_of(const platform::PortInfo& port) {
  return Object{{"port", port.port},
                {"state", platform::to_string(port.state)},
                {"holder", port.holder},
                {"replica", port.replica},
                {"port_name", port.port_name}};
}

Value json_of(const platform::DeploymentRequest& request) {
  Object object{{"name", request.name}, {"version_id", request.version_id}};
  if (request.replicas) object.set("replicas", *request.replicas);
  if (!request.ports.empty()) object.set("ports", Array(request.ports.begin(), request.ports.end()));
  Array env;
  for (const auto& variable : request.env) env.push_back(Object{{"name", variable.name}, {"value", variable.value}});
  if (!env.empty()) object.set("env", std::move(env));
  if (!request.requests.empty()) object.set("requests", string_map(request.requests));
  if (!request.limits.empty()) object.set("limits", string_map(request.limits));
  if (request.route) object.set("route", route_input(*request.route));
  return object;
}

Value json_of(const platform::DeploymentPlan& plan) {
  return Object{{"vendor_id", plan.vendor_id},
                {"model", plan.model},
                {"version", plan.version},
                {"replicas", plan.replicas},
                {"ports", planned_ports(plan.ports)},
                {"rendered_json", plan.rendered_json},
                {"grade", platform::to_string(plan.grade)},
                {"grade_reason", platform::grade_sentence(plan.grade)},
                {"warnings", strings(plan.warnings)}};
}

Value json_of(const platform::Deployment& deployment) {
  Array replicas;
  for (const auto& replica : deployment.replica_infos) replicas.push_back(json_of(replica));
  return Object{{"id", deployment.id},
                {"name", deployment.name},
                {"version_id", deployment.version_id},
                {"vendor_id", deployment.vendor_id},
                {"model", deployment.model},
                {"version", deployment.version},
                {"replicas", deployment.replicas},
                {"state", platform::to_string(deployment.state)},
                {"reason", deployment.reason},
                {"grade", platform::to_string(deployment.grade)},
                {"grade_reason", platform::grade_sentence(deployment.grade)},
                {"replica_infos", std::move(replicas)},
                {"route_ids", strings(deployment.route_ids)},
                {"overlay_json", deployment.overlay_json},
                {"created_by", deployment.created_by},
                {"created_ms", deployment.created_ms},
                {"changed_ms", deployment.changed_ms},
                {"batch_id", deployment.batch_id}};
}

Value json_of(const platform::Batch& batch) {
  Array items;
  for (const auto& item : batch.items)
    items.push_back(
        Object{{"request", json_of(item.request)}, {"deployment_id", item.deployment_id}, {"error", item.error}});
  return Object{{"id", batch.id}, {"items", std::move(items)}, {"created_ms", batch.created_ms}};
}

Value json_of(const platform::Route& route) {
  Object object{{"id", route.id}};
  const Object input = route_input(route);
  for (const auto& [name, value] : input) object.set(name, value);
  object.set("deployment_id", route.deployment_id);
  object.set("created_ms", route.created_ms);
  object.set("changed_ms", route.changed_ms);
  return object;
}

Value json_of(const platform::Caller& caller) {
  return Object{{"id", caller.id},
                {"name", caller.name},
                {"enabled", caller.enabled},
                {"created_ms", caller.created_ms},
                {"key_changed_ms", caller.key_changed_ms}};
}

Value json_of(const platform::NewCaller& made) { return Object{{"caller", json_of(made.caller)}, {"key", made.key}}; }

Value json_of(const platform::KeyInfo& key) {
  return Object{{"id", key.id},
                {"purpose", platform::to_string(key.purpose)},
                {"state", platform::to_string(key.state)},
                {"serial", key.serial},
                {"public_key_pem", key.public_key_pem},
                {"fingerprint", key.fingerprint},
                {"statement_base64", key.statement_base64},
                {"signature_base64", key.signature_base64},
                {"signed_by", key.signed_by},
                {"not_before_ms", key.not_before_ms},
                {"not_after_ms", key.not_after_ms},
                {"destroyed_ms", key.destroyed_ms}};
}

Value json_of(const platform::Instance& instance) {
  return Object{{"id", instance.id},
                {"deployment_id", instance.deployment_id},
                {"replica", instance.replica},
                {"container", instance.container},
                {"signing_key_id", instance.signing_key_id},
                {"guard_version", instance.guard_version},
                {"granted_ms", instance.granted_ms},
                {"lease_until_ms", instance.lease_until_ms},
                {"ended_ms", instance.ended_ms},
                {"end_reason", instance.end_reason},
                {"calls", instance.calls}};
}

Value json_of(const platform::Gateway& gateway) {
  return Object{{"id", gateway.id},
                {"state", gateway.state},
                {"receive_key_id", gateway.receive_key_id},
                {"signing_key_id", gateway.signing_key_id},
                {"version", gateway.version},
                {"created_ms", gateway.created_ms},
                {"enrolled_ms", gateway.enrolled_ms},
                {"last_seen_ms", gateway.last_seen_ms},
                {"serial_sent", gateway.serial_sent},
                {"serial_confirmed", gateway.serial_confirmed},
                {"connected", gateway.connected}};
}

Value json_of(const platform::UsageRow& row) {
  return Object{
      {"deployment_id", row.deployment_id}, {"calls", row.calls}, {"errors", row.errors}, {"refusals", row.refusals}};
}

Value json_of(const platform::AuditEntry& entry) {
  return Object{{"seq", entry.seq},       {"time_ms", entry.time_ms}, {"actor", entry.actor},
                {"action", entry.action}, {"subject", entry.subject}, {"outcome", entry.outcome},
                {"detail", entry.detail}};
}

Value json_of(const platform::AuditVerdict& verdict) {
  return Object{{"intact", verdict.intact},
                {"entries", verdict.entries},
                {"signed_up_to", verdict.signed_up_to},
                {"bad_seq", verdict.bad_seq},
                {"problem", verdict.problem}};
}

}  // namespace mifeng::rest
