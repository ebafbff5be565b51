// Grants: a guard proves which container it is and gets its payload's key; renewals keep it listed. spec/grant.md.
#pragma once

#include <string>
#include <vector>

#include "mifeng/base/bytes.h"
#include "mifeng/platform/actor.h"
#include "mifeng/platform/types.h"

namespace mifeng::platform {

struct Core;

// Who asks, as the engine has verified it (cluster::Engine::verify_peer): the container whose first process holds the
// other end of the socket, whose state equals what was rendered.
struct PeerFacts {
  std::string deployment;  // deployment id
  std::string replica;     // container name
  std::string container;   // the engine's id of this very container
};

struct Instance {
  std::string id;  // "in-…"
  std::string deployment_id;
  std::string replica;
  std::string container;
  std::string signing_key_id;
  std::string guard_version;
  UnixMillis granted_ms = 0;
  UnixMillis lease_until_ms = 0;
  UnixMillis ended_ms = 0;  // 0: live
  std::string end_reason;
  std::int64_t calls = 0;
};

class GrantService {
 public:
  explicit GrantService(Core& core) : core_(core) {}

  // The body of POST /v1/grants and /v1/renewals on a container's socket; `deployment` and `nonce` come from header
  // fields and must be what the peer is. The answer is a sealed stream of kind grant. To a remote peer every failure of
  // authentication is kPermissionDenied "refused"; the local log and the audit log name the class.
  // kResourceExhausted "too-many-grants" after 5 in 10 minutes for one container.
  Result<Bytes> grant(const PeerFacts& peer, const std::string& deployment, const std::string& nonce, ByteView stream);
  Result<Bytes> renew(const PeerFacts& peer, const std::string& deployment, const std::string& nonce, ByteView stream);

  // What to answer on the socket of `container` to a peer that could not prove to be its first process: "refused", and
  // `why` stands in the audit log, up to 20 times in 10 minutes. These count for nobody: a stranger's attempts do not
  // use up what the container itself may ask. Where the engine did not answer, `why` itself, which accuses no one.
  Error unproved(const std::string& container, const Error& why);

  // "who was granted what and when", newest first; deployment may be empty. kReadKeys.
  Result<Page<Instance>> list(const Actor& actor, const std::string& deployment, const PageRequest& page);
  // Ends an instance: its guard is told so at its next renewal and stops the model; gateways drop it within seconds.
  Result<void> revoke(const Actor& actor, const std::string& instance_id, const std::string& reason);
  // Delists instances whose lease ended, but none in the first lease period after this process's start.
  Result<int> end_expired();

 private:
  Core& core_;
};

}  // namespace mifeng::platform
