// Kubernetes clusters, as libs/clusters brings them in and libs/kubernetes knows them.
#pragma once

#include <memory>
#include <string>

#include "mifeng/clusters/engine_factory.h"

namespace mifeng::daemon {

class KubernetesJoiner final : public clusters::ClusterJoiner {
 public:
  explicit KubernetesJoiner(std::string installation) : installation_(std::move(installation)) {}
  Result<clusters::JoinedCluster> join(const clusters::JoinRequest& request) override;
  Result<std::optional<SecretBytes>> set_pull_login(const clusters::ClusterAccess& access,
                                                    const clusters::PullLogin& login) override;
  Result<std::string> leave(const clusters::ClusterAccess& access) override;
  Result<void> protect(const clusters::ClusterAccess& access) override;
  Result<std::vector<clusters::ClusterFinding>> examine(const clusters::ClusterAccess& access) override;

 private:
  const std::string installation_;
};

// It does not talk to the cluster yet. `deadline_seconds`: after which a rollout that stands still has failed.
Result<std::shared_ptr<cluster::Engine>> kubernetes_engine(const std::string& installation, int deadline_seconds,
                                                           const clusters::ClusterAccess& access, const Clock& clock);

}  // namespace mifeng::daemon
