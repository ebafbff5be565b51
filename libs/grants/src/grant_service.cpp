#include "mifeng/grants/grant_service.h"

#include "guard_events.h"
#include "mifeng/access/attempt_limits.h"
#include "mifeng/access/instances.h"
#include "mifeng/base/bounds.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/messages/grant.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "proved_peers.h"

namespace mifeng::grants {
namespace {

constexpr UnixMillis kGrantWindow = 10 * 60 * 1000;
constexpr std::int64_t kGrantsInWindow = 5;
constexpr UnixMillis kListedAfter = 10'000;

// To the peer every failure of authentication looks like this one.
Error refused() {
  return Error(ErrorCode::kPermissionDenied, "refused", "The platform refused the request. Its audit log says why.");
}

Error wrong(const std::string& reason, const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, reason, message);
}

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
    return wrong("delivery-key-gone", "The delivery key of this version has been destroyed. Submit the version again.");
  MIFENG_TRY(const Bytes bytes, from_base64(model.payload_header));
  MIFENG_TRY(const auto signer, crypto::Sm2PublicKey::from_pem(model.signer_key_pem));
  const sealed::Policy policy{
      .kind = sealed::Kind::kPayload, .signature = sealed::SignatureRule::kRequired, .signer = signer};
  MIFENG_TRY(const auto header, sealed::Header::parse(bytes, policy));
  MIFENG_TRY(const Bytes context, sealed::payload_context(model.vendor_id, model.name, model.version));
  return sealed::verify_header(header, *delivery, context, policy);
}

struct Wanted {
  store::DeploymentRow deployment{};
  store::RevisionRow revision{};  // that this unit runs
  store::ModelRow model{};
};

// What the platform itself wants of this unit.
Result<Wanted> wanted_of(store::Transaction& tx, const Peer& peer) {
  Wanted wanted;
  MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, peer.deployment));
  if (!deployment || deployment->deleting != 0) return wrong("no-such-deployment", "The deployment is not wanted.");
  if (deployment->replicas == 0) return wrong("no-such-unit", "The deployment wants no unit.");
  MIFENG_TRY(const auto unit, store::find<store::UnitRow>(tx, peer.cluster, peer.unit));
  if (unit && unit->state == store::UnitState::kStopping) return wrong("no-such-unit", "The unit was told to end.");
  MIFENG_TRY(auto revision, store::find<store::RevisionRow>(tx, peer.revision));
  if (!revision || revision->deployment_id != peer.deployment)
    return wrong("no-such-revision", "The unit runs a revision that is not kept.");
  MIFENG_TRY(auto model, store::find<store::ModelRow>(tx, revision->version_id));
  // What was withdrawn is not deployed any more, and what runs of it goes on.
  if (!model || (model->state != store::VersionState::kAccepted && model->state != store::VersionState::kWithdrawn))
    return wrong("version-not-accepted", "The version is not accepted.");
  wanted.deployment = std::move(*deployment);
  wanted.revision = std::move(*revision);
  wanted.model = std::move(*model);
  return wanted;
}

}  // namespace

GrantService::GrantService(const deployments::Context& context, Leases leases)
    : context_(context), leases_(leases), started_ms_(context.clock.now_ms()), proved_peers_(new ProvedPeers) {}
GrantService::~GrantService() = default;

