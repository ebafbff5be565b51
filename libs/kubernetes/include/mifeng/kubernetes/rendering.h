// A workload as Kubernetes' objects, for people too.
#pragma once

#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/json/value.h"
#include "mifeng/kubernetes/kubernetes.h"

namespace mifeng::kubernetes {

// What the engine applies for a deployment, in that order. Nothing but `installation` and `name_space` of the options
// has to be somebody's. kInvalidArgument "bad-workload": a name, port or size that cannot be rendered, with its path.
Result<std::vector<json::Object>> render_objects(const KubernetesOptions& options, const cluster::Workload& workload);

}  // namespace mifeng::kubernetes
