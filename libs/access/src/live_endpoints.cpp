#include "mifeng/access/live_endpoints.h"

#include <map>
#include <set>
#include <utility>

#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/store/clusters.h"

namespace mifeng::access {

Result<std::vector<LiveEndpoint>> live_endpoints(store::Transaction& tx, std::vector<store::EndpointRow> rows,
                                                 const std::vector<store::InstanceRow>& instances) {
  std::set<std::pair<std::string, std::string>> units;
  std::set<std::string> deployments;
  for (const auto& instance : instances) {
    units.insert({instance.cluster_id, instance.unit});
    deployments.insert(instance.deployment_id);
  }
  MIFENG_TRY(const auto clusters, store::all<store::ClusterRow>(tx));
  std::map<std::string, std::vector<std::string>> nodes;
  for (const auto& cluster : clusters) nodes[cluster.id] = clusters::words_of(cluster.node_addresses);
  std::vector<LiveEndpoint> live;
  for (store::EndpointRow& row : rows) {
    const bool leads_somewhere =
        row.unit.empty() ? deployments.contains(row.deployment_id) : units.contains({row.cluster_id, row.unit});
    if (!leads_somewhere) continue;
    LiveEndpoint endpoint;
    for (const std::string& node : nodes[row.cluster_id]) {
      const std::string host = node.find(':') == std::string::npos ? node : "[" + node + "]";
      endpoint.addresses.push_back(host + ":" + std::to_string(row.node_port));
    }
    endpoint.row = std::move(row);
    live.push_back(std::move(endpoint));
  }
  return live;
}

}  // namespace mifeng::access
