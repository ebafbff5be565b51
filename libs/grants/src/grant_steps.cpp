#include "grant_steps.h"

#include "mifeng/access/instances.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "wanted_unit.h"

namespace mifeng::grants {
namespace {

constexpr UnixMillis kGrantWindow = 10 * 60 * 1000;
constexpr std::int64_t kGrantsInWindow = 5;
constexpr UnixMillis kListedAfter = 10'000;

Result<crypto::Sha256Digest> segments_digest(const store::ModelRow& model) {
  MIFENG_TRY(const Bytes bytes, from_hex(model.segments_sha256));
  crypto::Sha256Digest digest{};
  if (bytes.size() != digest.size())
    return Error(ErrorCode::kInternal, "bad-row", "What is stored of the payload's segments is no digest.");
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

// The payload's root key: the header must have been sealed for us, for this vendor, model and version, and signed by
// the key under which the version was taken.
Result<sealed::RootKey> payload_root_key(const trust::KeySet& keys, const store::ModelRow& model) {
  const auto* delivery = keys.delivery_key(model.delivery_key_id);
  if (delivery == nullptr)
    return wrong_request("delivery-key-gone",
                         "The delivery key of this version has been destroyed. Submit the version again.");
  MIFENG_TRY(const Bytes bytes, from_base64(model.payload_header));
  MIFENG_TRY(const auto signer, crypto::Sm2PublicKey::from_pem(model.signer_key_pem));
  const sealed::Policy policy{
      .kind = sealed::Kind::kPayload, .signature = sealed::SignatureRule::kRequired, .signer = signer};
  MIFENG_TRY(const auto header, sealed::Header::parse(bytes, policy));
  MIFENG_TRY(const Bytes context, sealed::payload_context(model.vendor_id, model.name, model.version));
  return sealed::verify_header(header, *delivery, context, policy);
}

// The request against the version that the unit is to run, what was granted before, and how often.
Result<void> check_request(store::Transaction& tx, const Granting& granting, const messages::GrantRequest& request,
                           const store::ModelRow& model, UnixMillis now) {
  if (to_hex(request.payload_header_sm3) != model.payload_header_sm3)
    return wrong_request("other-payload", "The unit holds another payload than the version that it is to run.");
  MIFENG_TRY(auto replayed, store::instance_by_signing_key(tx, trust::key_id_hex(request.signing_key)));
  if (replayed) return wrong_request("replayed", "Its signing key has been granted before, as " + replayed->id + ".");
  MIFENG_TRY(const auto recent, store::grants_since(tx, granting.peer.cluster, granting.peer.unit, now - kGrantWindow));
  if (recent >= kGrantsInWindow)
    return Error(ErrorCode::kResourceExhausted, "too-many-grants",
                 "This unit was granted its key 5 times in 10 minutes. It keeps starting anew: see its log.");
  return ok();
}

Result<void> end_former_instance(store::Transaction& tx, const Granting& granting) {
  const ProvedUnit& peer = granting.peer;
  MIFENG_TRY(const auto live, store::live_instances_of(tx, peer.deployment));
  for (const auto& row : live)
    if (row.unit == peer.unit)
      MIFENG_CHECK(access::end_instance(granting.context.access, tx, row, access::EndKind::kEnded, "unit " + peer.unit,
                                        "its unit was granted anew"));
  return ok();
}

// Sealed to the unit, for this request alone.
Result<Bytes> seal_grant_for(const Granting& granting, const messages::GrantRequest& request,
                             const store::ModelRow& model, const std::string& instance_id, UnixMillis now) {
  const trust::KeySet& keys = granting.keys;
  MIFENG_TRY(const auto root_key, payload_root_key(keys, model));
  MIFENG_TRY(const auto vendor_key, crypto::Sm2PublicKey::from_pem(model.signer_key_pem));
  MIFENG_TRY(const auto segments_sha256, segments_digest(model));
  const trust::LoadedKey& output = keys.output_in_force(now);
  const messages::Grant grant{.deployment = granting.peer.deployment,
                              .instance_id = instance_id,
                              .vendor = model.vendor_id,
                              .model = model.name,
                              .version = model.version,
                              .vendor_key = vendor_key,
                              .payload_root_key = root_key.reveal_for_grant().clone(),
                              .segments_size = static_cast<std::uint64_t>(model.segments_size),
                              .segments_sha256 = segments_sha256,
                              .output_key = output.public_key,
                              .output_key_statement = output.statement(),
                              .identity_chain = keys.identity_chain(),
                              .platform_time_ms = now,
                              .lease_ms = granting.leases.lease_ms,
                              .renew_ms = granting.leases.renew_ms,
                              .listed = false,
                              .gateways_confirm_by_ms = now + kListedAfter};
  return messages::seal_grant(grant, granting.nonce, request.receive_key, keys.identity_key(),
                              granting.context.access.tools());
}

store::InstanceRow instance_row_of(const Granting& granting, const messages::GrantRequest& request, UnixMillis now) {
  const ProvedUnit& peer = granting.peer;
  store::InstanceRow row;
  row.cluster_id = peer.cluster;
  row.deployment_id = peer.deployment;
  row.revision_id = peer.revision;
  row.unit = peer.unit;
  row.engine_id = peer.engine_id;
  row.run_started_ms = peer.run_started_ms;
  row.signing_key = trust::point_base64(request.signing_key);
  row.signing_key_id = trust::key_id_hex(request.signing_key);
  row.receive_key = trust::point_base64(request.receive_key);
  row.guard_version = request.guard_version;
  row.granted_ms = now;
  row.lease_until_ms = now + granting.leases.lease_ms;
  row.request_sm3 = granting.request_sm3;
  return row;
}

}  // namespace

Result<std::optional<Bytes>> find_given_answer(const Granting& granting) {
  const ProvedUnit& peer = granting.peer;
  MIFENG_TRY(const auto last, granting.context.db.read([&](store::Transaction& tx) {
    return store::last_instance_of_unit(tx, peer.cluster, peer.unit);
  }));
  const bool same = last && last->ended_ms == 0 && last->engine_id == peer.engine_id &&
                    last->deployment_id == peer.deployment && last->request_sm3 == granting.request_sm3;
  if (!same || last->answer.empty()) return std::optional<Bytes>{};
  MIFENG_TRY(Bytes answer, from_base64(last->answer));
  return std::optional<Bytes>(std::move(answer));
}

Result<messages::GrantRequest> open_request(const deployments::Context& context, const trust::KeySet& keys,
                                            const std::string& deployment, const std::string& nonce, ByteView stream) {
  MIFENG_TRY(const auto parties, messages::parties_of(stream));
  const auto* delivery = keys.delivery_key(to_hex(parties.recipient));
  if (delivery == nullptr) return wrong_request("no-recipient", "It is sealed to no delivery key of this platform.");
  return messages::open_grant_request(stream, deployment, nonce, *delivery, context.access.tools());
}

Result<void> check_unit(const messages::GrantRequest& request, const ProvedUnit& peer) {
  if (request.deployment == peer.deployment && request.unit == peer.unit) return ok();
  return wrong_request("other-unit", "It is the request of another unit (" + request.unit + ").");
}

Result<void> check_pod(const messages::GrantRequest& request, const ProvedUnit& peer) {
  if (request.pod_uid == peer.engine_id) return ok();
  return wrong_request("other-unit", "It is the request of another pod of that name.");
}

Result<cluster::Evidence> token_evidence(const trust::KeySet& keys, const std::optional<SecretBytes>& token,
                                         const std::string& message_sm3) {
  if (!token) return wrong_request("no-token", "It carries no token that would prove which unit it is from.");
  return cluster::Evidence(cluster::TokenEvidence{.token = std::string(as_text(token->reveal_for_output())),
                                                  .audience = keys.token_audience(),
                                                  .request_sm3 = message_sm3});
}

Result<Bytes> give_grant(const Granting& granting, const messages::GrantRequest& request) {
  const deployments::Context& context = granting.context;
  return context.db.write([&](store::Transaction& tx) -> Result<Bytes> {
    MIFENG_TRY(const WantedUnit wanted, find_wanted_unit(tx, granting.peer));
    const store::ModelRow& model = wanted.model;
    const UnixMillis now = context.clock.now_ms();
    MIFENG_CHECK(check_request(tx, granting, request, model, now));
    MIFENG_CHECK(end_former_instance(tx, granting));
    store::InstanceRow row = instance_row_of(granting, request, now);
    row.id = trust::new_id(context.random, "in-");
    MIFENG_TRY(row.listed_from, store::next_change(tx));
    MIFENG_TRY(Bytes sealed_grant, seal_grant_for(granting, request, model, row.id, now));
    row.answer = to_base64(sealed_grant);
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(context.audit.append(
        tx,
        trust::AuditEvent{.actor = "unit " + row.unit,
                          .action = "grant.give",
                          .subject = row.id + " of " + row.deployment_id,
                          .detail = model.vendor_id + "/" + model.name + "/" + model.version + ", signing key " +
                                    row.signing_key_id + ", output key " + granting.keys.output_in_force(now).row.id}));
    return sealed_grant;
  });
}

}  // namespace mifeng::grants
