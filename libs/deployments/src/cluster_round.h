// One look at a cluster as a whole: whether it answers, and what runs there that nobody wants.
#pragma once

#include <set>
#include <string>

#include "mifeng/base/result.h"

namespace mifeng::deployments {

struct Context;

// Whether the cluster answers, and as what: into its row. kUnavailable where it does not.
Result<void> probe_cluster(const Context& context, const std::string& cluster);
// What carries our label and nobody wants any more: deployments whose row went while their units did not. None while
// something newer than the database runs there (ClusterRow::sweep_held).
Result<std::set<std::string>> find_orphans(const Context& context, const std::string& cluster);
// Gives the number of steps taken.
Result<int> remove_orphan(const Context& context, const std::string& cluster, const std::string& id);

}  // namespace mifeng::deployments
