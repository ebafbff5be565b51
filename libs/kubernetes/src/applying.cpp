// One step of a deployment towards what is wanted. Kubernetes' controllers do the rest.
#include <algorithm>

#include "kubernetes_engine.h"
#include "mifeng/cluster/json_path.h"
#include "mifeng/net/http.h"
#include "reasons.h"

namespace mifeng::kubernetes {
namespace {

using namespace std::chrono_literals;
using cluster::ApplyResult;
using cluster::text_at;
using cluster::Unit;
using cluster::UnitState;
using cluster::Workload;

constexpr std::chrono::seconds kEndingMax{120};  // beyond the grace period
constexpr std::chrono::milliseconds kLook{300};
constexpr std::string_view kPortTaken = "port-taken";
constexpr std::chrono::milliseconds kPortPause{500};
constexpr int kPortTries = 6;
// The API server looks every three minutes for ports that are allocated to nobody, and frees one at the third look.
constexpr UnixMillis kAllocatedFor = 10LL * 60 * 1000;

// What stands for units that could not be made.
Unit unmade(const Workload& workload, const Error& why) {
  Unit unit;
  unit.name = object_name(workload.deployment);
  unit.deployment = workload.deployment;
  unit.revision = workload.revision;
  unit.restart = workload.restart;
  unit.state = UnitState::kFailed;
  const bool no_room = why.reason() == "quota";
  unit.take(why.reason() == kPortTaken ? why_port_taken(why.message())
            : no_room                  ? why_not_made(why.message())
                                       : why_refused(std::string(why.reason()), why.message()));
  unit.node_ports = workload.node_ports;
  return unit;
}

// A refusal of a service whose port somebody else has: 422 with the field's cause.
bool is_taken_port(const Answer& answer) {
  return answer.status == 422 && std::any_of(answer.causes.begin(), answer.causes.end(), [](const std::string& cause) {
           return cause.find("nodePort") != std::string::npos && cause.find("already allocated") != std::string::npos;
         });
}

}  // namespace

Task<void> KubernetesEngine::apply_common() {
  if (has_common_) co_return ok();
  for (const Rendered& rendered : render_common(options_)) {
    auto applied = co_await api_->apply(target_of(rendered.kind, options_.name_space, rendered.name),
                                        field_manager(options_), rendered.object);
    if (!applied) co_return applied.error();
    if (!applied->success()) co_return error_of(*applied, "make the service account " + rendered.name);
  }
  has_common_ = true;
  co_return ok();
}

// An object of that name that another installation made, or somebody by hand, is not ours to change.
Task<void> KubernetesEngine::refuse_others(Rendered rendered) {
  auto there = co_await api_->call("GET", target_of(rendered.kind, options_.name_space, rendered.name));
  if (!there) co_return there.error();
  if (there->status == 404) co_return ok();
  if (!there->success() || there->object() == nullptr) co_return error_of(*there, "look at " + rendered.name);
  if (text_at(*there->object(), "metadata", "labels", kLabelInstallation) == options_.installation) co_return ok();
  co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                  "the object " + rendered.name + " in the namespace " + options_.name_space +
                      " does not belong to this installation of Mifeng");
}

// Whether somebody else is seen to have one of its node ports.
bool KubernetesEngine::is_others_port(const Workload& workload) const {
  const std::string own = "Service " + options_.name_space + "/" + object_name(workload.deployment);
  const auto in_use = view_.ports_in_use();
  return std::any_of(in_use.begin(), in_use.end(), [&](const cluster::PortInUse& one) {
    return one.holder != own &&
           std::any_of(workload.node_ports.begin(), workload.node_ports.end(),
                       [&](const cluster::NodePort& wanted) { return wanted.node_port == one.port; });
  });
}

// An API server that was asked to make a service by somebody who was then gone may keep its port for nobody: such a
// port is as little free as one that is held.
void KubernetesEngine::note_allocated_ports(const Workload& workload, const std::string& refusal) {
  const std::lock_guard guard(mutex_);
  for (const cluster::NodePort& wanted : workload.node_ports)
    if (refusal.find(std::to_string(wanted.node_port)) != std::string::npos)
      allocated_until_ms_[wanted.node_port] = clock_.now_ms() + kAllocatedFor;
}

