// What the files of ClusterService share.
#pragma once

#include "mifeng/clusters/cluster_service.h"
#include "mifeng/store/clusters.h"

namespace mifeng::clusters {

Result<Cluster> cluster_of(store::Transaction& tx, const store::ClusterRow& row);
// kNotFound.
Result<store::ClusterRow> find_cluster(store::Transaction& tx, const std::string& id);

// kInvalidArgument "bad-node-addresses", "bad-registry", "bad-guard-url".
Result<void> check_node_addresses(const std::vector<std::string>& addresses);
Result<void> check_registry(const std::string& registry);
Result<void> check_guard_url(const std::string& url);

}  // namespace mifeng::clusters
