// What revisions render to.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "mifeng/cluster/pod_template.h"
#include "mifeng/store/deployments.h"

namespace mifeng::deployments {

struct Context;

// A revision never changes, so it is rendered once. Any thread.
class Renderings {
 public:
  using Pod = std::shared_ptr<const cluster::PodTemplate>;  // shared with whoever compares by it just now
  Result<Pod> of(const Context& context, store::Transaction& tx, const store::RevisionRow& revision);

 private:
  std::mutex mutex_;
  std::map<std::int64_t, Pod> pods_;  // by the revision's id
};

}  // namespace mifeng::deployments