// Whether anything was changed by it.
Task<bool> KubernetesEngine::apply_object(const Workload& workload, Rendered rendered) {
  const auto deployment = view_.deployment(workload.deployment);
  const auto service = view_.service(workload.deployment);
  const bool known = (rendered.kind == Kind::kDeployment && deployment) || (rendered.kind == Kind::kService && service);
  const std::string target = target_of(rendered.kind, options_.name_space, rendered.name);
  if (rendered.kind == Kind::kClaim) {
    // Somebody else's that asks for the same as ours would be no conflict, and ours from then on.
    auto ours = co_await refuse_others(rendered);
    if (!ours) co_return ours.error();
  }
  // What we have seen to be ours is set by force, whoever changed it. Else a field that somebody else has is a
  // conflict, and then we look whose the object is.
  auto answer = co_await api_->apply(target, field_manager(options_), rendered.object, known);
  if (!answer) co_return answer.error();
  if (answer->status == 409 && !known) {
    auto ours = co_await refuse_others(rendered);
    if (!ours) co_return ours.error();
    answer = co_await api_->apply(target, field_manager(options_), rendered.object, true);
    if (!answer) co_return answer.error();
  }
  // A port is allocated before its service can be seen, and a moment longer than it is. Where nobody is seen to have
  // it, it may well be our own: of a request whose answer was lost, or of a mifengd that was killed.
  for (int tries = 1; is_taken_port(*answer) && tries < kPortTries && !is_others_port(workload); ++tries) {
    co_await net::sleep_for(kPortPause);
    answer = co_await api_->apply(target, field_manager(options_), rendered.object, known);
    if (!answer) co_return answer.error();
  }
  if (is_taken_port(*answer)) {
    if (!is_others_port(workload)) note_allocated_ports(workload, answer->message);
    co_return Error(ErrorCode::kConflict, "port-taken", answer->message);
  }
  if (!answer->success()) co_return error_of(*answer, "set " + rendered.name);
  if (answer->status == 201 || answer->object() == nullptr) co_return true;
  if (rendered.kind == Kind::kDeployment) {
    const DeploymentSeen now = deployment_in(*answer->object());
    const bool changed = !deployment || deployment->generation != now.generation;
    (void)view_.put(now);  // so that the next look does not take what was before for what is
    co_return changed;
  }
  if (rendered.kind == Kind::kService) {
    const ServiceSeen now = service_in(*answer->object());
    const bool changed = !service || service->resource_version != now.resource_version;
    (void)view_.put(now);
    co_return changed;
  }
  co_return false;  // what serves the others says nothing of them
}

// A pod that somebody changed is not what was rendered any more, and has what it was granted in its memory: it goes at
// once. Its replica set makes another.
Task<void> KubernetesEngine::end_changed(const Workload& workload) {
  const auto changed =
      view_.note_changed(workload.deployment, workload.revision, changeable_parts(render_pod_spec(options_, workload)));
  for (const ClusterView::Changed& one : changed) {
    json::Object options{{"gracePeriodSeconds", 1}, {"preconditions", json::Object{{"uid", one.uid}}}};
    auto answer = co_await api_->call("DELETE", "/api/v1/namespaces/" + options_.name_space + "/pods/" + one.pod,
                                      std::move(options));
    if (!answer) co_return answer.error();
    if (!answer->success() && answer->status != 404 && answer->status != 409)
      co_return error_of(*answer, "delete the changed pod " + one.pod);
  }
  co_return ok();
}

