// Grants: a guard proves which container it is and gets its payload's key; renewals keep it listed. spec/grant.md.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/base/listed.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::deployments {
struct Context;
}

namespace mifeng::grants {

struct ProvedUnit;
class ProvedPeers;

// What a guard shows beside its request. Its unit's own socket: which one, and who is at its other end, a pid and a
// pidfd that was taken at accept. Or nothing: then the request itself carries a token.
struct GuardPeer {
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

  // The body of POST /v1/grants and /v1/renewals on a unit's socket; `deployment` and `nonce` come from header fields.
  // Who asks is proved by the engine of the deployment's cluster, against what its revisions were rendered to: for each
  // grant, and for a renewal by a process that has not proved itself before. The answer is a sealed stream of kind
  // grant. To a remote peer every failure of authentication is kPermissionDenied "refused"; the audit log names the
  // class. kResourceExhausted "too-many-grants"
  // after 5 in 10 minutes for one unit. Blocks: it asks the engine.
  Result<Bytes> grant(const GuardPeer& peer, const std::string& deployment, const std::string& nonce, ByteView stream);
  Result<Bytes> renew(const GuardPeer& peer, const std::string& deployment, const std::string& nonce, ByteView stream);

  // "who was granted what and when", newest first; deployment may be empty. kReadKeys.
  Result<trust::Page<Instance>> list(const trust::Actor& actor, const std::string& deployment,
                                     const trust::PageRequest& page);
  // Ends an instance: its guard is told so at its next renewal and stops the model; gateways drop it within seconds.
  Result<void> revoke(const trust::Actor& actor, const std::string& instance_id, const std::string& reason);
  // Delists instances whose lease ended, but none in the first lease period after this process's start.
  Result<int> end_expired();

 private:
  Result<ProvedUnit> prove(const GuardPeer& guard, const std::string& deployment);
  Result<ProvedUnit> prove_again(const GuardPeer& guard, const std::string& deployment);
  Error refuse_unproved(const std::string& unit, const Error& why);

  const deployments::Context& context_;
  const Leases leases_;
  const UnixMillis started_ms_;
  std::unique_ptr<ProvedPeers> proved_peers_;
};

}  // namespace mifeng::grants
