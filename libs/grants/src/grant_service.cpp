#include "mifeng/grants/grant_service.h"

#include "grant_steps.h"
#include "mifeng/access/attempt_limits.h"
#include "mifeng/access/instances.h"
#include "mifeng/base/beginning.h"
#include "mifeng/base/bounds.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/store/deployments.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "proved_peers.h"
#include "renewal_steps.h"
#include "wanted_unit.h"

namespace mifeng::grants {
GrantService::GrantService(const deployments::Context& context, Leases leases)
    : context_(context),
      leases_(leases),
      started_ms_(context.clock.now_ms()),
      proved_peers_(new ProvedPeers),
      door_(context.door_tags, context.audit, context.clock) {}
GrantService::~GrantService() = default;

// Of this deployment, where it is one of this cluster: no other engine is asked about it. kPermissionDenied for what
// could not prove itself; kUnavailable and the like where that says nothing of it.
Result<ProvedUnit> GrantService::prove(const std::string& cluster, const std::string& deployment,
                                       const cluster::Evidence& evidence) {
  const auto denied = [](const char* reason, const std::string& message) {
    return Error(ErrorCode::kPermissionDenied, reason, message);
  };
  MIFENG_TRY(
      const auto candidates, context_.db.read([&](store::Transaction& tx) -> Result<std::vector<cluster::Workload>> {
        MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, deployment));
        if (!row || row->deleting != 0 || row->cluster_id != cluster)
          return denied("no-such-deployment",
                        "No deployment " + std::string(beginning_of(deployment, 64)) + " is wanted in this cluster.");
        return deployments::candidates_of(context_, tx, *row);
      }));
  MIFENG_TRY(const auto proof,
             clusters::call_engine<cluster::Proof>(context_.clusters, cluster, [&](cluster::Engine& engine) {
               return engine.prove(candidates, evidence);
             }));
  if (proof.deployment != deployment)
    return denied("other-deployment", "The unit belongs to the deployment " + proof.deployment + ".");
  return ProvedUnit{.cluster = cluster,
                    .deployment = proof.deployment,
                    .revision = proof.revision,
                    .unit = proof.unit,
                    .engine_id = proof.engine_id,
                    .run_started_ms = proof.started_at_ms};
}

Result<ProvedUnit> GrantService::prove(const SocketPeer& guard, const std::string& deployment) {
  const cluster::PeerEvidence evidence{.unit = guard.unit, .pid = guard.pid, .pidfd = guard.pidfd};
  MIFENG_TRY(const ProvedUnit peer, prove(guard.cluster, deployment, evidence));
  proved_peers_->remember(guard, peer);
  return peer;
}

// For a renewal: the process that proved itself for its grant has done so.
Result<ProvedUnit> GrantService::prove_again(const SocketPeer& guard, const std::string& deployment) {
  if (auto peer = proved_peers_->find(guard, deployment)) return std::move(*peer);
  return prove(guard, deployment);
}

// What to answer to a process that could not prove itself: "refused", and `why` stands in the audit log, up to 20 times
// in 10 minutes. These count for nobody: a stranger's attempts do not use up what the unit itself may ask. Where the
// engine did not answer, `why` itself, which accuses no one.
Error GrantService::refuse_unproved(const std::string& unit, const Error& why) {
  if (why.code() != ErrorCode::kPermissionDenied) return why;
  if (context_.access.attempts.may_audit(access::Attempt::kSocket, unit, context_.clock.now_ms()))
    context_.audit.append_refusal("a process at the socket of " + unit, "grant.refuse", unit, why);
  return refused();
}

// The same for one at the door.
Error GrantService::refuse_visit(const DoorVisit& visit, const char* action, const Error& why) {
  if (is_ours(why.code())) return why;
  if (door_.may_audit(visit, why.reason()))
    context_.audit.append_refusal("a peer at " + visit.address(), action, visit.deployment(), why);
  return refused();
}

// What is left once it is known who asks. `open`: gives the request, which is of this very unit.
Result<Bytes> GrantService::grant_to(const Granting& granting,
                                     const std::function<Result<messages::GrantRequest>()>& open) {
  const ProvedUnit& peer = granting.peer;
  const std::string who = peer.cluster + "/" + peer.unit;
  MIFENG_CHECK(context_.access.attempts.take(access::Attempt::kGrant, who, context_.clock.now_ms()));
  const auto answer = [&]() -> Result<Bytes> {
    MIFENG_TRY(auto given, find_given_answer(granting));
    if (given) return std::move(*given);
    MIFENG_TRY(const auto request, open());
    return give_grant(granting, request);
  }();
  if (!answer) {
    context_.audit.append_refusal("unit " + peer.unit, "grant.refuse", peer.deployment, answer.error());
    context_.refused_grants.note(peer.cluster, peer.deployment, answer.error(), context_.clock.now_ms());
    if (is_ours(answer.error().code())) return answer;
    return refused();
  }
  context_.access.attempts.forget(access::Attempt::kGrant, who);
  context_.access.snapshots_changed.notify();
  return answer;
}

