#include "mifeng/clusters/cluster_set.h"

#include "mifeng/clusters/engine_call.h"

namespace mifeng::clusters {

ClusterSet::ClusterSet(EngineFactory factory) : factory_(std::move(factory)), loop_(new EngineLoop) {}
ClusterSet::~ClusterSet() = default;

Result<void> ClusterSet::open(const ClusterAccess& access) {
  {
    const std::lock_guard guard(mutex_);
    kinds_[access.id] = access.kind;
  }
  if (!factory_) return ok();
  MIFENG_TRY(auto engine, factory_(access));
  if (!engine) return ok();
  const std::lock_guard guard(mutex_);
  engines_[access.id] = std::move(engine);
  return ok();
}

void ClusterSet::close(const std::string& id) {
  std::shared_ptr<cluster::Engine> engine;  // ends without our lock
  const std::lock_guard guard(mutex_);
  if (const auto found = engines_.find(id); found != engines_.end()) {
    engine = std::move(found->second);
    engines_.erase(found);
  }
  kinds_.erase(id);
}

std::vector<std::string> ClusterSet::ids() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, engine] : engines_) ids.push_back(id);
  return ids;
}

std::shared_ptr<cluster::Engine> ClusterSet::find(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = engines_.find(id);
  return found == engines_.end() ? nullptr : found->second;
}

std::optional<ClusterKind> ClusterSet::kind_of(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = kinds_.find(id);
  return found == kinds_.end() ? std::nullopt : std::optional(found->second);
}

bool ClusterSet::is_here(const std::string& id) const { return kind_of(id) == ClusterKind::kPodman; }

Error ClusterSet::no_engine(const std::string& id) const {
  return Error(ErrorCode::kUnavailable, "no-engine",
               "No engine is connected for the cluster " + id + " that could run containers.");
}

}  // namespace mifeng::clusters
