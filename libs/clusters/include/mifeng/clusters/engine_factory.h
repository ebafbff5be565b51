// Who makes the engines.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mifeng/base/result.h"
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
};
// Makes the engine of a cluster; it does not have to answer yet. Null where this process runs none of that kind: what
// is deployed there then stays pending.
using EngineFactory = std::function<Result<std::shared_ptr<cluster::Engine>>(const ClusterAccess&)>;

}  // namespace mifeng::clusters
