#include "mifeng/platform/grant_service.h"

#include "audit_log.h"
#include "core.h"
#include "grant_limits.h"
#include "instances.h"
#include "key_ring.h"
#include "mifeng/messages/grant.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"

namespace mifeng::platform {
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

// The payload's root key: the header must have been sealed for us, for this vendor, model and version, and signed by
// the key under which the version was taken.
Result<sealed::RootKey> payload_root_key(const KeySet& keys, const store::ModelRow& model) {
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
  store::ModelRow model{};
};

// What the platform itself wants of this container.
Result<Wanted> wanted_of(store::Transaction& tx, const PeerFacts& peer) {
  Wanted wanted;
  MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, peer.deployment));
  if (!deployment || deployment->deleting != 0) return wrong("no-such-deployment", "The deployment is not wanted.");
  MIFENG_TRY(const auto replicas, store::replicas_of(tx, peer.deployment));
  bool known = false;
  for (const auto& replica : replicas)
    known = known || (replica.name == peer.replica && replica.number < deployment->replicas);
  if (!known) return wrong("no-such-replica", "The deployment wants no replica of this name.");
  MIFENG_TRY(auto model, store::find<store::ModelRow>(tx, deployment->version_id));
  if (!model || model->state != "accepted") return wrong("version-not-accepted", "The version is not accepted.");
  wanted.deployment = std::move(*deployment);
  wanted.model = std::move(*model);
  return wanted;
}

}  // namespace

Result<Bytes> GrantService::grant(const PeerFacts& peer, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  MIFENG_CHECK(core_.grant_limits->take(peer.replica, core_.clock.now_ms()));
  const std::string request_sm3 = sm3_hex(stream);
  const auto keys = core_.keys->get();
  std::optional<Error> limited;
  auto answer = [&]() -> Result<Bytes> {
    if (deployment != peer.deployment)
      return wrong("other-deployment", "The request names the deployment " + deployment.substr(0, 64) + ".");
    // An answer may have been lost on its way: the very same bytes get the very same answer.
    MIFENG_TRY(auto stored, core_.db->read([&](store::Transaction& tx) -> Result<std::string> {
      MIFENG_TRY(auto last, store::last_instance_of_replica(tx, peer.replica));
      const bool same = last && last->ended_ms == 0 && last->container == peer.container &&
                        last->deployment_id == peer.deployment && last->request_sm3 == request_sm3;
      return same ? last->answer : std::string();
    }));
    if (!stored.empty()) return from_base64(stored);

    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    MIFENG_TRY(const auto request, messages::open_grant_request(stream, deployment, nonce, *delivery, core_.tools()));
    if (request.deployment != peer.deployment || request.instance != peer.replica)
      return wrong("other-container", "It is the request of another container (" + request.instance + ").");
    const std::string signing_key_id = key_id_hex(request.signing_key);

    return core_.db->write([&](store::Transaction& tx) -> Result<Bytes> {
      MIFENG_TRY(const Wanted wanted, wanted_of(tx, peer));
      if (to_hex(request.payload_header_sm3) != wanted.model.payload_header_sm3)
        return wrong("other-payload", "The container holds another payload than the version that is deployed.");
      MIFENG_TRY(auto replayed, store::instance_by_signing_key(tx, signing_key_id));
      if (replayed) return wrong("replayed", "Its signing key has been granted before, as " + replayed->id + ".");
      const UnixMillis now = core_.clock.now_ms();
      MIFENG_TRY(const auto recent, store::grants_since(tx, peer.replica, now - kGrantWindow));
      if (recent >= kGrantsInWindow) {
        limited =
            Error(ErrorCode::kResourceExhausted, "too-many-grants",
                  "This container was granted its key 5 times in 10 minutes. It keeps starting anew: see its log.");
        return *limited;
      }
      MIFENG_TRY(const auto root_key, payload_root_key(*keys, wanted.model));
      MIFENG_TRY(auto former, store::live_instances_of(tx, peer.deployment));
      for (const auto& row : former)
        if (row.replica == peer.replica)
          MIFENG_CHECK(end_instance(core_, tx, row, EndKind::kEnded, "container " + peer.replica,
                                    "its container was granted anew"));
      MIFENG_TRY(const auto vendor_key, crypto::Sm2PublicKey::from_pem(wanted.model.signer_key_pem));
      const LoadedKey& output = keys->output_in_force(now);
      store::InstanceRow row;
      row.id = new_id(core_, "in-");
      MIFENG_TRY(row.listed_from, store::next_change(tx));
      messages::Grant grant{.deployment = peer.deployment,
                            .instance_id = row.id,
                            .vendor = wanted.model.vendor_id,
                            .model = wanted.model.name,
                            .version = wanted.model.version,
                            .vendor_key = vendor_key,
                            .payload_root_key = root_key.reveal_for_grant().clone(),
                            .output_key = output.public_key,
                            .output_key_statement = output.statement(),
                            .identity_chain = keys->identity_chain(),
                            .platform_time_ms = now,
                            .lease_ms = core_.options.lease_ms,
                            .renew_ms = core_.options.renew_ms,
                            .listed = false,
                            .gateways_confirm_by_ms = now + kListedAfter};
      MIFENG_TRY(Bytes sealed_grant,
                 messages::seal_grant(grant, nonce, request.receive_key, keys->identity_key(), core_.tools()));
      row.deployment_id = peer.deployment;
      row.replica = peer.replica;
      row.container = peer.container;
      row.signing_key = point_base64(request.signing_key);
      row.signing_key_id = signing_key_id;
      row.receive_key = point_base64(request.receive_key);
      row.guard_version = request.guard_version;
      row.granted_ms = now;
      row.lease_until_ms = now + core_.options.lease_ms;
      row.request_sm3 = request_sm3;
      row.answer = to_base64(sealed_grant);
      MIFENG_CHECK(store::insert(tx, row));
      MIFENG_CHECK(core_.audit->append(
          tx, AuditEvent{.actor = "container " + peer.replica,
                         .action = "grant.give",
                         .subject = row.id + " of " + peer.deployment,
                         .detail = wanted.model.vendor_id + "/" + wanted.model.name + "/" + wanted.model.version +
                                   ", signing key " + signing_key_id + ", output key " + output.row.id}));
      return sealed_grant;
    });
  }();
  if (!answer) {
    audit_refusal(core_, "container " + peer.replica, "grant.refuse", peer.deployment, answer.error());
    if (limited) return *limited;
    switch (answer.error().code()) {
      case ErrorCode::kUnavailable:
      case ErrorCode::kResourceExhausted:
      case ErrorCode::kInternal: return answer;  // ours: says nothing about the request
      default: return refused();
    }
  }
  core_.grant_limits->forget(peer.replica);
  core_.snapshots_changed.notify();
  return answer;
}

