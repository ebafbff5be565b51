// The engine on a cluster: Kubernetes 1.21 and later, by its API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mifeng/cluster/engine.h"
#include "mifeng/kubernetes/login.h"
#include "mifeng/manifest/pod_template.h"

namespace mifeng::kubernetes {

struct KubernetesOptions {
  std::string installation;  // id: 32 hex digits
  std::string name_space;    // of everything that is made; it must exist
  std::vector<std::string> start_command{manifest::kGuardProgram, "--copy-start", manifest::kStartFolder};
  int min_ready_seconds = 5;             // for which a new unit has to be ready before an old one goes
  int progress_deadline_seconds = 1800;  // after which a rollout that stands still has failed
};

// kInvalidArgument "bad-options", "bad-kubeconfig". Does not talk to the API server yet. `clock` must outlive the
// engine.
Result<std::unique_ptr<cluster::Engine>> create_kubernetes_engine(Login login, const KubernetesOptions& options,
                                                                  const Clock& clock);

}  // namespace mifeng::kubernetes
