// The steps of a renewal, in the order in which GrantService::renew takes them. Each says in the audit log's words what
// is wrong; the peer learns nothing of it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "mifeng/deployments/context.h"
#include "mifeng/grants/grant_service.h"
#include "mifeng/messages/grant.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_ring.h"
#include "proved_peers.h"

namespace mifeng::grants {

// A renewal that is being answered, and to whom.
struct Renewing {
  const deployments::Context& context;
  const Leases& leases;
  const ProvedUnit& peer;
  const std::string& deployment;  // as the request names it
  const std::string& nonce;
  const trust::KeySet& keys;
  std::string renewal_sm3;  // of the renewal's stream
};

// A renewal, opened with the keys of the instance that signed it.
struct OpenedRenewal {
  messages::Renewal message;
  crypto::Sm2PublicKey receive_key;     // to answer to
  std::optional<std::string> instance;  // id; none where nothing of its signer is known
};
Result<OpenedRenewal> open_renewal(const Renewing& renewing, ByteView stream);

// At the door: whose renewal it is by the instance that signed it, where that is of this cluster and deployment; its
// signature is still to be verified. A peer without a unit where nothing of its signer is known, or it is another's.
Result<ProvedUnit> signer_of(const deployments::Context& context, const DoorVisit& visit, ByteView stream);

// Sealed to the guard: that its instance is not known, or was revoked, or goes on under `terms`.
Result<Bytes> seal_answer(const Renewing& renewing, const OpenedRenewal& renewal, messages::RenewedStatus status,
                          std::optional<messages::Renewed::Terms> terms = {});
// In one transaction: extends the lease of an instance that is still live, says whether its model may start once more
// (`no_start` is why it may not already), and keeps what the guard reported. The same bytes again get the same answer.
Result<Bytes> extend_lease(const Renewing& renewing, const OpenedRenewal& renewal, std::optional<Error> no_start);

// All of that for a renewal that is opened. `prove` proves its unit anew, for a model that is to start once more.
Result<Bytes> answer_renewal(const Renewing& renewing, const OpenedRenewal& renewal,
                             const std::function<Result<ProvedUnit>()>& prove);

}  // namespace mifeng::grants