Error GrantService::unproved(const std::string& container, const Error& why) {
  if (why.code() != ErrorCode::kPermissionDenied) return why;
  // A name of its own, apart from what grant() counts.
  if (core_.grant_limits->may_audit("stranger at " + container, core_.clock.now_ms()))
    audit_refusal(core_, "a process at the socket of " + container, "grant.refuse", container, why);
  return refused();
}

Result<Bytes> GrantService::renew(const PeerFacts& peer, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  const std::string renewal_sm3 = sm3_hex(stream);
  const auto keys = core_.keys->get();
  auto answer = [&]() -> Result<Bytes> {
    if (deployment != peer.deployment) return wrong("other-deployment", "It names another deployment.");
    MIFENG_TRY(const auto parties, messages::parties_of(stream));
    const auto* delivery = keys->delivery_key(to_hex(parties.recipient));
    if (delivery == nullptr) return wrong("no-recipient", "It is sealed to no delivery key of this platform.");
    if (!parties.signer) return wrong("missing-signature", "It is not signed.");
    const std::string signer_id = to_hex(*parties.signer);
    const auto reply = [&](messages::RenewedStatus status, const crypto::Sm2PublicKey& receive_key,
                           std::optional<messages::Renewed::Terms> terms) {
      const messages::Renewed renewed{
          .status = status, .identity_chain = keys->identity_chain(), .terms = std::move(terms)};
      return messages::seal_renewed(renewed, deployment, nonce, receive_key, keys->identity_key(), core_.tools());
    };
    MIFENG_TRY(auto known,
               core_.db->read([&](store::Transaction& tx) { return store::instance_by_signing_key(tx, signer_id); }));
    if (!known) {
      MIFENG_TRY(const auto unknown,
                 messages::open_renewal(stream, deployment, nonce, *delivery, nullptr, core_.tools()));
      return reply(messages::RenewedStatus::kUnknown, unknown.receive_key, std::nullopt);
    }
    if (known->deployment_id != peer.deployment || known->replica != peer.replica)
      return wrong("other-container", "It is the renewal of another container.");
    MIFENG_TRY(const auto signing_key, key_from_base64(known->signing_key));
    MIFENG_TRY(const auto receive_key, key_from_base64(known->receive_key));
    MIFENG_TRY(const auto renewal,
               messages::open_renewal(stream, deployment, nonce, *delivery, &signing_key, core_.tools()));
    if (renewal.instance_id != known->id) return wrong("other-instance", "It names another instance.");
    return core_.db->write([&](store::Transaction& tx) -> Result<Bytes> {
      MIFENG_TRY(auto row, store::find<store::InstanceRow>(tx, known->id));
      if (!row) return reply(messages::RenewedStatus::kUnknown, receive_key, std::nullopt);
      if (row->revoked != 0) return reply(messages::RenewedStatus::kRevoked, receive_key, std::nullopt);
      // Ended for another reason (its lease, a newer grant): a new request settles it, with the full proof.
      if (row->ended_ms != 0) return reply(messages::RenewedStatus::kUnknown, receive_key, std::nullopt);
      if (row->renewal_sm3 == renewal_sm3) return from_base64(row->renewal_answer);
      if (static_cast<std::int64_t>(renewal.counter) <= row->counter)
        return wrong("replayed", "Its counter does not rise.");
      const UnixMillis now = core_.clock.now_ms();
      const LoadedKey& output = keys->output_in_force(now);
      MIFENG_TRY(const bool listed, is_listed(core_, tx, *row));
      MIFENG_TRY(Bytes sealed_answer, reply(messages::RenewedStatus::kRenewed, receive_key,
                                            messages::Renewed::Terms{.output_key = output.public_key,
                                                                     .output_key_statement = output.statement(),
                                                                     .platform_time_ms = now,
                                                                     .lease_ms = core_.options.lease_ms,
                                                                     .renew_ms = core_.options.renew_ms,
                                                                     .listed = listed}));
      row->counter = static_cast<std::int64_t>(renewal.counter);
      row->calls += static_cast<std::int64_t>(renewal.calls);
      row->lease_until_ms = now + core_.options.lease_ms;
      row->renewal_sm3 = renewal_sm3;
      row->renewal_answer = to_base64(sealed_answer);
      MIFENG_CHECK(store::update(tx, *row));
      for (const auto& event : renewal.events)
        MIFENG_CHECK(core_.audit->append(tx, AuditEvent{.actor = "container " + peer.replica,
                                                        .action = "guard.event",
                                                        .subject = row->id,
                                                        .outcome = event.event_class,
                                                        .detail = std::to_string(event.count) + " times"}));
      return sealed_answer;
    });
  }();
  if (answer) return answer;
  switch (answer.error().code()) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kInternal: return answer;
    default:
      if (core_.grant_limits->may_audit(peer.replica, core_.clock.now_ms()))
        audit_refusal(core_, "container " + peer.replica, "renewal.refuse", peer.deployment, answer.error());
      return refused();
  }
}