Result<Bytes> GrantService::grant(const SocketPeer& guard, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  const auto proved = prove(guard, deployment);
  if (!proved) return refuse_unproved(guard.unit, proved.error());
  const auto keys = context_.access.keys.get();
  const Granting granting{.context = context_,
                          .leases = leases_,
                          .peer = *proved,
                          .nonce = nonce,
                          .keys = *keys,
                          .request_sm3 = trust::sm3_hex(stream)};
  return grant_to(granting, [&]() -> Result<messages::GrantRequest> {
    MIFENG_TRY(auto request, open_request(context_, *keys, deployment, nonce, stream));
    MIFENG_CHECK(check_unit(request, *proved));
    return request;
  });
}

Result<Bytes> GrantService::grant(DoorVisit& visit, const std::string& nonce, ByteView stream) {
  const auto keys = context_.access.keys.get();
  const std::string request_sm3 = trust::sm3_hex(stream);
  std::optional<messages::GrantRequest> request;
  const auto proved = [&]() -> Result<ProvedUnit> {
    MIFENG_TRY(request, open_request(context_, *keys, visit.deployment(), nonce, stream));
    MIFENG_TRY(const auto evidence, token_evidence(*keys, request->token, request_sm3));
    MIFENG_TRY(ProvedUnit peer, prove(visit.cluster(), visit.deployment(), evidence));
    MIFENG_CHECK(check_unit(*request, peer));
    MIFENG_CHECK(check_pod(*request, peer));
    return peer;
  }();
  if (!proved) {
    context_.refused_grants.note(visit.cluster(), visit.deployment(), proved.error(), context_.clock.now_ms());
    return refuse_visit(visit, "grant.refuse", proved.error());
  }
  visit.proved();
  const Granting granting{.context = context_,
                          .leases = leases_,
                          .peer = *proved,
                          .nonce = nonce,
                          .keys = *keys,
                          .request_sm3 = request_sm3};
  return grant_to(granting, [&]() -> Result<messages::GrantRequest> { return std::move(*request); });
}

Result<Bytes> GrantService::renew(const SocketPeer& guard, const std::string& deployment, const std::string& nonce,
                                  ByteView stream) {
  const auto proved = prove_again(guard, deployment);
  if (!proved) return refuse_unproved(guard.unit, proved.error());
  const ProvedUnit& peer = *proved;
  const auto keys = context_.access.keys.get();
  const auto answer = [&]() -> Result<Bytes> {
    const Renewing renewing{.context = context_,
                            .leases = leases_,
                            .peer = peer,
                            .deployment = deployment,
                            .nonce = nonce,
                            .keys = *keys,
                            .renewal_sm3 = trust::sm3_hex(stream)};
    MIFENG_TRY(const OpenedRenewal renewal, open_renewal(renewing, stream));
    return answer_renewal(renewing, renewal, [&] { return prove(guard, deployment); });
  }();
  if (answer || is_ours(answer.error().code())) return answer;
  if (context_.access.attempts.may_audit(access::Attempt::kRenewal, peer.cluster + "/" + peer.unit,
                                         context_.clock.now_ms()))
    context_.audit.append_refusal("unit " + peer.unit, "renewal.refuse", peer.deployment, answer.error());
  return refused();
}

// The pod anew, and that it is still the one whose instance renews.
Result<ProvedUnit> GrantService::prove_start(const DoorVisit& visit, const ProvedUnit& peer,
                                             const messages::Renewal& renewal, const std::string& renewal_sm3) {
  const auto keys = context_.access.keys.get();
  MIFENG_TRY(const auto evidence, token_evidence(*keys, renewal.token, renewal_sm3));
  MIFENG_TRY(ProvedUnit again, prove(visit.cluster(), visit.deployment(), evidence));
  if (again.unit != peer.unit || again.engine_id != peer.engine_id)
    return Error(ErrorCode::kPermissionDenied, "other-unit", "It is the token of another unit (" + again.unit + ").");
  return again;
}

Result<Bytes> GrantService::renew(DoorVisit& visit, const std::string& nonce, ByteView stream) {
  const auto keys = context_.access.keys.get();
  const auto answer = [&]() -> Result<Bytes> {
    MIFENG_TRY(const ProvedUnit peer, signer_of(context_, visit, stream));
    const Renewing renewing{.context = context_,
                            .leases = leases_,
                            .peer = peer,
                            .deployment = visit.deployment(),
                            .nonce = nonce,
                            .keys = *keys,
                            .renewal_sm3 = trust::sm3_hex(stream)};
    MIFENG_TRY(const OpenedRenewal renewal, open_renewal(renewing, stream));
    // Its signature is that of the instance, which nobody else can make; one that nothing is known of stays a stranger.
    if (renewal.instance) visit.proved();
    return answer_renewal(renewing, renewal,
                          [&] { return prove_start(visit, peer, renewal.message, renewing.renewal_sm3); });
  }();
  if (answer) return answer;
  return refuse_visit(visit, "renewal.refuse", answer.error());
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
  // A guard that could not reach us while we were away is not to suffer for it.
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
