// Where a trial goes, and whose signature its answer has to bear: looked up in one transaction.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mifeng/access/context.h"
#include "mifeng/access/route_service.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/trials/trial.h"

namespace mifeng::trials {

struct Signer {
  std::string instance_id;
  crypto::Sm2PublicKey key;
};
struct Address {
  std::string text;  // "127.0.0.1:30001"
  std::string unit;  // empty: it stands before several
};

struct Goal {
  std::string deployment_id;
  std::optional<access::Route> route;
  std::string target;              // of the request line; through the gateway with the access prefix
  bool binds_body = true;          // a route may stream its requests
  std::vector<Address> addresses;  // of kUnit; in the order in which they are dialled
  std::vector<Signer> signers;     // the same
  // shared_ptr: as the key ring gives it; a rotation in between changes nothing.
  std::shared_ptr<const trust::KeySet> keys;
};

// kNotFound; kConflict "route-disabled"; kUnavailable "unit-not-ready".
Result<Goal> find_goal(const access::Context& context, store::Transaction& tx, const TrialRequest& request);

}  // namespace mifeng::trials