// kPermissionDenied for what could not prove itself; kUnavailable and the like where that says nothing of it.
Result<Peer> GrantService::prove(const GuardPeer& guard, const std::string& deployment) {
  const auto denied = [](const char* reason, const std::string& message) {
    return Error(ErrorCode::kPermissionDenied, reason, message);
  };
  MIFENG_TRY(const auto candidates,
             context_.db.read([&](store::Transaction& tx) -> Result<std::vector<cluster::Workload>> {
               MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, deployment));
               if (!row || row->deleting != 0 || row->cluster_id != guard.cluster)
                 return denied("no-such-deployment",
                               "No deployment " + deployment.substr(0, 64) + " is wanted in this cluster.");
               return deployments::candidates_of(context_, tx, *row);
             }));
  const cluster::PeerEvidence evidence{.unit = guard.unit, .pid = guard.pid, .pidfd = guard.pidfd};
  MIFENG_TRY(const auto proof,
             clusters::call_engine<cluster::Proof>(context_.clusters, guard.cluster, [&](cluster::Engine& engine) {
               return engine.prove(candidates, evidence);
             }));
  if (proof.deployment != deployment)
    return denied("other-deployment", "The unit belongs to the deployment " + proof.deployment + ".");
  const Peer peer{.cluster = guard.cluster,
                  .deployment = proof.deployment,
                  .revision = proof.revision,
                  .unit = proof.unit,
                  .engine_id = proof.engine_id,
                  .run_started_ms = proof.started_at_ms};
  proved_peers_->remember(guard, peer);
  return peer;
}

// For a renewal: the process that proved itself for its grant has done so.
Result<Peer> GrantService::prove_again(const GuardPeer& guard, const std::string& deployment) {
  if (auto peer = proved_peers_->find(guard, deployment)) return std::move(*peer);
  return prove(guard, deployment);
}

// What to answer to a process that could not prove itself: "refused", and `why` stands in the audit log, up to 20 times
// in 10 minutes. These count for nobody: a stranger's attempts do not use up what the unit itself may ask. Where the
// engine did not answer, `why` itself, which accuses no one.
Error GrantService::refuse_unproved(const std::string& unit, const Error& why) {
  if (why.code() != ErrorCode::kPermissionDenied) return why;
  // A name of its own, apart from what grant() counts.
  if (context_.access.attempts.may_audit("stranger at " + unit, context_.clock.now_ms()))
    context_.audit.append_refusal("a process at the socket of " + unit, "grant.refuse", unit, why);
  return refused();
}