Task<ApplyResult> KubernetesEngine::apply(Workload workload) {
  MIFENG_CO_CHECK(validate(workload));
  const auto held = co_await deployments_.acquire(workload.deployment);
  auto looked = co_await look_unless_live(workload.deployment);
  if (!looked) co_return looked.error();
  auto common = co_await apply_common();
  if (!common) co_return common.error();
  auto ended = co_await end_changed(workload);
  if (!ended) co_return ended.error();
  // Before the deployment is told, so that a crash in between does not hide that there was one.
  const auto before = view_.deployment(workload.deployment);
  if (workload.replicas <= 1 && before && before->wanted > 1) {
    const Rendered budget{Kind::kDisruptionBudget, object_name(workload.deployment), {}};
    auto ours = co_await refuse_others(budget);
    if (!ours) co_return ours.error();
    auto gone = co_await remove_object(budget.kind, budget.name);
    if (!gone) co_return gone.error();
  }
  ApplyResult result;
  std::optional<Error> failure;
  auto replacing = co_await choose_replacing(workload);
  if (!replacing) co_return replacing.error();
  for (const Rendered& rendered : render(options_, workload, *replacing)) {
    auto changed = co_await apply_object(workload, rendered);
    if (!changed && changed.error().code() == ErrorCode::kPermissionDenied && changed.error().reason() == "not-ours")
      co_return changed.error();
    if (!changed && (changed.error().reason() == "api-unavailable" || changed.error().reason() == "api-slow"))
      co_return changed.error();
    if (!changed) {
      failure = changed.error();  // pods without their ports would serve nobody
      break;
    }
    result.changed = result.changed || *changed;
  }
  view_.note_failure(workload.deployment, failure ? std::optional(unmade(workload, *failure)) : std::nullopt);
  if (!is_live()) {
    looked = co_await look_at(workload.deployment);
    if (!looked) co_return looked.error();
  }
  auto units = co_await explained_units(workload.deployment);
  if (!units) co_return units.error();
  result.units = std::move(*units);
  const auto deployment = view_.deployment(workload.deployment);
  const bool pods_are_as_wanted =
      std::all_of(result.units.begin(), result.units.end(),
                  [&](const Unit& unit) {
                    return unit.state != UnitState::kStopping && unit.state != UnitState::kFailed &&
                           unit.revision == workload.revision && unit.restart == workload.restart;
                  }) &&
      static_cast<int>(result.units.size()) == workload.replicas;
  result.settled = !failure && deployment && deployment->is_rolled_out() && pods_are_as_wanted;
  co_return result;
}

// Kubelet starts what has ended by itself, later each time; to make another pod would be no faster and lose its log.
Task<void> KubernetesEngine::restart(std::string name) {
  auto answer =
      co_await api_->call("GET", "/api/v1/namespaces/" + options_.name_space + "/pods/" + net::percent_encode(name));
  if (!answer) co_return answer.error();
  if (answer->status == 404) co_return Error(ErrorCode::kNotFound, "no-such-unit", "there is no pod " + name);
  if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "look at the pod " + name);
  if (text_at(*answer->object(), "metadata", "labels", kLabelInstallation) != options_.installation)
    co_return Error(ErrorCode::kPermissionDenied, "not-ours",
                    "the pod " + name + " does not belong to this installation of Mifeng");
  co_return ok();
}

Task<void> KubernetesEngine::remove_object(Kind kind, std::string name, std::string uid) {
  json::Object options{{"propagationPolicy", "Background"}};
  if (!uid.empty()) options.set("preconditions", json::Object{{"uid", uid}});
  auto answer = co_await api_->call("DELETE", target_of(kind, options_.name_space, name), std::move(options));
  if (!answer) co_return answer.error();
  if (answer->success() || answer->status == 404) co_return ok();
  co_return error_of(*answer, "delete " + name);
}

Task<void> KubernetesEngine::wait_without_pods(std::string deployment) {
  std::optional<std::chrono::steady_clock::time_point> until;
  for (;;) {
    auto answer = co_await api_->call("GET", "/api/v1/namespaces/" + options_.name_space +
                                                 "/pods?labelSelector=" + net::percent_encode(selector(deployment)));
    if (!answer) co_return answer.error();
    if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "list the pods");
    const json::Value* items = answer->object()->find("items");
    const json::Array* pods = items == nullptr ? nullptr : items->if_array();
    if (pods == nullptr || pods->empty()) co_return ok();
    std::int64_t grace = 0;
    for (const json::Value& pod : *pods)
      if (const json::Object* object = pod.if_object())
        grace = std::max(grace, cluster::integer_at(*object, "spec", "terminationGracePeriodSeconds"));
    if (!until) until = std::chrono::steady_clock::now() + std::chrono::seconds(grace) + kEndingMax;
    if (std::chrono::steady_clock::now() > *until)
      co_return Error(ErrorCode::kTimeout, "api-slow",
                      std::to_string(pods->size()) + " pods of " + deployment + " have not ended in time");
    co_await net::sleep_for(kLook);
  }
}

