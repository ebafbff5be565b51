// The steps of a grant, in the order in which GrantService::grant takes them. Each says in the audit log's words what
// is wrong; the peer learns nothing of it.
#pragma once

#include <optional>
#include <string>

#include "mifeng/deployments/context.h"
#include "mifeng/grants/grant_service.h"
#include "mifeng/messages/grant.h"
#include "mifeng/trust/key_ring.h"
#include "proved_peers.h"

namespace mifeng::grants {

// A grant that is being given, and to whom.
struct Granting {
  const deployments::Context& context;
  const Leases& leases;
  const ProvedUnit& peer;
  const std::string& nonce;
  const trust::KeySet& keys;
  std::string request_sm3;  // of the request's stream
};

// An answer may have been lost on its way: the very same bytes get the very same answer. Nothing where it is new.
Result<std::optional<Bytes>> find_given_answer(const Granting& granting);
// The request, opened; of the deployment that it came for.
Result<messages::GrantRequest> open_request(const deployments::Context& context, const trust::KeySet& keys,
                                            const std::string& deployment, const std::string& nonce, ByteView stream);
// Whether it is of the unit that was proved, and of its pod.
Result<void> check_unit(const messages::GrantRequest& request, const ProvedUnit& peer);
Result<void> check_pod(const messages::GrantRequest& request, const ProvedUnit& peer);
// What a guard at the door shows to its cluster's engine. `message_sm3`: of the stream that carried the token.
Result<cluster::Evidence> token_evidence(const trust::KeySet& keys, const std::optional<SecretBytes>& token,
                                         const std::string& message_sm3);
// In one transaction: checks the request against what is wanted, ends the unit's former instance, and gives the sealed
// grant, with the new instance and the audit log's entry stored. kResourceExhausted "too-many-grants".
Result<Bytes> give_grant(const Granting& granting, const messages::GrantRequest& request);

}  // namespace mifeng::grants
