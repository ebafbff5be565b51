// What revisions render to.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "mifeng/cluster/pod_template.h"
#include "mifeng/store/deployments.h"

namespace mifeng::deployments {

struct Context;

// A revision never changes, so it is rendered once for the registry that its cluster's images come from. Any thread.
class Renderings {
 public:
  using Pod = std::shared_ptr<const cluster::PodTemplate>;  // shared with whoever compares by it just now
  Result<Pod> of(const Context& context, store::Transaction& tx, const store::DeploymentRow& deployment,
                 const store::RevisionRow& revision);

 private:
  std::mutex mutex_;
  struct Kept {
    std::string registry;
    Pod pod;
  };
  std::map<std::int64_t, Kept> pods_;  // by the revision's id
};

}  // namespace mifeng::deployments
