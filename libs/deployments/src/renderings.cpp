#include "mifeng/deployments/renderings.h"

#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/trust/rows.h"

namespace mifeng::deployments {
namespace {

constexpr std::size_t kKept = 4096;

}  // namespace

Result<Renderings::Pod> Renderings::of(const Context& context, store::Transaction& tx,
                                       const store::RevisionRow& revision) {
  {
    const std::lock_guard guard(mutex_);
    if (const auto found = pods_.find(revision.id); found != pods_.end()) return found->second;
  }
  MIFENG_TRY(const auto overlay, parse_overlay(revision.overlay_json));
  // Whatever was said of the version since: what runs goes on.
  MIFENG_TRY(const auto prepared, prepare(tx, revision.version_id, overlay, VersionRule::kAny));
  MIFENG_TRY(const auto row, store::find<store::DeploymentRow>(tx, revision.deployment_id));
  if (!row) return trust::not_found("deployment", revision.deployment_id);
  MIFENG_TRY(auto rendered, render(context, prepared, revision.deployment_id, row->model_user));
  auto pod = std::make_shared<const cluster::PodTemplate>(std::move(rendered));
  const std::lock_guard guard(mutex_);
  if (pods_.size() >= kKept) pods_.clear();
  pods_[revision.id] = pod;
  return pod;
}

}  // namespace mifeng::deployments
