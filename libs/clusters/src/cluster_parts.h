// What the files of ClusterService share.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

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

// One call at a time for each id.
class UnderWay {
 public:
  static Result<std::unique_ptr<UnderWay>> begin(std::mutex& mutex, std::set<std::string>& ids, const std::string& id) {
    const std::lock_guard guard(mutex);
    if (!ids.insert(id).second)
      return Error(ErrorCode::kConflict, "cluster-busy",
                   "The cluster " + id + " is being added, changed or removed at this moment.");
    return std::unique_ptr<UnderWay>(new UnderWay(mutex, ids, id));
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;
  ~UnderWay() {
    const std::lock_guard guard(mutex_);
    ids_.erase(id_);
  }

 private:
  UnderWay(std::mutex& mutex, std::set<std::string>& ids, const std::string& id) : mutex_(mutex), ids_(ids), id_(id) {}
  std::mutex& mutex_;
  std::set<std::string>& ids_;
  const std::string id_;
};

}  // namespace mifeng::clusters
