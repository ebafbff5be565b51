// Clusters 集群: where units run. One Podman on this machine, "local", is always there.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/base/secret.h"
#include "mifeng/cluster/units.h"
#include "mifeng/store/clusters.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {
struct Context;
class Subscribers;
}  // namespace mifeng::trust
namespace mifeng::vault {
class Wrapper;
}
namespace mifeng::store {
class Transaction;
}

namespace mifeng::clusters {

class ClusterJoiner;
struct JoinedCluster;
class ClusterSet;

inline constexpr const char* kLocalCluster = "local";

using store::ClusterKind;
using store::ClusterState;

MIFENG_LISTED(
    Cluster, text(id), text(name), word(ClusterKind, kind),
    text(address),            // where its engine is reached
    text(default_namespace),  // of its units, where it has namespaces
    of(std::vector<std::string>, node_addresses),
    text(registry),   // as its nodes see it; empty: as the platform does
    text(guard_url),  // where its guards reach the platform; empty: where those of any cluster do
    word(ClusterState, state),
    text(reason),                                      // why it is away, or what waits for a decision; one sentence
    text(version), of(std::vector<std::string>, may),  // what we are allowed there beyond the necessary
    flag(sweep_held),  // something newer than the database runs there: nothing unknown is removed
    of(int, deployments), of(std::optional<cluster::Capacity>, capacity),  // of get() alone, where the engine answers
    number(seen_ms),  // as of when what is shown of it holds; 0: it is asked anew each time, or never was seen
    flag(stale),      // that is more than a minute ago
    number(changed_ms),
    text(etag));  // trust::version_of its row
struct ClusterInput {
  std::string name;  // for people
  std::string default_namespace;
  std::vector<std::string> node_addresses;  // 1..16 addresses or names, without a port
  // Of a Kubernetes cluster; absent: as it is.
  std::optional<std::string> registry{}, guard_url{};
  // With which its nodes pull; absent: as it is. Both or none.
  std::string pull_user{};
  SecretBytes pull_password{};
};
// A Kubernetes cluster to be added.
struct NewCluster {
  std::string id;                           // a DNS label
  std::string name;                         // for people; empty: the id
  std::string default_namespace;            // of its units
  std::vector<std::string> node_addresses;  // empty: as the cluster says
  std::string registry;                     // as its nodes see it; empty: as the platform does
  std::string guard_url;                    // empty: where guards of any cluster reach the platform
  SecretBytes kubeconfig;
  std::string context;    // of it; empty: the current one
  bool as_given = false;  // keep its login, instead of one that is made with it
  std::string pull_user;  // of the registry; empty: none is needed
  SecretBytes pull_password;
};
// What a look at a cluster found. The texts are phrases, or names.
enum class FindingState { kFine, kWarning, kMissing };
std::string_view to_string(FindingState state);  // "fine", "warning", "missing"
MIFENG_LISTED(ClusterFinding, word(FindingState, state), text(what), text(detail),
              text(remedy));  // what to do, or what is lost; empty where all is fine

// What a cluster has and tells, as of when (Cluster).
MIFENG_LISTED(ClusterNodes, of(std::vector<cluster::Node>, items), number(seen_ms), flag(stale));
MIFENG_LISTED(ClusterEvent, number(time_ms), text(deployment), text(unit), text(action), text(detail));
MIFENG_LISTED(ClusterEvents, of(std::vector<ClusterEvent>, items), number(seen_ms), flag(stale));

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
class ClusterService {
 public:
  // `changed`: is told of what was set. `joiner`: null where this process can bring no clusters in.
  ClusterService(const trust::Context& context, const vault::Wrapper& wrapper, ClusterSet& clusters,
                 ClusterJoiner* joiner, trust::Subscribers& changed)
      : context_(context), wrapper_(wrapper), clusters_(clusters), joiner_(joiner), changed_(changed) {}

  Result<std::vector<Cluster>> list(const trust::Actor& actor);
  Result<Cluster> get(const trust::Actor& actor, const std::string& id);
  // With another login, or another registry that the login is for, the pull secret in the cluster is made anew first;
  // errors of the cluster as those of add().
  // Where the cluster is away, what was seen last. kUnavailable "no-engine"; errors of the engine.
  Result<ClusterNodes> nodes(const trust::Actor& actor, const std::string& id);
  // Of all its deployments, oldest first.
  Result<ClusterEvents> events(const trust::Actor& actor, const std::string& id);
  Result<Cluster> set(const trust::Actor& actor, const std::string& id, const ClusterInput& input);
  // Makes an account of its own there (ClusterJoiner), and keeps the login of that. Takes a second or two, at most
  // some minutes. kConflict "cluster-exists", "namespace-taken"; kInvalidArgument "bad-kubeconfig", "too-few-rights",
  // "no-node-addresses".
  Result<Cluster> add(const trust::Actor& actor, NewCluster input);
  // Removes what add() made there too. kConflict "cluster-in-use" while there are deployments. With `let_go` they are
  // let go of instead: it is called within the transaction, and the cluster is not touched. Gives a sentence about what
  // stayed in the cluster, or nothing.
  using LetGo = std::function<Result<void>(store::Transaction& tx)>;
  Result<std::string> remove(const trust::Actor& actor, const std::string& id, const LetGo& let_go);
  // Asks the cluster what is there and what we may do.
  Result<std::vector<ClusterFinding>> examine(const trust::Actor& actor, const std::string& id);
  // What runs there and is unknown to this database may be removed after all, although it is newer.
  Result<Cluster> allow_sweep(const trust::Actor& actor, const std::string& id);

 private:
  void note_view(Cluster& cluster) const;
  Result<void> check_place(store::Transaction& tx, const NewCluster& input, const std::string& address) const;
  Result<JoinedCluster> join(const NewCluster& input);
  // What is to be kept then, wrapped; empty where nothing changes.
  Result<std::string> renew_pull_login(const store::ClusterRow& row, const ClusterInput& input);

  const trust::Context& context_;
  const vault::Wrapper& wrapper_;
  ClusterSet& clusters_;
  ClusterJoiner* const joiner_;
  trust::Subscribers& changed_;
  std::mutex mutex_;
  std::set<std::string> under_way_;  // ids that are added or removed just now
};

}  // namespace mifeng::clusters
