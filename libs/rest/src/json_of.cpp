#include "json_of.h"

namespace mifeng::rest {

using json::Array;
using json::Object;
using json::Value;

namespace {

Value json_of(const models::DocumentInfo& document) {
  return Object{{"kind", to_string(document.kind)}, {"sm3", document.sm3}, {"size", document.size}};
}

}  // namespace

Value json_of(const std::vector<trust::Role>& roles) {
  Array list;
  for (const auto role : roles) list.emplace_back(to_string(role));
  return list;
}

Value json_of(const people::Person& person) {
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

Value json_of(const people::NewPassword& made) {
  return Object{{"person", json_of(made.person)}, {"password", made.password}};
}

Value json_of(const people::Session& session) {
  return Object{{"token", session.token}, {"expires_ms", session.expires_ms}, {"person", json_of(session.person)}};
}

Value json_of(const people::ApiToken& token) {
  return Object{{"id", token.id},
                {"name", token.name},
                {"person_id", token.person_id},
                {"roles", json_of(token.roles)},
                {"created_ms", token.created_ms},
                {"expires_ms", token.expires_ms},
                {"last_used_ms", token.last_used_ms}};
}

Value json_of(const people::NewApiToken& made) { return Object{{"info", json_of(made.info)}, {"token", made.token}}; }

Value json_of(const models::Vendor& vendor) {
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

Value json_of(const models::ModelVersion& version) {
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
                {"state", to_string(version.state)},
                {"state_reason", version.state_reason},
                {"package_sm3", version.package_sm3},
                {"payload_header_sm3", version.payload_header_sm3},
                {"payload_size", version.payload_size},
                {"signer_fingerprint", version.signer_fingerprint},
                {"delivery_key_id", version.delivery_key_id},
                {"documents", std::move(documents)},
                {"submitted_by", version.submitted_by},
                {"submitted_ms", version.submitted_ms},
                {"decided_by", version.decided_by},
                {"decided_ms", version.decided_ms}};
}

Value json_of(const models::ConfigEntry& entry) {
  return Object{{"sm3", entry.sm3}, {"address", entry.address}, {"size", entry.size}, {"created_ms", entry.created_ms}};
}

Value json_of(const models::ImageEntry& entry) {
  return Object{{"name", entry.name},
                {"digest", entry.digest},
                {"address", entry.address},
                {"size", entry.size},
                {"created_ms", entry.created_ms}};
}

Value json_of(const models::ModelService::Withdrawn& withdrawn) {
  return Object{{"version", json_of(withdrawn.version)},
                {"deployment_ids", Array(withdrawn.deployment_ids.begin(), withdrawn.deployment_ids.end())}};
}

Value json_of(const models::Upload& upload) {
  return Object{
      {"id", upload.id}, {"size", upload.size}, {"received", upload.received}, {"expires_ms", upload.expires_ms}};
}

Value json_of(const models::Submitted& submitted) {
  return Object{{"version", json_of(submitted.version)},
                {"outcome", submitted.outcome == models::SubmitOutcome::kStored ? "stored" : "already-there"}};
}

Value json_of(const access::Caller& caller) {
  return Object{{"id", caller.id},
                {"name", caller.name},
                {"enabled", caller.enabled},
                {"created_ms", caller.created_ms},
                {"key_changed_ms", caller.key_changed_ms}};
}

Value json_of(const access::NewCaller& made) { return Object{{"caller", json_of(made.caller)}, {"key", made.key}}; }

Value json_of(const trust::KeyInfo& key) {
  return Object{{"id", key.id},
                {"purpose", to_string(key.purpose)},
                {"state", to_string(key.state)},
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

Value json_of(const grants::Instance& instance) {
  return Object{{"id", instance.id},
                {"cluster", instance.cluster},
                {"deployment_id", instance.deployment_id},
                {"revision", instance.revision},
                {"unit", instance.unit},
                {"engine_id", instance.engine_id},
                {"signing_key_id", instance.signing_key_id},
                {"guard_version", instance.guard_version},
                {"granted_ms", instance.granted_ms},
                {"lease_until_ms", instance.lease_until_ms},
                {"ended_ms", instance.ended_ms},
                {"end_reason", instance.end_reason},
                {"calls", instance.calls}};
}

Value json_of(const access::Gateway& gateway) {
  return Object{{"id", gateway.id},
                {"state", to_string(gateway.state)},
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

Value json_of(const access::UsageRow& row) {
  return Object{
      {"deployment_id", row.deployment_id}, {"calls", row.calls}, {"errors", row.errors}, {"refusals", row.refusals}};
}

Value json_of(const trust::AuditEntry& entry) {
  return Object{{"seq", entry.seq},       {"time_ms", entry.time_ms}, {"actor", entry.actor},
                {"action", entry.action}, {"subject", entry.subject}, {"outcome", entry.outcome},
                {"detail", entry.detail}};
}

Value json_of(const trust::AuditVerdict& verdict) {
  return Object{{"intact", verdict.intact},
                {"entries", verdict.entries},
                {"signed_up_to", verdict.signed_up_to},
                {"bad_seq", verdict.bad_seq},
                {"problem", verdict.problem}};
}

}  // namespace mifeng::rest