Result<Bytes> GrantService::grant(const GuardPeer& guard, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  const auto proved = prove(guard, deployment);
  if (!proved) return refuse_unproved(guard.unit, proved.error());
  const Peer& peer = *proved;
  const std::string who = peer.cluster + "/" + peer.unit;
  MIFENG_CHECK(context_.access.attempts.take(who, context_.clock.now_ms()));
  const std::string request_sm3 = trust::sm3_hex(stream);
  const auto keys = context_.access.keys.get();
  std::optional<Error> limited;
  auto answer = [&]() -> Result<Bytes> {
    // An answer may have been lost on its way: the very same bytes get the very same answer.
    MIFENG_TRY(auto stored, context_.db.read([&](store::Transaction& tx) -> Result<std::string> {
      MIFENG_TRY(auto last, store::last_instance_of_unit(tx, peer.cluster, peer.unit));
      const bool same = last && last->ended_ms == 0 && last->engine_id == peer.engine_id &&
                        last->deployment_id == peer.deployment && last->request_sm3 == request_sm3;
      return same ? last->answer : std::string();
    }));
    if (!stored.empty()) return from_base64(stored);

    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    MIFENG_TRY(const auto request,
               messages::open_grant_request(stream, deployment, nonce, *delivery, context_.access.tools()));
    if (request.deployment != peer.deployment || request.unit != peer.unit)
      return wrong("other-unit", "It is the request of another unit (" + request.unit + ").");
    const std::string signing_key_id = trust::key_id_hex(request.signing_key);

    return context_.db.write([&](store::Transaction& tx) -> Result<Bytes> {
      MIFENG_TRY(const Wanted wanted, wanted_of(tx, peer));
      if (to_hex(request.payload_header_sm3) != wanted.model.payload_header_sm3)
        return wrong("other-payload", "The unit holds another payload than the version that it is to run.");
      MIFENG_TRY(auto replayed, store::instance_by_signing_key(tx, signing_key_id));
      if (replayed) return wrong("replayed", "Its signing key has been granted before, as " + replayed->id + ".");
      const UnixMillis now = context_.clock.now_ms();
      MIFENG_TRY(const auto recent, store::grants_since(tx, peer.cluster, peer.unit, now - kGrantWindow));
      if (recent >= kGrantsInWindow) {
        limited = Error(ErrorCode::kResourceExhausted, "too-many-grants",
                        "This unit was granted its key 5 times in 10 minutes. It keeps starting anew: see its log.");
        return *limited;
      }
      MIFENG_TRY(const auto root_key, payload_root_key(*keys, wanted.model));
      MIFENG_TRY(auto former, store::live_instances_of(tx, peer.deployment));
      for (const auto& row : former)
        if (row.unit == peer.unit)
          MIFENG_CHECK(access::end_instance(context_.access, tx, row, access::EndKind::kEnded, "unit " + peer.unit,
                                            "its unit was granted anew"));
      MIFENG_TRY(const auto vendor_key, crypto::Sm2PublicKey::from_pem(wanted.model.signer_key_pem));
      MIFENG_TRY(const auto segments_sha256, segments_digest(wanted.model));
      const trust::LoadedKey& output = keys->output_in_force(now);
      store::InstanceRow row;
      row.id = trust::new_id(context_.random, "in-");
      MIFENG_TRY(row.listed_from, store::next_change(tx));
      messages::Grant grant{.deployment = peer.deployment,
                            .instance_id = row.id,
                            .vendor = wanted.model.vendor_id,
                            .model = wanted.model.name,
                            .version = wanted.model.version,
                            .vendor_key = vendor_key,
                            .payload_root_key = root_key.reveal_for_grant().clone(),
                            .segments_size = static_cast<std::uint64_t>(wanted.model.segments_size),
                            .segments_sha256 = segments_sha256,
                            .output_key = output.public_key,
                            .output_key_statement = output.statement(),
                            .identity_chain = keys->identity_chain(),
                            .platform_time_ms = now,
                            .lease_ms = leases_.lease_ms,
                            .renew_ms = leases_.renew_ms,
                            .listed = false,
                            .gateways_confirm_by_ms = now + kListedAfter};
      MIFENG_TRY(Bytes sealed_grant, messages::seal_grant(grant, nonce, request.receive_key, keys->identity_key(),
                                                          context_.access.tools()));
      row.cluster_id = peer.cluster;
      row.deployment_id = peer.deployment;
      row.revision_id = peer.revision;
      row.unit = peer.unit;
      row.engine_id = peer.engine_id;
      row.run_started_ms = peer.run_started_ms;
      row.signing_key = trust::point_base64(request.signing_key);
      row.signing_key_id = signing_key_id;
      row.receive_key = trust::point_base64(request.receive_key);
      row.guard_version = request.guard_version;
      row.granted_ms = now;
      row.lease_until_ms = now + leases_.lease_ms;
      row.request_sm3 = request_sm3;
      row.answer = to_base64(sealed_grant);
      MIFENG_CHECK(store::insert(tx, row));
      MIFENG_CHECK(context_.audit.append(
          tx,
          trust::AuditEvent{.actor = "unit " + peer.unit,
                            .action = "grant.give",
                            .subject = row.id + " of " + peer.deployment,
                            .detail = wanted.model.vendor_id + "/" + wanted.model.name + "/" + wanted.model.version +
                                      ", signing key " + signing_key_id + ", output key " + output.row.id}));
      return sealed_grant;
    });
  }();
  if (!answer) {
    context_.audit.append_refusal("unit " + peer.unit, "grant.refuse", peer.deployment, answer.error());
    if (limited) return *limited;
    switch (answer.error().code()) {
      case ErrorCode::kUnavailable:
      case ErrorCode::kResourceExhausted:
      case ErrorCode::kInternal: return answer;  // ours: says nothing about the request
      default: return refused();
    }
  }
  context_.access.attempts.forget(who);
  context_.access.snapshots_changed.notify();
  return answer;
}

