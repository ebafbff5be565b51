#include "mifeng/deployments/renderings.h"

#include "mifeng/deployments/deployment_rows.h"

namespace mifeng::deployments {
namespace {

constexpr std::size_t kKept = 4096;

}  // namespace

Result<Renderings::Pod> Renderings::of(const Context& context, store::Transaction& tx,
                                       const store::DeploymentRow& deployment, const store::RevisionRow& revision) {
  MIFENG_TRY(const std::string registry, registry_of(context, tx, deployment.cluster_id));
  {
    const std::lock_guard guard(mutex_);
    const auto found = pods_.find(revision.id);
    if (found != pods_.end() && found->second.registry == registry) return found->second.pod;
  }
  MIFENG_TRY(const auto overlay, parse_overlay(revision.overlay_json));
  // Whatever was said of the version since: what runs goes on.
  MIFENG_TRY(const auto prepared, prepare(tx, revision.version_id, overlay, VersionRule::kAny));
  MIFENG_TRY(auto rendered, render(context, prepared, deployment.id, deployment.model_user, registry,
                                   lame_duck_of(context, deployment.cluster_id)));
  auto pod = std::make_shared<const cluster::PodTemplate>(std::move(rendered));
  const std::lock_guard guard(mutex_);
  if (pods_.size() >= kKept) pods_.clear();
  pods_[revision.id] = {registry, pod};
  return pod;
}

}  // namespace mifeng::deployments
