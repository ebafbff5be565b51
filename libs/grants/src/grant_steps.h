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
// The request, opened and of this very unit.
Result<messages::GrantRequest> open_request(const Granting& granting, const std::string& deployment, ByteView stream);
// In one transaction: checks the request against what is wanted, ends the unit's former instance, and gives the sealed
// grant, with the new instance and the audit log's entry stored. kResourceExhausted "too-many-grants".
Result<Bytes> give_grant(const Granting& granting, const messages::GrantRequest& request);

}  // namespace mifeng::grants
