// Is a pod what was rendered? Pure functions: no I/O.
#pragma once

#include <map>
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

// What an API server lets others change of a pod that exists, by what it is called in a sentence: "the image of the
// container model". Images are without their registry's host. Nothing else of a spec that matters here can change, and
// what a newer API server adds to one of itself does not count as a change.
using Changeable = std::map<std::string, std::string>;
Changeable changeable_parts(const json::Object& spec);
// "the image of the container model was acme/digits@sha256:… and is …"; nothing where nothing has changed.
std::optional<std::string> find_change(const Changeable& before, const Changeable& now);
// The same of a pod that was not seen from its beginning, by what its revision renders to now. A newer platform renders
// another guard, and what runs is to go on then; so of the guard's image only this is known, that `start` has the same.
std::optional<std::string> find_evident_change(const Changeable& rendered, const Changeable& seen);

}  // namespace mifeng::kubernetes
