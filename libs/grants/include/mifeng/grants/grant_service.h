// Grants: a guard proves which container it is and gets its payload's key; renewals keep it listed. spec/grant.md.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"
#include "mifeng/cluster/units.h"
#include "mifeng/grants/door.h"
#include "mifeng/messages/grant.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::deployments {
struct Context;
}

namespace mifeng::grants {

struct Granting;
struct ProvedUnit;
class ProvedPeers;

// Who sent a request at a unit's own socket on this machine: which socket, and who is at its other end, a pid and a
// pidfd that was taken at accept. At the guards' door (door.h) it is a DoorVisit instead, and the request carries a
// token.
struct SocketPeer {
  std::string cluster;  // id
  std::string unit;     // whose socket it is
  ::pid_t pid = 0;
  int pidfd = -1;  // of the caller
};

MIFENG_LISTED(Instance,
              text(id),                                               // "in-…"
              text(cluster), text(deployment_id), of(int, revision),  // number; 0: of none that is kept
              text(unit),
              text(engine_id),  // of this very container or pod
              text(signing_key_id), text(guard_version), number(granted_ms), number(lease_until_ms),
              number(ended_ms),  // 0: live
              text(end_reason), number(calls));

struct Leases {
  UnixMillis lease_ms;  // that a grant or renewal gives
  UnixMillis renew_ms;  // from one renewal to the next
};

class GrantService {
 public:
  GrantService(const deployments::Context& context, Leases leases);
  ~GrantService();

  // Where requests of other machines come in, before these functions; enter() on any thread.
  Door& door() { return door_; }

  // The body of POST /v1/grants and /v1/renewals; `deployment` and `nonce` come from header fields.
  // Who asks is proved by the engine of the deployment's cluster, against what its revisions were rendered to: for each
  // grant, and for a renewal by a process that has not proved itself before, or that asks for another start. At the
  // door it is the request's token that is proved; a renewal there, but for another start, by the instance's own key.
  // The answer is a sealed stream of kind grant. To a remote peer every failure of authentication is kPermissionDenied
  // "refused"; the audit log names the class. kResourceExhausted "too-many-grants" after 5 in 10 minutes for one unit.
  // Blocks: it asks the engine.
  Result<Bytes> grant(const SocketPeer& peer, const std::string& deployment, const std::string& nonce, ByteView stream);
  Result<Bytes> grant(DoorVisit& visit, const std::string& nonce, ByteView stream);
  Result<Bytes> renew(const SocketPeer& peer, const std::string& deployment, const std::string& nonce, ByteView stream);
  Result<Bytes> renew(DoorVisit& visit, const std::string& nonce, ByteView stream);

  // "who was granted what and when", newest first; deployment may be empty. kReadKeys.
  Result<trust::Page<Instance>> list(const trust::Actor& actor, const std::string& deployment,
                                     const trust::PageRequest& page);
  // Ends an instance: its guard is told so at its next renewal and stops the model; gateways drop it within seconds.
  Result<void> revoke(const trust::Actor& actor, const std::string& instance_id, const std::string& reason);
  // Delists instances whose lease ended, but none in the first lease period after this process's start.
  Result<int> end_expired();

 private:
  Result<ProvedUnit> prove(const std::string& cluster, const std::string& deployment,
                           const cluster::Evidence& evidence);
  Result<ProvedUnit> prove(const SocketPeer& guard, const std::string& deployment);
  Result<ProvedUnit> prove_again(const SocketPeer& guard, const std::string& deployment);
  Result<ProvedUnit> prove_start(const DoorVisit& visit, const ProvedUnit& peer, const messages::Renewal& renewal,
                                 const std::string& renewal_sm3);
  Error refuse_unproved(const std::string& unit, const Error& why);
  Error refuse_visit(const DoorVisit& visit, const char* action, const Error& why);
  Result<Bytes> grant_to(const Granting& granting, const std::function<Result<messages::GrantRequest>()>& open);

  const deployments::Context& context_;
  const Leases leases_;
  const UnixMillis started_ms_;
  std::unique_ptr<ProvedPeers> proved_peers_;
  Door door_;
};

}  // namespace mifeng::grants