Task<void> KubernetesEngine::remove(std::string deployment) {
  const auto held = co_await deployments_.acquire(deployment);
  auto looked = co_await look_at(deployment);
  if (!looked) co_return looked.error();
  const std::string name = object_name(deployment);
  const auto there = view_.deployment(deployment);
  if (there) {
    auto removed = co_await remove_object(Kind::kDeployment, name, there->uid);
    if (!removed && removed.error().code() != ErrorCode::kConflict) co_return removed.error();
  }
  auto gone = co_await wait_without_pods(deployment);
  if (!gone) co_return gone.error();
  // Only then: a port that is free is nobody's any more.
  const auto service = view_.service(deployment);
  std::vector<Kind> kinds{Kind::kDisruptionBudget, Kind::kNetworkPolicy};
  if (service) kinds.push_back(Kind::kService);
  for (const Kind kind : kinds) {
    const Rendered rendered{kind, name, {}};
    auto ours = co_await refuse_others(rendered);
    if (!ours && ours.error().reason() == "not-ours") continue;
    if (!ours) co_return ours.error();
    auto removed = co_await remove_object(kind, name);
    if (!removed) co_return removed.error();
  }
  view_.note_failure(deployment, std::nullopt);
  co_return co_await look_at(deployment);
}

Task<void> KubernetesEngine::remove_claims(std::vector<std::string> claims) {
  for (const std::string& claim : claims) {
    const Rendered rendered{Kind::kClaim, claim_name(claim), {}};
    auto ours = co_await refuse_others(rendered);
    if (!ours) co_return ours.error();
    // One that a pod uses goes with its last pod: Kubernetes sees to that.
    auto removed = co_await remove_object(Kind::kClaim, rendered.name);
    if (!removed) co_return removed.error();
  }
  co_return ok();
}

Task<void> KubernetesEngine::remove_everything() {
  auto looked = co_await look_at("");
  if (!looked) co_return looked.error();
  std::set<std::string> ids;
  for (const std::string& id : view_.deployments()) ids.insert(id);
  for (const auto& unit : view_.all_units()) ids.insert(unit.deployment);
  for (const std::string& id : ids) {  // their pods begin to end side by side
    const auto there = view_.deployment(id);
    if (!there) continue;
    auto removed = co_await remove_object(Kind::kDeployment, object_name(id), there->uid);
    if (!removed && removed.error().code() != ErrorCode::kConflict) co_return removed.error();
  }
  for (const std::string& id : ids) {
    auto removed = co_await remove(id);
    if (!removed) co_return removed.error();
  }
  // What a crash left without its deployment.
  static constexpr std::array kSwept{Kind::kService, Kind::kDisruptionBudget, Kind::kNetworkPolicy};
  for (const Kind kind : kSwept) {
    auto answer = co_await api_->call(
        "GET", target_of(kind, options_.name_space) + "?labelSelector=" + net::percent_encode(selector("")));
    if (!answer) co_return answer.error();
    if (!answer->success() || answer->object() == nullptr) co_return error_of(*answer, "list what is ours");
    const json::Value* items = answer->object()->find("items");
    const json::Array* objects = items == nullptr ? nullptr : items->if_array();
    if (objects == nullptr) continue;
    for (const json::Value& one : *objects) {
      if (const json::Object* object = one.if_object()) {
        auto removed = co_await remove_object(kind, text_at(*object, "metadata", "name"));
        if (!removed) co_return removed.error();
      }
    }
  }
  co_return co_await look_at("");
}

}  // namespace mifeng::kubernetes
