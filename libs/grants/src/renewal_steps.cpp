#include "renewal_steps.h"

#include "guard_events.h"
#include "mifeng/access/instances.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "wanted_unit.h"

namespace mifeng::grants {
namespace {

// Why the model may not start once more; nothing where it may.
std::optional<Error> find_no_start(store::Transaction& tx, const ProvedUnit& peer) {
  const auto wanted = find_wanted_unit(tx, peer);
  if (!wanted) return wanted.error();
  if (wanted->model.state == store::VersionState::kAccepted) return std::nullopt;
  return wrong_request("version-not-accepted", "The version is " + std::string(to_string(wanted->model.state)) + ".");
}

// One entry, however many kinds there are.
Result<void> note_events(store::Transaction& tx, const Renewing& renewing, const messages::Renewal& renewal) {
  const auto sums = summed_events(renewal.events);
  if (sums.empty()) return ok();
  std::string detail;
  for (const auto& [event_class, count] : sums)
    detail += (detail.empty() ? "" : ", ") + (sums.size() == 1 ? "" : std::string(event_class) + " ") +
              std::to_string(count) + " times";
  return renewing.context.audit.append(
      tx, trust::AuditEvent{.actor = "unit " + renewing.peer.unit,
                            .action = "guard.event",
                            .subject = renewal.instance_id,
                            .outcome = sums.size() == 1 ? std::string(sums.begin()->first) : "several",
                            .detail = std::move(detail)});
}

}  // namespace

Result<OpenedRenewal> open_renewal(const Renewing& renewing, ByteView stream) {
  const ProvedUnit& peer = renewing.peer;
  const auto open = [&](const crypto::Sm2PrivateKey& delivery, const crypto::Sm2PublicKey* signing_key) {
    return messages::open_renewal(stream, renewing.deployment, renewing.nonce, delivery, signing_key,
                                  renewing.context.access.tools());
  };
  MIFENG_TRY(const auto parties, messages::parties_of(stream));
  const auto* delivery = renewing.keys.delivery_key(to_hex(parties.recipient));
  if (delivery == nullptr) return wrong_request("no-recipient", "It is sealed to no delivery key of this platform.");
  if (!parties.signer) return wrong_request("missing-signature", "It is not signed.");
  MIFENG_TRY(const auto known, renewing.context.db.read([&](store::Transaction& tx) {
    return store::instance_by_signing_key(tx, to_hex(*parties.signer));
  }));
  if (!known) {
    MIFENG_TRY(auto unknown, open(*delivery, nullptr));
    const crypto::Sm2PublicKey receive_key = unknown.receive_key;
    return OpenedRenewal{.message = std::move(unknown), .receive_key = receive_key, .instance = {}};
  }
  if (known->deployment_id != peer.deployment || known->cluster_id != peer.cluster || known->unit != peer.unit)
    return wrong_request("other-unit", "It is the renewal of another unit.");
  MIFENG_TRY(const auto signing_key, trust::key_from_base64(known->signing_key));
  MIFENG_TRY(const auto receive_key, trust::key_from_base64(known->receive_key));
  MIFENG_TRY(auto renewal, open(*delivery, &signing_key));
  if (renewal.instance_id != known->id) return wrong_request("other-instance", "It names another instance.");
  return OpenedRenewal{.message = std::move(renewal), .receive_key = receive_key, .instance = known->id};
}

Result<ProvedUnit> signer_of(const deployments::Context& context, const DoorVisit& visit, ByteView stream) {
  MIFENG_TRY(const auto parties, messages::parties_of(stream));
  ProvedUnit peer{.cluster = visit.cluster(), .deployment = visit.deployment(), .unit = {}, .engine_id = {}};
  if (!parties.signer) return peer;
  MIFENG_TRY(const auto row, context.db.read([&](store::Transaction& tx) {
    return store::instance_by_signing_key(tx, to_hex(*parties.signer));
  }));
  if (!row || row->cluster_id != peer.cluster || row->deployment_id != peer.deployment) return peer;
  peer.revision = row->revision_id;
  peer.unit = row->unit;
  peer.engine_id = row->engine_id;
  peer.run_started_ms = row->run_started_ms;
  return peer;
}

Result<Bytes> seal_answer(const Renewing& renewing, const OpenedRenewal& renewal, messages::RenewedStatus status,
                          std::optional<messages::Renewed::Terms> terms) {
  const messages::Renewed renewed{
      .status = status, .identity_chain = renewing.keys.identity_chain(), .terms = std::move(terms)};
  return messages::seal_renewed(renewed, renewing.deployment, renewing.nonce, renewal.receive_key,
                                renewing.keys.identity_key(), renewing.context.access.tools());
}

Result<Bytes> extend_lease(const Renewing& renewing, const OpenedRenewal& renewal, std::optional<Error> no_start) {
  const deployments::Context& context = renewing.context;
  const messages::Renewal& message = renewal.message;
  return context.db.write([&](store::Transaction& tx) -> Result<Bytes> {
    MIFENG_TRY(auto row, store::find<store::InstanceRow>(tx, message.instance_id));
    if (!row) return seal_answer(renewing, renewal, messages::RenewedStatus::kUnknown);
    if (row->revoked != 0) return seal_answer(renewing, renewal, messages::RenewedStatus::kRevoked);
    // Ended for another reason (its lease, a newer grant): a new request settles it, with the full proof.
    if (row->ended_ms != 0) return seal_answer(renewing, renewal, messages::RenewedStatus::kUnknown);
    if (row->renewal_sm3 == renewing.renewal_sm3) return from_base64(row->renewal_answer);
    if (static_cast<std::int64_t>(message.counter) <= row->counter)
      return wrong_request("replayed", "Its counter does not rise.");
    const UnixMillis now = context.clock.now_ms();
    const trust::LoadedKey& output = renewing.keys.output_in_force(now);
    MIFENG_TRY(const bool listed, access::gateways_know(context.access, tx, row->listed_from));
    if (message.start && !no_start) no_start = find_no_start(tx, renewing.peer);
    if (no_start)
      MIFENG_CHECK(context.audit.append(tx, trust::AuditEvent{.actor = "unit " + renewing.peer.unit,
                                                              .action = "start.refuse",
                                                              .subject = row->id,
                                                              .outcome = std::string(no_start->reason()),
                                                              .detail = no_start->message()}));
    MIFENG_TRY(Bytes answer, seal_answer(renewing, renewal, messages::RenewedStatus::kRenewed,
                                         messages::Renewed::Terms{.output_key = output.public_key,
                                                                  .output_key_statement = output.statement(),
                                                                  .platform_time_ms = now,
                                                                  .lease_ms = renewing.leases.lease_ms,
                                                                  .renew_ms = renewing.leases.renew_ms,
                                                                  .listed = listed,
                                                                  .start = no_start ? std::nullopt : message.start}));
    row->counter = static_cast<std::int64_t>(message.counter);
    row->calls += static_cast<std::int64_t>(message.calls);
    row->lease_until_ms = now + renewing.leases.lease_ms;
    row->renewal_sm3 = renewing.renewal_sm3;
    row->renewal_answer = to_base64(answer);
    MIFENG_CHECK(store::update(tx, *row));
    MIFENG_CHECK(note_events(tx, renewing, message));
    return answer;
  });
}

Result<Bytes> answer_renewal(const Renewing& renewing, const OpenedRenewal& renewal,
                             const std::function<Result<ProvedUnit>()>& prove) {
  if (!renewal.instance) return seal_answer(renewing, renewal, messages::RenewedStatus::kUnknown);
  MIFENG_CHECK(renewing.context.access.attempts.take_renewal(*renewal.instance, renewing.context.clock.now_ms()));
  std::optional<Error> no_start;
  if (renewal.message.start) {
    const auto again = prove();
    const ErrorCode code = again ? ErrorCode::kPermissionDenied : again.error().code();
    if (code != ErrorCode::kPermissionDenied && code != ErrorCode::kVerificationFailed) return again.error();
    if (!again) no_start = again.error();
  }
  return extend_lease(renewing, renewal, std::move(no_start));
}

}  // namespace mifeng::grants
