// Clusters 集群: where units run. One Podman on this machine, "local", is always there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/cluster/units.h"
#include "mifeng/store/clusters.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {
struct Context;
class Subscribers;
}  // namespace mifeng::trust

namespace mifeng::clusters {

class ClusterSet;

inline constexpr const char* kLocalCluster = "local";

using store::ClusterKind;
using store::ClusterState;

MIFENG_LISTED(Cluster, text(id), text(name), word(ClusterKind, kind),
              text(address),            // where its engine is reached
              text(default_namespace),  // of its units, where it has namespaces
              of(std::vector<std::string>, node_addresses),
              text(registry),  // as its nodes see it
              word(ClusterState, state),
              text(reason),  // why it is away, or what waits for a decision; one sentence
              text(version), of(std::vector<std::string>, may),  // what we are allowed there beyond the necessary
              flag(sweep_held),  // something newer than the database runs there: nothing unknown is removed
              of(int, deployments),
              of(std::optional<cluster::Capacity>, capacity),  // of get() alone, where the engine answers
              number(changed_ms));
struct ClusterInput {
  std::string name;  // for people
  std::string default_namespace;
  std::vector<std::string> node_addresses;  // 1..16 addresses or names, without a port
};

class ClusterService {
 public:
  // `changed`: is told of what was set.
  ClusterService(const trust::Context& context, ClusterSet& clusters, trust::Subscribers& changed)
      : context_(context), clusters_(clusters), changed_(changed) {}

  Result<std::vector<Cluster>> list(const trust::Actor& actor);
  Result<Cluster> get(const trust::Actor& actor, const std::string& id);
  Result<Cluster> set(const trust::Actor& actor, const std::string& id, const ClusterInput& input);
  // What runs there and is unknown to this database may be removed after all, although it is newer.
  Result<Cluster> allow_sweep(const trust::Actor& actor, const std::string& id);

 private:
  const trust::Context& context_;
  ClusterSet& clusters_;
  trust::Subscribers& changed_;
};

}  // namespace mifeng::clusters