Result<Page<Instance>> GrantService::list(const Actor& actor, const std::string& deployment, const PageRequest& page) {
  MIFENG_CHECK(require(actor, Permission::kReadKeys));
  MIFENG_TRY(const auto window, window_of(page));
  MIFENG_TRY(auto slice,
             core_.db->read([&](store::Transaction& tx) { return store::instance_slice(tx, deployment, window); }));
  return page_of<Instance>(std::move(slice), [](const store::InstanceRow& row) {
    Instance instance;
    instance.id = row.id;
    instance.deployment_id = row.deployment_id;
    instance.replica = row.replica;
    instance.container = row.container;
    instance.signing_key_id = row.signing_key_id;
    instance.guard_version = row.guard_version;
    instance.granted_ms = row.granted_ms;
    instance.lease_until_ms = row.lease_until_ms;
    instance.ended_ms = row.ended_ms;
    instance.end_reason = row.end_reason;
    instance.calls = row.calls;
    return instance;
  });
}

Result<void> GrantService::revoke(const Actor& actor, const std::string& instance_id, const std::string& reason) {
  MIFENG_CHECK(require(actor, Permission::kManageKeys));
  MIFENG_CHECK(check_text("reason", reason, 200));
  MIFENG_CHECK(core_.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::InstanceRow>(tx, instance_id));
    if (!row) return not_found("instance", instance_id);
    return end_instance(core_, tx, *row, EndKind::kRevoked, actor.name, reason);
  }));
  core_.snapshots_changed.notify();
  return ok();
}

Result<int> GrantService::end_expired() {
  const UnixMillis now = core_.clock.now_ms();
  // Who could not reach us while we were away shall not pay for it.
  if (now < core_.started_ms + core_.options.lease_ms) return 0;
  MIFENG_TRY(const auto live, core_.db->read([](store::Transaction& tx) { return store::live_instances(tx); }));
  if (std::none_of(live.begin(), live.end(), [&](const auto& row) { return row.lease_until_ms <= now; })) return 0;
  MIFENG_TRY(const int ended, core_.db->write([&](store::Transaction& tx) -> Result<int> {
    int count = 0;
    MIFENG_TRY(const auto rows, store::live_instances(tx));
    for (const auto& row : rows) {
      if (row.lease_until_ms > now) continue;
      MIFENG_CHECK(end_instance(core_, tx, row, EndKind::kEnded, "system", "its lease ended"));
      ++count;
    }
    return count;
  }));
  if (ended != 0) core_.snapshots_changed.notify();
  return ended;
}

}  // namespace mifeng::platform
