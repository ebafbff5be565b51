// How new pods take the place of old ones. That is decided when a deployment's template changes, by the room there is
// then, and stands in the Deployment from then on: so a decision outlives us, and is not turned over by the room that
// the update itself takes.
#include <algorithm>
#include <array>

#include "kubernetes_engine.h"

namespace mifeng::kubernetes {
namespace {

using cluster::Replacing;
using cluster::Unit;
using cluster::Workload;

Replacing kept_in(const DeploymentSeen& seen) {
  if (seen.strategy == "outage") return Replacing::kOutage;
  return seen.strategy == "in-place" ? Replacing::kInPlace : Replacing::kSurge;
}

Replacing without_room(const Workload& workload) {
  return workload.replicas > 1 ? Replacing::kInPlace : Replacing::kOutage;
}

}  // namespace

// Of our namespace; none where we may not see them.
Task<std::vector<QuotaSeen>> KubernetesEngine::quotas_now() {
  auto answer = co_await api_->call("GET", "/api/v1/namespaces/" + options_.name_space + "/resourcequotas");
  if (!answer) co_return answer.error();
  std::vector<QuotaSeen> seen;
  const json::Value* items =
      answer->success() && answer->object() != nullptr ? answer->object()->find("items") : nullptr;
  if (const json::Array* quotas = items == nullptr ? nullptr : items->if_array())
    for (const json::Value& one : *quotas)
      if (const json::Object* object = one.if_object())
        if (auto quota = quota_in(*object)) seen.push_back(std::move(*quota));
  co_return seen;
}

// Where that cannot be seen, we take it that there is room.
Task<bool> KubernetesEngine::has_room_for_one_more(Workload workload) {
  const json::Object spec = render_pod_spec(options_, workload);
  auto quotas = co_await quotas_now();
  if (!quotas) co_return quotas.error();
  for (const QuotaSeen& quota : *quotas)
    if (!has_room_for(quota, spec)) co_return false;
  if (!is_live() || !live_[kNodes]) {
    const std::vector<Feed> all = feeds(clock_.now_ms());
    static constexpr std::array kWithResources{kNodes, kPods};
    for (const Feeds number : kWithResources) {
      auto listed = co_await list(all[number], all[number].everywhere);
      if (!listed && listed.error().reason() == "forbidden") co_return true;
      if (!listed) co_return listed.error();
    }
  }
  const std::vector<Taken> free = view_.free_on_nodes();
  const Taken asked = taken_by(spec);
  co_return std::any_of(free.begin(), free.end(), [&](const Taken& node) { return asked.fits_into(node); });
}

// A new pod that was to run beside the old ones, and has no room now.
bool KubernetesEngine::has_stuck_surge(const Workload& workload) const {
  bool stuck = false, former = false;
  for (const Unit& unit : view_.units(workload.deployment)) {
    const bool is_new = unit.revision == workload.revision && unit.restart == workload.restart;
    former = former || !is_new;
    stuck = stuck || (is_new && (unit.reason_code == "unschedulable" || unit.reason_code == "quota"));
  }
  return stuck && former;
}

Task<Replacing> KubernetesEngine::choose_replacing(Workload workload) {
  const auto there = view_.deployment(workload.deployment);
  if (must_recreate(workload)) co_return Replacing::kOutage;
  if (!there || there->wanted == 0 || workload.replicas == 0) co_return Replacing::kSurge;
  if (there->revision == workload.revision && there->restart == workload.restart) {
    const Replacing kept = kept_in(*there);
    // What took its room after the decision must not hold an update up for ever.
    if (kept == Replacing::kSurge && workload.replicas > 1 && has_stuck_surge(workload)) co_return Replacing::kInPlace;
    co_return kept;
  }
  auto room = co_await has_room_for_one_more(workload);
  if (!room) co_return room.error();
  co_return *room ? Replacing::kSurge : without_room(workload);
}

Task<std::optional<Replacing>> KubernetesEngine::replacing(Workload workload) {
  if (must_recreate(workload)) co_return std::optional(Replacing::kOutage);
  auto room = co_await has_room_for_one_more(workload);
  if (!room) co_return room.error();
  co_return std::optional(*room ? Replacing::kSurge : without_room(workload));
}

}  // namespace mifeng::kubernetes
