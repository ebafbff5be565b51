#include "cluster_view.h"

#include <algorithm>

#include "objects.h"

namespace mifeng::kubernetes {
namespace {

using cluster::Unit;
using cluster::UnitState;

constexpr std::size_t kEventsMax = 100;

// Removes what is not in `keep`; gives the deployments of what went.
template <typename T, typename Filter>
std::vector<std::string> sweep(std::map<std::string, T>& all, const std::set<std::string>& keep, const Filter& counts) {
  std::vector<std::string> gone;
  for (auto one = all.begin(); one != all.end();) {
    if (keep.contains(one->first) || !counts(one->second)) {
      ++one;
      continue;
    }
    if (!one->second.installation.empty()) gone.push_back(one->second.deployment);
    one = all.erase(one);
  }
  return gone;
}

// Of an event's object: "mf-ID" is the deployment's own, "mf-ID-HASH" a replica set's, "mf-ID-HASH-RANDOM" a pod's.
std::string deployment_of_event(const EventSeen& seen) {
  std::string name = deployment_of(seen.object);
  const int parts = seen.kind == "Pod" ? 2 : seen.kind == "ReplicaSet" ? 1 : 0;
  for (int i = 0; i < parts; ++i) {
    const std::size_t dash = name.rfind('-');
    if (dash == std::string::npos) return {};
    name.resize(dash);
  }
  return name;
}

}  // namespace

ClusterView::News ClusterView::put(PodSeen seen) {
  const std::lock_guard guard(mutex_);
  const std::string key = seen.name_space + "/" + seen.name;
  auto& held = pods_[key];
  const bool was_ours = is_ours(held.installation), ours = is_ours(seen.installation);
  if (ours && was_ours && held.uid == seen.uid)
    seen.change = held.change.empty() ? find_change(held.changeable, seen.changeable).value_or("") : held.change;
  const bool same = held == seen && held.uid == seen.uid && was_ours == ours;
  const std::string deployment = ours ? seen.deployment : held.deployment;
  held = std::move(seen);
  return (ours || was_ours) && !same ? News(deployment) : std::nullopt;
}

ClusterView::News ClusterView::put(DeploymentSeen seen) {
  const std::lock_guard guard(mutex_);
  if (!is_ours(seen.installation)) return std::nullopt;
  auto& held = deployments_[seen.name];
  const bool same = held.resource_version == seen.resource_version && held.uid == seen.uid;
  held = std::move(seen);
  return same ? std::nullopt : News(held.deployment);
}

ClusterView::News ClusterView::put(ServiceSeen seen) {
  const std::lock_guard guard(mutex_);
  auto& held = services_[seen.name_space + "/" + seen.name];
  const bool same = held.resource_version == seen.resource_version;
  const bool was_ours = is_ours(held.installation), ours = is_ours(seen.installation);
  const std::string deployment = ours ? seen.deployment : held.deployment;
  held = std::move(seen);
  return (ours || was_ours) && !same ? News(deployment) : std::nullopt;
}

ClusterView::News ClusterView::put(NodeSeen seen) {
  const std::lock_guard guard(mutex_);
  auto& held = nodes_[seen.name];
  const bool same = held.ready == seen.ready && held.cordoned == seen.cordoned && held.tainted == seen.tainted &&
                    held.addresses == seen.addresses;
  held = std::move(seen);
  return same ? std::nullopt : News("");
}

ClusterView::News ClusterView::put(EventSeen seen, UnixMillis since) {
  if (seen.event.time_ms < since) return std::nullopt;
  const std::lock_guard guard(mutex_);
  if (seen.kind == "PersistentVolumeClaim") return put_claim_locked(seen);
  const std::string deployment = deployment_of_event(seen);
  if (deployment.empty()) return std::nullopt;
  if (!deployments_.contains(object_name(deployment)) && !events_.contains(deployment)) return std::nullopt;
  auto& events = events_[deployment];
  // One that happens again is the same event with a later time.
  std::erase_if(events, [&](const EventSeen& one) { return one.uid == seen.uid; });
  const bool own = seen.is_own;  // no news: it was written for what is known
  events.push_back(std::move(seen));
  if (events.size() > kEventsMax) events.pop_front();
  return own ? std::nullopt : News(deployment);
}

// A claim may be of several deployments; a unit that waits for it shows what was said of it.
ClusterView::News ClusterView::put_claim_locked(const EventSeen& seen) {
  for (const auto& [key, pod] : pods_) {
    if (!is_ours(pod.installation) || pod.scheduler_words.empty()) continue;
    if (std::find(pod.claims.begin(), pod.claims.end(), seen.object) == pod.claims.end()) continue;
    std::string& words = claim_words_[seen.object];
    if (words == seen.event.detail) return std::nullopt;
    words = seen.event.detail;
    return pod.deployment;
  }
  claim_words_.erase(seen.object);
  return std::nullopt;
}

ClusterView::News ClusterView::erase_pod(const std::string& key) {
  const std::lock_guard guard(mutex_);
  const auto held = pods_.extract(key);
  return held && is_ours(held.mapped().installation) ? News(held.mapped().deployment) : std::nullopt;
}

ClusterView::News ClusterView::erase_deployment(const std::string& name) {
  const std::lock_guard guard(mutex_);
  const auto held = deployments_.extract(name);
  if (!held) return std::nullopt;
  events_.erase(held.mapped().deployment);
  return News(held.mapped().deployment);
}

ClusterView::News ClusterView::erase_service(const std::string& key) {
  const std::lock_guard guard(mutex_);
  const auto held = services_.extract(key);
  return held && is_ours(held.mapped().installation) ? News(held.mapped().deployment) : std::nullopt;
}

ClusterView::News ClusterView::erase_node(const std::string& name) {
  const std::lock_guard guard(mutex_);
  return nodes_.erase(name) != 0 ? News("") : std::nullopt;
}

std::vector<std::string> ClusterView::keep_pods(const std::set<std::string>& keys, const Listed& listed) {
  const std::lock_guard guard(mutex_);
  return sweep(pods_, keys, [&](const PodSeen& one) { return is_among(one, listed); });
}

std::vector<std::string> ClusterView::keep_deployments(const std::set<std::string>& names, const Listed& listed) {
  const std::lock_guard guard(mutex_);
  return sweep(deployments_, names, [&](const DeploymentSeen& one) { return is_among(one, listed); });
}

std::vector<std::string> ClusterView::keep_services(const std::set<std::string>& keys, const Listed& listed) {
  const std::lock_guard guard(mutex_);
  return sweep(services_, keys, [&](const ServiceSeen& one) { return is_among(one, listed); });
}

void ClusterView::keep_nodes(const std::set<std::string>& names) {
  const std::lock_guard guard(mutex_);
  std::erase_if(nodes_, [&](const auto& one) { return !names.contains(one.first); });
}

std::optional<DeploymentSeen> ClusterView::deployment(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  const auto found = deployments_.find(object_name(id));
  return found == deployments_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<ServiceSeen> ClusterView::service(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  for (const auto& [key, seen] : services_)
    if (is_ours(seen.installation) && seen.deployment == id) return seen;
  return std::nullopt;
}

std::vector<PodSeen> ClusterView::pods(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  std::vector<PodSeen> pods;
  for (const auto& [key, seen] : pods_)
    if (is_ours(seen.installation) && !seen.ended && (id.empty() || seen.deployment == id)) pods.push_back(seen);
  return pods;
}

std::optional<PodSeen> ClusterView::pod(const std::string& name) const {
  const std::lock_guard guard(mutex_);
  for (const auto& [key, seen] : pods_)
    if (is_ours(seen.installation) && seen.name == name) return seen;
  return std::nullopt;
}

std::vector<ClusterView::Changed> ClusterView::note_changed(const std::string& id, std::int64_t revision,
                                                            const Changeable& rendered) {
  const std::lock_guard guard(mutex_);
  std::vector<Changed> changed;
  for (auto& [key, seen] : pods_) {
    if (!is_ours(seen.installation) || seen.ended || seen.deployment != id) continue;
    if (seen.change.empty() && seen.unit.revision == revision)
      seen.change = find_evident_change(rendered, seen.changeable).value_or("");
    if (!seen.change.empty()) changed.push_back({seen.name, seen.uid, seen.change});
  }
  return changed;
}

std::string ClusterView::change_of(const std::string& uid) const {
  const std::lock_guard guard(mutex_);
  for (const auto& [key, seen] : pods_)
    if (seen.uid == uid) return seen.change;
  return {};
}

std::string ClusterView::words_of_event(const std::string& id, const std::string& pod, std::string_view action) const {
  const auto events = events_.find(id);
  if (events == events_.end()) return {};
  const EventSeen* newest = nullptr;
  for (const EventSeen& one : events->second)
    if (one.kind == "Pod" && one.object == pod && one.event.action == action &&
        (newest == nullptr || newest->event.time_ms <= one.event.time_ms))
      newest = &one;
  return newest == nullptr ? std::string() : newest->event.detail;
}

void ClusterView::explain_locked(const PodSeen& seen, Unit& unit) const {
  const std::string& id = seen.deployment;
  const auto node = nodes_.find(seen.node);
  if (node != nodes_.end() && !node->second.ready && unit.state != UnitState::kExited) {
    unit.take(why_node_lost(seen.node));
    return;
  }
  if (!seen.scheduler_words.empty()) {
    unit.take(why_unschedulable(seen.scheduler_words, seen.taken, free_locked()));
    if (unit.reason_code != "volume-not-bound") return;
    for (const std::string& claim : seen.claims)
      if (const auto words = claim_words_.find(claim); words != claim_words_.end())
        unit.take(why_not_bound(claim, words->second));
    return;
  }
  if (unit.reason_code == "image-not-pulled") {
    // Before 1.32 kubelet says why in an event alone, as soon as it waits for the next try.
    const std::string words = words_of_event(id, unit.name, "Failed");
    if (words.starts_with("Failed to pull image")) unit.take(why_not_pulled(seen.waiting_container, words));
  }
  if (unit.reason_code == "registry-refused") {
    const std::string words = words_of_event(id, unit.name, "FailedToRetrieveImagePullSecret");
    if (!words.empty()) unit.take(why_no_login(words));
  }
  if (unit.reason_code == "not-ready")
    // What the health port answered stands in an event alone.
    if (const std::string words = words_of_event(id, unit.name, "Unhealthy"); !words.empty())
      unit.take(why_not_ready(words));
  if (unit.state != UnitState::kPending || !unit.reason_code.empty()) return;
  for (const char* action : {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"})
    if (const std::string words = words_of_event(id, unit.name, action); !words.empty())
      unit.take(why_not_set_up(words));
}

std::vector<Unit> ClusterView::units_locked(const std::string& id) const {
  std::vector<Unit> units;
  const auto found = deployments_.find(object_name(id));
  const DeploymentSeen* deployment = found == deployments_.end() ? nullptr : &found->second;
  for (const auto& [key, seen] : pods_) {
    if (!is_ours(seen.installation) || seen.ended || seen.deployment != id) continue;
    units.push_back(seen.unit);
    Unit& unit = units.back();
    if (!seen.change.empty()) {
      unit.ready = false;
      unit.take(why_changed(seen.change));
      continue;
    }
    if (unit.ready || unit.state == UnitState::kStopping) continue;
    explain_locked(seen, unit);
    const bool vague =
        unit.reason_code.empty() || unit.reason_code == "not-ready" || unit.reason_code == "not-answering";
    if (deployment != nullptr && deployment->is_overdue && deployment->revision == unit.revision && vague)
      unit.take(why_overdue(deployment->deadline_seconds, unit.reason));
  }
  const auto failed = failures_.find(id);
  if (failed != failures_.end()) units.push_back(failed->second);
  if (deployment != nullptr && !deployment->failure.empty()) {
    Unit unmade;
    unmade.name = deployment->name;
    unmade.deployment = id;
    unmade.revision = deployment->revision;
    unmade.restart = deployment->restart;
    unmade.state = UnitState::kFailed;
    unmade.take(why_not_made(deployment->failure));
    units.push_back(std::move(unmade));
  }
  return units;
}

std::vector<Unit> ClusterView::units(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  return units_locked(id);
}

std::vector<Unit> ClusterView::all_units() const {
  const std::lock_guard guard(mutex_);
  std::set<std::string> ids;
  for (const auto& [name, seen] : deployments_) ids.insert(seen.deployment);
  for (const auto& [key, seen] : pods_)
    if (is_ours(seen.installation)) ids.insert(seen.deployment);
  std::vector<Unit> all;
  for (const std::string& id : ids) {
    auto units = units_locked(id);
    std::move(units.begin(), units.end(), std::back_inserter(all));
  }
  return all;
}

std::vector<cluster::Event> ClusterView::events(const std::string& id) const {
  const std::lock_guard guard(mutex_);
  std::vector<cluster::Event> events;
  for (const auto& [deployment, seen] : events_) {
    if (!id.empty() && deployment != id) continue;
    for (const EventSeen& one : seen) {
      events.push_back(one.event);
      events.back().deployment = deployment;
    }
  }
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  return events;
}

std::vector<std::string> ClusterView::deployments() const {
  const std::lock_guard guard(mutex_);
  std::vector<std::string> ids;
  for (const auto& [name, seen] : deployments_) ids.push_back(seen.deployment);
  return ids;
}

void ClusterView::note_failure(const std::string& id, std::optional<Unit> failure) {
  const std::lock_guard guard(mutex_);
  if (failure) {
    failures_[id] = std::move(*failure);
  } else {
    failures_.erase(id);
  }
}

std::vector<cluster::PortInUse> ClusterView::ports_in_use() const {
  const std::lock_guard guard(mutex_);
  std::map<std::uint16_t, std::string> holders;
  for (const auto& [key, seen] : services_) {
    for (const auto& port : seen.node_ports) holders.emplace(port.node_port, "Service " + key);
    if (seen.health_port != 0) holders.emplace(seen.health_port, "Service " + key);
  }
  for (const auto& [key, seen] : pods_)
    if (!seen.ended)
      for (const std::uint16_t port : seen.host_ports) holders.emplace(port, "Pod " + key);
  std::vector<cluster::PortInUse> ports;
  for (const auto& [port, holder] : holders) ports.push_back({port, holder});
  return ports;
}

// What the scheduler would count: what is allocatable, less what the pods there have requested.
std::vector<cluster::Node> ClusterView::nodes_locked() const {
  std::map<std::string, cluster::Node> nodes;
  for (const auto& [name, seen] : nodes_) {
    cluster::Node& node = nodes[name];
    node.name = name;
    node.ready = seen.ready;
    node.cordoned = seen.cordoned;
    node.addresses = seen.addresses;
    node.cpu_millis.all = node.cpu_millis.free = seen.allocatable.cpu_millis;
    node.memory_bytes.all = node.memory_bytes.free = seen.allocatable.memory_bytes;
    for (const auto& [device, count] : seen.allocatable.devices) {
      // Hugepages and the like are resources too, and no accelerators.
      if (device.starts_with("hugepages-")) continue;
      cluster::Amount& amount = node.accelerators[device];
      amount.all = amount.free = count;
    }
  }
  for (const auto& [key, pod] : pods_) {
    const auto node = nodes.find(pod.node);
    if (pod.ended || node == nodes.end()) continue;
    node->second.cpu_millis.free -= pod.taken.cpu_millis;
    node->second.memory_bytes.free -= pod.taken.memory_bytes;
    for (const auto& [device, count] : pod.taken.devices)
      if (const auto found = node->second.accelerators.find(device); found != node->second.accelerators.end())
        found->second.free -= count;
  }
  std::vector<cluster::Node> list;
  for (auto& [name, node] : nodes) list.push_back(std::move(node));
  return list;
}

cluster::Capacity ClusterView::capacity() const {
  const std::lock_guard guard(mutex_);
  cluster::Capacity capacity;
  const auto add = [](cluster::Amount& to, const cluster::Amount& more) {
    to.all += more.all;
    to.free += more.free;
  };
  for (const cluster::Node& node : nodes_locked()) {
    if (!node.ready || node.cordoned) continue;
    add(capacity.cpu_millis, node.cpu_millis);
    add(capacity.memory_bytes, node.memory_bytes);
    for (const auto& [device, amount] : node.accelerators) add(capacity.accelerators[device], amount);
  }
  return capacity;
}

std::vector<Taken> ClusterView::free_locked() const {
  struct Left {
    Taken taken;
    std::int64_t pods = 0;
  };
  std::map<std::string, Left> left;
  for (const auto& [name, node] : nodes_)
    if (node.ready && !node.cordoned && !node.tainted) left[name] = {.taken = node.allocatable, .pods = node.pods};
  for (const auto& [key, pod] : pods_) {
    const auto node = pod.ended ? left.end() : left.find(pod.node);
    if (node == left.end()) continue;
    node->second.taken.subtract(pod.taken);
    --node->second.pods;
  }
  std::vector<Taken> free;
  for (auto& [name, node] : left)
    if (node.pods > 0) free.push_back(std::move(node.taken));
  return free;
}

std::vector<Taken> ClusterView::free_on_nodes() const {
  const std::lock_guard guard(mutex_);
  return free_locked();
}

std::vector<cluster::Node> ClusterView::nodes() const {
  const std::lock_guard guard(mutex_);
  return nodes_locked();
}

}  // namespace mifeng::kubernetes
