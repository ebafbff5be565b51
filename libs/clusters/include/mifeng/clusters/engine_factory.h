// Who makes the engines, and who brings clusters in.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/base/secret.h"
#include "mifeng/clusters/cluster_service.h"

namespace mifeng::cluster {
class Engine;
}

namespace mifeng::clusters {

// How a cluster is reached.
struct ClusterAccess {
  std::string id;
  ClusterKind kind = ClusterKind::kPodman;
  std::string address;
  std::string name_space;  // of its units, where it has namespaces
  SecretBytes secret;      // what is secret of how it is reached, as its joiner made it
};
// Makes the engine of a cluster; it does not have to answer yet. Null where this process runs none of that kind: what
// is deployed there then stays pending.
using EngineFactory = std::function<Result<std::shared_ptr<cluster::Engine>>(const ClusterAccess&)>;

// A cluster that an operator gives.
struct JoinRequest {
  std::string id;
  std::string name_space;
  std::string registry;  // that the login below is for
  SecretBytes kubeconfig;
  std::string context;    // of it; empty: the current one
  bool as_given = false;  // keep its login, instead of one that is made with it
  std::string pull_user;  // of the registry; empty: none is needed
  SecretBytes pull_password;
  std::function<bool(const std::string& id)> has_cluster;  // whether there is a cluster of that id now
};
// The login with which a cluster's nodes pull.
struct PullLogin {
  std::string registry;  // as the nodes see it
  std::string user;      // empty: the one that is kept, if any
  SecretBytes password;
};
struct JoinedCluster {
  std::string address;
  std::string version;
  std::vector<std::string> node_addresses;  // as far as they could be seen
  SecretBytes secret;                       // to be kept, wrapped
};

// Brings Kubernetes clusters in and lets them go. Any thread; every call blocks until the cluster has answered, or for
// some minutes at most.
class ClusterJoiner {
 public:
  virtual ~ClusterJoiner() = default;
  virtual Result<JoinedCluster> join(const JoinRequest& request) = 0;
  // Removes what join() made there. Gives a sentence about what stayed, or nothing.
  virtual Result<std::string> leave(const ClusterAccess& access) = 0;
  // Makes there once more what protects it and join() made where it could.
  virtual Result<void> protect(const ClusterAccess& access) = 0;
  // Makes the cluster's pull secret anew: what runs goes on, what is pulled from now on uses it. Gives what is to be
  // kept instead of the access's secret; nothing where there is no login.
  virtual Result<std::optional<SecretBytes>> set_pull_login(const ClusterAccess& access, const PullLogin& login) = 0;
  virtual Result<std::vector<ClusterFinding>> examine(const ClusterAccess& access) = 0;
};

}  // namespace mifeng::clusters
