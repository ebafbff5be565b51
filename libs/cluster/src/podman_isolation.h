// The packet filter's rules that keep a model's own bridge away from all other bridges of ours, and everybody else's
// containers and machines away from guards, but for the node ports that are published.
//
// netavark isolates networks too, but takes the rule that leads to all isolation away with the last container of any
// isolated network of the machine, and puts it back only when the next one is made (netavark 1.4, iptables driver). So
// these are rules of our own, in a table that netavark does not use and that is asked before the one it does. They name
// bridges by how their names begin, hold for every installation of the machine, and stay.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::cluster {

inline constexpr std::string_view kGuardBridge = "mf-";  // and the installation
inline constexpr std::string_view kModelBridge = "mfo";  // and a hash of the unit

// Each makes the rules that are missing. `packet_filter` is iptables with its options. Blocks for some 10 ms, at most
// 30 s. kUnavailable "no-isolation" where that cannot be done: then no model may have a network.
Result<void> isolate_models(const std::vector<std::string>& packet_filter);
Result<void> isolate_guards(const std::vector<std::string>& packet_filter);

}  // namespace mifeng::cluster
