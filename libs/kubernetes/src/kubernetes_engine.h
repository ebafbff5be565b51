// The engine on a cluster: Deployments and Services by server-side apply, seen through watches.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api_server.h"
#include "cluster_view.h"
#include "mifeng/cluster/background.h"
#include "mifeng/cluster/keyed_lock.h"
#include "mifeng/cluster/subscription.h"
#include "mifeng/kubernetes/rendering.h"
#include "objects.h"

namespace mifeng::kubernetes {

using cluster::Task;

class KubernetesEngine final : public cluster::Engine {
 public:
  KubernetesEngine(std::unique_ptr<ApiServer> api, KubernetesOptions options, const Clock& clock)
      : api_(std::move(api)), options_(std::move(options)), clock_(clock), view_(options_.installation) {}
  ~KubernetesEngine() override;

  Task<cluster::ClusterFacts> probe() override;
  Task<cluster::ApplyResult> apply(cluster::Workload workload) override;
  Task<void> restart(std::string unit) override;
  Task<void> remove(std::string deployment) override;
  Task<void> remove_claims(std::vector<std::string> claims) override;
  Task<void> remove_everything() override;
  Task<std::vector<cluster::Unit>> units(std::string deployment) override;
  Task<std::vector<cluster::Unit>> all_units() override;
  Task<std::vector<cluster::Endpoint>> endpoints(std::string deployment) override;
  std::shared_ptr<void> watch(Changed changed, std::chrono::milliseconds resync) override;
  cluster::PortNeeds ports_needed(const cluster::PodTemplate& pod, int replicas) const override;
  Task<std::vector<cluster::PortInUse>> ports_in_use() override;
  Task<cluster::Capacity> capacity() override;
  Task<std::vector<cluster::Node>> nodes() override;
  std::optional<UnixMillis> seen_ms() const override;
  Task<std::vector<cluster::Event>> events(std::string deployment) override;
  Task<void> note_reason(std::string deployment, cluster::Reason why) override;
  Task<std::optional<cluster::Replacing>> replacing(cluster::Workload workload) override;
  Task<void> logs(std::string unit, cluster::LogOptions options, cluster::LogSink sink) override;
  Task<cluster::Proof> prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) override;
  Task<void> pull(std::string image, cluster::PullPolicy policy) override;
  Task<void> prune_images(std::vector<std::string> keep) override;
  Result<std::vector<json::Object>> objects(const cluster::Workload& workload) const override {
    return render_objects(options_, workload);
  }
  std::vector<std::string> cannot_hold(const cluster::PodTemplate& pod) const override {
    return kubernetes::cannot_hold(pod);
  }

 private:
  // ---- watching.cpp
  // One kind of object that is listed and then watched.
  struct Feed {
    const char* name;
    std::string everywhere;  // target of the list; "" where there is no such
    std::string own;         // the same of our namespace, where we may not look everywhere; "" for none
    std::string query;       // "labelSelector=...", or ""
    std::function<ClusterView::News(const json::Object&)> put;
    std::function<ClusterView::News(const json::Object&)> erase;
    std::function<std::vector<std::string>(const std::set<std::string>&)> keep;  // what a listing showed
  };
  enum Feeds { kPods, kDeployments, kServices, kNodes, kEvents, kFeedCount };
  std::vector<Feed> feeds(UnixMillis since);
  boost::asio::awaitable<void> follow(std::size_t number, Feed feed, std::chrono::milliseconds resync);
  // Lists all and gives the version to watch from.
  Task<std::string> list(const Feed& feed, const std::string& target);
  Task<void> watch_from(std::size_t number, const Feed& feed, const std::string& target, std::string version,
                        std::chrono::milliseconds at_most);
  Result<void> take_news(const Feed& feed, const std::string& line, std::string& version);
  void tell(const std::string& deployment);
  void set_live(std::size_t feed, bool live);
  bool is_live() const;
  // Where nobody watches: asks for what is ours of one deployment ("" is of all).
  Task<void> look_at(std::string deployment);
  Task<void> look_unless_live(std::string deployment);
  Task<void> look_at_nodes();

  // ---- applying.cpp
  Task<void> apply_common();
  Task<bool> apply_object(const cluster::Workload& workload, Rendered rendered);
  Task<void> refuse_others(Rendered rendered);
  bool is_others_port(const cluster::Workload& workload) const;
  void note_allocated_ports(const cluster::Workload& workload, const std::string& refusal);
  Task<void> remove_object(Kind kind, std::string name, std::string uid = {});
  Task<void> end_changed(const cluster::Workload& workload);
  Task<void> wait_without_pods(std::string deployment);
  std::string selector(const std::string& deployment) const;

  // ---- explaining.cpp
  // Of one deployment as the view has them, those that are not ready with what their guard says of that.
  Task<std::vector<cluster::Unit>> explained_units(std::string deployment);
  Task<std::optional<cluster::Reason>> ask_guard(std::string pod);
  Task<std::vector<std::string>> read_log(std::string pod, std::string container, int tail);

  // ---- replacing.cpp
  Task<std::vector<QuotaSeen>> quotas_now();
  Task<bool> has_room_for_one_more(cluster::Workload workload);
  bool has_stuck_surge(const cluster::Workload& workload) const;
  Task<cluster::Replacing> choose_replacing(cluster::Workload workload);

  // ---- proving.cpp
  struct TokenOwner {
    std::string pod, uid;
  };
  Result<void> check_user(const std::string& user) const;
  static Result<TokenOwner> owner_of(std::string pod, std::string uid);
  Task<json::Object> read_object(std::string target, std::string what);
  Task<TokenOwner> review(const cluster::TokenEvidence& shown);
  Task<TokenOwner> check_by_published_keys(const cluster::TokenEvidence& shown);
  Task<void> check_owners(const json::Object& pod, std::string deployment);
  Task<void> check_log(std::string pod, std::string request_sm3);

  const std::unique_ptr<ApiServer> api_;
  const KubernetesOptions options_;
  const Clock& clock_;
  cluster::KeyedLock deployments_;
  ClusterView view_;
  std::atomic<bool> has_common_{false};
  std::array<std::atomic<bool>, kFeedCount> live_{};
  std::array<std::atomic<UnixMillis>, kFeedCount> heard_{};  // when each feed had news last, a bookmark among them
  std::atomic<UnixMillis> answered_{0};                      // when the API server answered a probe
  std::atomic<bool> is_watched_{false};

  mutable std::mutex mutex_;                             // of what follows
  std::shared_ptr<cluster::Subscription> subscription_;  // shared with who watches
  struct GuardsWord {
    UnixMillis asked_ms = 0;
    std::optional<cluster::Reason> why;
  };
  std::map<std::string, GuardsWord> guards_words_;          // by pod uid, of units that are not ready
  std::map<std::uint16_t, UnixMillis> allocated_until_ms_;  // node ports that were refused and are seen with nobody
  struct Noted {
    UnixMillis at_ms = 0;
    std::string why;
  };
  std::map<std::string, Noted> noted_;  // by deployment, what stands in an event of it

  cluster::BackgroundLoop loop_;
};

}  // namespace mifeng::kubernetes
