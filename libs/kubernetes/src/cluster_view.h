// What is known of a cluster: kept by watches, or filled by a look where nobody watches. Any thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "seen.h"

namespace mifeng::kubernetes {

class ClusterView {
 public:
  explicit ClusterView(std::string installation) : installation_(std::move(installation)) {}

  // Each gives the deployment of ours of which something changed, or nothing. `key` is NAMESPACE/NAME.
  using News = std::optional<std::string>;
  News put(PodSeen seen);
  News put(DeploymentSeen seen);
  News put(ServiceSeen seen);
  News put(NodeSeen seen);
  News put(EventSeen seen, UnixMillis since);
  News erase_pod(const std::string& key);
  News erase_deployment(const std::string& name);
  News erase_service(const std::string& key);
  News erase_node(const std::string& name);
  // What a listing did not show goes. Gives the deployments of what went.
  struct Listed {
    bool only_ours = false;
    std::string deployment{};  // of ours; "" is all of them
  };
  std::vector<std::string> keep_pods(const std::set<std::string>& keys, const Listed& listed);
  std::vector<std::string> keep_deployments(const std::set<std::string>& names, const Listed& listed);
  std::vector<std::string> keep_services(const std::set<std::string>& keys, const Listed& listed);
  void keep_nodes(const std::set<std::string>& names);

  // ---- of ours
  std::optional<DeploymentSeen> deployment(const std::string& id) const;
  std::optional<ServiceSeen> service(const std::string& id) const;
  std::vector<PodSeen> pods(const std::string& id) const;  // "" is of all; those that kubelet has not given up
  std::optional<PodSeen> pod(const std::string& name) const;
  // The pods of a deployment that were seen to change, and those of this revision that evidently have
  // (find_evident_change). It stays said of a pod for as long as that is there.
  struct Changed {
    std::string pod, uid, what;
  };
  std::vector<Changed> note_changed(const std::string& id, std::int64_t revision, const Changeable& rendered);
  // The same of one pod, as it was seen so far; empty where it was not changed.
  std::string change_of(const std::string& uid) const;
  // A deployment's units: its pods, and what stands for those that could not be made.
  std::vector<cluster::Unit> units(const std::string& id) const;
  std::vector<cluster::Unit> all_units() const;
  std::vector<cluster::Event> events(const std::string& id) const;  // "" is of all, each with its deployment
  std::vector<std::string> deployments() const;

  // Why the last apply() of a deployment did not do what it should; none after one that did.
  void note_failure(const std::string& id, std::optional<cluster::Unit> failure);

  // ---- of everybody's
  std::vector<cluster::PortInUse> ports_in_use() const;
  cluster::Capacity capacity() const;
  std::vector<cluster::Node> nodes() const;
  // What each node has left that takes units of ours, in no order.
  std::vector<Taken> free_on_nodes() const;

 private:
  bool is_ours(const std::string& installation) const { return installation == installation_; }
  template <typename T>
  bool is_among(const T& seen, const Listed& listed) const {
    if (!listed.only_ours) return true;
    return is_ours(seen.installation) && (listed.deployment.empty() || seen.deployment == listed.deployment);
  }
  std::vector<cluster::Unit> units_locked(const std::string& id) const;
  std::vector<cluster::Node> nodes_locked() const;
  std::vector<Taken> free_locked() const;
  // What is known beyond the pod itself of why a unit does not run.
  void explain_locked(const PodSeen& seen, cluster::Unit& unit) const;
  // The newest event of that kind about a pod; "" where there is none.
  std::string words_of_event(const std::string& id, const std::string& pod, std::string_view action) const;
  News put_claim_locked(const EventSeen& seen);

  const std::string installation_;
  mutable std::mutex mutex_;
  std::map<std::string, PodSeen> pods_;  // by NAMESPACE/NAME
  std::map<std::string, DeploymentSeen> deployments_;
  std::map<std::string, ServiceSeen> services_;  // by NAMESPACE/NAME
  std::map<std::string, NodeSeen> nodes_;
  std::map<std::string, std::deque<EventSeen>> events_;  // by deployment
  std::map<std::string, cluster::Unit> failures_;        // by deployment
  std::map<std::string, std::string> claim_words_;       // why a claim that a unit waits for has no volume
};

}  // namespace mifeng::kubernetes