Result<Bytes> GrantService::renew(const GuardPeer& guard, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  const auto proved = prove_again(guard, deployment);
  if (!proved) return refuse_unproved(guard.unit, proved.error());
  const Peer& peer = *proved;
  const std::string renewal_sm3 = trust::sm3_hex(stream);
  const auto keys = context_.access.keys.get();
  auto answer = [&]() -> Result<Bytes> {
    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    if (!parties.signer) return wrong("missing-signature", "It is not signed.");
    const std::string signer_id = to_hex(*parties.signer);
    const auto reply = [&](messages::RenewedStatus status, const crypto::Sm2PublicKey& receive_key,
                           std::optional<messages::Renewed::Terms> terms) {
      const messages::Renewed renewed{
          .status = status, .identity_chain = keys->identity_chain(), .terms = std::move(terms)};
      return messages::seal_renewed(renewed, deployment, nonce, receive_key, keys->identity_key(),
                                    context_.access.tools());
    };
    MIFENG_TRY(auto known,
               context_.db.read([&](store::Transaction& tx) { return store::instance_by_signing_key(tx, signer_id); }));
    if (!known) {
      MIFENG_TRY(const auto unknown,
                 messages::open_renewal(stream, deployment, nonce, *delivery, nullptr, context_.access.tools()));
      return reply(messages::RenewedStatus::kUnknown, unknown.receive_key, std::nullopt);
    }
    if (known->deployment_id != peer.deployment || known->cluster_id != peer.cluster || known->unit != peer.unit)
      return wrong("other-unit", "It is the renewal of another unit.");
    MIFENG_TRY(const auto signing_key, trust::key_from_base64(known->signing_key));
    MIFENG_TRY(const auto receive_key, trust::key_from_base64(known->receive_key));
    MIFENG_TRY(const auto renewal,
               messages::open_renewal(stream, deployment, nonce, *delivery, &signing_key, context_.access.tools()));
    if (renewal.instance_id != known->id) return wrong("other-instance", "It names another instance.");
    std::optional<Error> no_start;
    if (renewal.start) {
      const auto again = prove(guard, deployment);
      if (!again && again.error().code() != ErrorCode::kPermissionDenied) return again.error();
      if (!again) no_start = again.error();
    }
    return context_.db.write([&](store::Transaction& tx) -> Result<Bytes> {
      MIFENG_TRY(auto row, store::find<store::InstanceRow>(tx, known->id));
      if (!row) return reply(messages::RenewedStatus::kUnknown, receive_key, std::nullopt);
      if (row->revoked != 0) return reply(messages::RenewedStatus::kRevoked, receive_key, std::nullopt);
      // Ended for another reason (its lease, a newer grant): a new request settles it, with the full proof.
      if (row->ended_ms != 0) return reply(messages::RenewedStatus::kUnknown, receive_key, std::nullopt);
      if (row->renewal_sm3 == renewal_sm3) return from_base64(row->renewal_answer);
      if (static_cast<std::int64_t>(renewal.counter) <= row->counter)
        return wrong("replayed", "Its counter does not rise.");
      const UnixMillis now = context_.clock.now_ms();
      const trust::LoadedKey& output = keys->output_in_force(now);
      MIFENG_TRY(const bool listed, access::gateways_know(context_.access, tx, row->listed_from));
      if (renewal.start && !no_start) {
        const auto wanted = wanted_of(tx, peer);
        if (!wanted) {
          no_start = wanted.error();
        } else if (wanted->model.state != store::VersionState::kAccepted) {
          no_start =
              wrong("version-not-accepted", "The version is " + std::string(to_string(wanted->model.state)) + ".");
        }
      }
      if (no_start)
        MIFENG_CHECK(context_.audit.append(tx, trust::AuditEvent{.actor = "unit " + peer.unit,
                                                                 .action = "start.refuse",
                                                                 .subject = row->id,
                                                                 .outcome = std::string(no_start->reason()),
                                                                 .detail = no_start->message()}));
      MIFENG_TRY(Bytes sealed_answer,
                 reply(messages::RenewedStatus::kRenewed, receive_key,
                       messages::Renewed::Terms{.output_key = output.public_key,
                                                .output_key_statement = output.statement(),
                                                .platform_time_ms = now,
                                                .lease_ms = leases_.lease_ms,
                                                .renew_ms = leases_.renew_ms,
                                                .listed = listed,
                                                .start = no_start ? std::nullopt : renewal.start}));
      row->counter = static_cast<std::int64_t>(renewal.counter);
      row->calls += static_cast<std::int64_t>(renewal.calls);
      row->lease_until_ms = now + leases_.lease_ms;
      row->renewal_sm3 = renewal_sm3;
      row->renewal_answer = to_base64(sealed_answer);
      MIFENG_CHECK(store::update(tx, *row));
      for (const auto& [event_class, count] : summed_events(renewal.events))
        MIFENG_CHECK(context_.audit.append(tx, trust::AuditEvent{.actor = "unit " + peer.unit,
                                                                 .action = "guard.event",
                                                                 .subject = row->id,
                                                                 .outcome = std::string(event_class),
                                                                 .detail = std::to_string(count) + " times"}));
      return sealed_answer;
    });
  }();
  if (answer) return answer;
  switch (answer.error().code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kInternal: return answer;
    default:
      if (context_.access.attempts.may_audit(peer.cluster + "/" + peer.unit, context_.clock.now_ms()))
        context_.audit.append_refusal("unit " + peer.unit, "renewal.refuse", peer.deployment, answer.error());
      return refused();
  }
}

