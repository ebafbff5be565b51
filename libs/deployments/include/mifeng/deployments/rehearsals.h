// Rehearsals 演练 of clusters: guards without models on a cluster's nodes, before anything of a vendor's is there. What
// goes wrong with them would go wrong with the first model.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mifeng/clusters/cluster_service.h"
#include "mifeng/trust/actor.h"

namespace mifeng::deployments {

struct Context;

// Which are under way. Any thread.
class RunningRehearsals {
 public:
  // kConflict "cluster-busy" while the cluster has one already.
  Result<void> begin(const std::string& cluster, const std::string& id);
  void end(const std::string& cluster);
  // By the ids that they have in place of a deployment's: units of these are wanted though no row names them. One that
  // a killed process left behind is nobody's, and removed as such.
  std::set<std::string> in(const std::string& cluster) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> ids_;  // by cluster
};

class RehearsalService {
 public:
  explicit RehearsalService(const Context& context) : context_(context) {}

  // As many as there are nodes that take new units, 16 at most, spread over these: that their image is pulled by its
  // digest, that their pods are admitted, start and reach the platform, and that the platform reaches one by a node
  // port that is free now. Takes some seconds where all is well, else some minutes, by the bounds of the engine and of
  // GuardImage::ensure(); nothing is left of it. Needs manage-clusters. kConflict "local-cluster", "cluster-busy",
  // kResourceExhausted "no-free-ports"; errors of the engine.
  Result<std::vector<clusters::ClusterFinding>> run(const trust::Actor& actor, const std::string& cluster);

 private:
  const Context& context_;
};

}  // namespace mifeng::deployments
