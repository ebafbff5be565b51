// Clusters as they stand in the table.
#pragma once

#include <string>
#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/clusters/cluster_service.h"
#include "mifeng/store/clusters.h"

namespace mifeng::trust {
struct Context;
}

namespace mifeng::vault {
class Wrapper;
}

namespace mifeng::clusters {

struct ClusterAccess;

// How the cluster of this row is reached. kVerificationFailed where its secret does not open.
Result<ClusterAccess> access_of(const vault::Wrapper& wrapper, const store::ClusterRow& row);
// The id, "local" for an empty one; kNotFound where there is none.
Result<std::string> known_cluster(store::Transaction& tx, const std::string& id);
// "a b c" as a list, and back.
std::vector<std::string> words_of(const std::string& text);
std::string words_text(const std::vector<std::string>& words);
// What was seen of the cluster; written where it differs. Audited where the state does. Gives whether gateways have to
// hear of it: of other node addresses.
Result<bool> note_cluster(const trust::Context& context, const std::string& id, ClusterState state,
                          const std::string& reason, const cluster::ClusterFacts& facts);

}  // namespace mifeng::clusters