Result<trust::Page<Instance>> GrantService::list(const trust::Actor& actor, const std::string& deployment,
                                                 const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadKeys));
  MIFENG_TRY(const auto window, trust::window_of(page));
  return context_.db.read([&](store::Transaction& tx) -> Result<trust::Page<Instance>> {
    MIFENG_TRY(const auto slice, store::instance_slice(tx, deployment, window));
    trust::Page<Instance> instances;
    instances.total = slice.total;
    for (const auto& row : slice.rows) {
      auto instance = made_of<Instance, "cluster", "revision">(row);
      instance.cluster = row.cluster_id;
      MIFENG_TRY(const auto revision, store::find<store::RevisionRow>(tx, row.revision_id));
      if (revision) instance.revision = static_cast<int>(revision->number);
      instances.items.push_back(std::move(instance));
    }
    return instances;
  });
}

Result<void> GrantService::revoke(const trust::Actor& actor, const std::string& instance_id,
                                  const std::string& reason) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageKeys));
  MIFENG_CHECK(trust::check_text("reason", reason, bounds::kReasonMax));
  MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::InstanceRow>(tx, instance_id));
    if (!row) return trust::not_found("instance", instance_id);
    return access::end_instance(context_.access, tx, *row, access::EndKind::kRevoked, actor.name, reason);
  }));
  context_.access.snapshots_changed.notify();
  return ok();
}

Result<int> GrantService::end_expired() {
  const UnixMillis now = context_.clock.now_ms();
  // Who could not reach us while we were away shall not pay for it.
  if (now < started_ms_ + leases_.lease_ms) return 0;
  MIFENG_TRY(const auto live, context_.db.read([](store::Transaction& tx) { return store::live_instances(tx); }));
  if (std::none_of(live.begin(), live.end(), [&](const auto& row) { return row.lease_until_ms <= now; })) return 0;
  MIFENG_TRY(const int ended, context_.db.write([&](store::Transaction& tx) -> Result<int> {
    int count = 0;
    MIFENG_TRY(const auto rows, store::live_instances(tx));
    for (const auto& row : rows) {
      if (row.lease_until_ms > now) continue;
      MIFENG_CHECK(
          access::end_instance(context_.access, tx, row, access::EndKind::kEnded, "system", "its lease ended"));
      ++count;
    }
    return count;
  }));
  if (ended != 0) context_.access.snapshots_changed.notify();
  return ended;
}

}  // namespace mifeng::grants
