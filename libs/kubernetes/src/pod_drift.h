// Is a pod what was rendered? Pure functions: no I/O.
#pragma once

#include <optional>
#include <string>

#include "mifeng/json/value.h"

namespace mifeng::kubernetes {

// The first field of a pod's spec, as the API server has it, that is not as rendered: "containers[0].command is
// [\"sh\"], rendered was [\"/mifeng/bin/mifeng-guard\"]". Nothing where they agree.
//
// Where a pod runs and what it may take is for the cluster to say: node, scheduling, tolerations, priority, resources,
// pull policy, pull secrets and the registry's host are not compared. Everything else is, and a field that is not known
// here counts as a difference.
std::optional<std::string> find_pod_drift(const json::Object& rendered, const json::Object& spec);

}  // namespace mifeng::kubernetes
