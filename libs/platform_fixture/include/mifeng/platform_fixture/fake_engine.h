// An engine for tests of what stands above engines.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/engine.h"
#include "mifeng/net/runtime.h"

namespace mifeng::platform_fixture {

// Units as entries of a map. `fail_with` makes starts fail. Nothing becomes ready by itself; a unit that is ended is
// gone at the next call.
class FakeEngine final : public cluster::Engine {
 public:
  cluster::Task<cluster::ClusterFacts> probe() override;
  cluster::Task<cluster::ApplyResult> apply(cluster::Workload workload) override;
  cluster::Task<void> restart(std::string unit) override;
  cluster::Task<void> remove(std::string deployment) override;
  cluster::Task<void> remove_claims(std::vector<std::string> claims) override;
  cluster::Task<void> remove_everything() override;
  cluster::Task<std::vector<cluster::Unit>> units(std::string deployment) override;
  cluster::Task<std::vector<cluster::Unit>> all_units() override;
  cluster::Task<std::vector<cluster::Endpoint>> endpoints(std::string deployment) override;
  std::shared_ptr<void> watch(Changed changed, std::chrono::milliseconds resync) override;
  cluster::PortNeeds ports_needed(const cluster::PodTemplate& pod, int replicas) const override;
  cluster::Task<std::vector<cluster::PortInUse>> ports_in_use() override;
  cluster::Task<cluster::Capacity> capacity() override;
  cluster::Task<std::vector<cluster::Node>> nodes() override;
  std::optional<UnixMillis> seen_ms() const override { return seen_at; }
  cluster::Task<std::vector<cluster::Event>> events(std::string deployment) override;
  cluster::Task<void> logs(std::string unit, cluster::LogOptions options, cluster::LogSink sink) override;
  cluster::Task<cluster::Proof> prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) override;
  cluster::Task<void> pull(std::string image, cluster::PullPolicy policy) override;
  cluster::Task<void> prune_images(std::vector<std::string> keep) override;
  // One object that holds what is asked about.
  Result<std::vector<json::Object>> objects(const cluster::Workload& workload) const override;
  std::vector<std::string> cannot_hold(const cluster::PodTemplate&) const override { return {}; }

  // Of the deployment's unit in that slot.
  static std::string unit_name(const std::string& deployment, int slot);
  void set(const std::string& name, cluster::UnitState state, bool ready, const std::string& reason = "");
  void make_all_ready();
  // Tells whoever watches, if anybody does.
  void tell(const std::string& deployment);

  std::vector<std::string> removed_claims;
  std::map<std::string, cluster::Unit> containers;  // by name
  std::set<std::uint16_t> foreign_ports;
  std::set<std::uint16_t> taken_ports;  // a unit with one of them cannot be started
  std::string fail_with;                // a reason: units cannot be started
  bool away = false;                    // kUnavailable for everything
  cluster::AmountByName counts;         // what quotas allow
  std::optional<UnixMillis> seen_at;    // as of when its view holds
  std::string throws_for;               // a deployment: asking for its units throws
  // Called on the engine's thread when a deployment is about to be applied ("apply"), and when that is done
  // ("applied").
  std::function<void(std::string_view moment, const std::string& deployment)> on_moment;
  int applies = 0, restarts = 0;
  std::map<std::string, cluster::Workload> applied;  // the last, by deployment
  std::vector<std::string> kept_images;              // as the last pruning was told
  int prunings = 0;
  std::map<std::string, cluster::Unit> seen_before;  // what units() still says of them: the news are late
  std::vector<std::string> shown;                    // units whose guards showed themselves to prove()
  // What a cluster would say of tokens: whose each is, and which lines stand in that unit's log.
  std::map<std::string, std::string> token_units;
  std::map<std::string, std::set<std::string>> printed;  // by unit
  std::vector<cluster::TokenEvidence> tokens_shown;

  // Calls to change a deployment wait while it is held, as for a container that takes long to stop.
  void hold(const std::string& deployment);
  void let_go(const std::string& deployment);
  // Waits (30 s at most) until so many calls wait at the same time; gives how many do.
  int wait_for_held(int count);
  int wait_for_prunings(int count);  // the same
  int most_at_once = 0;              // calls that change a deployment, over all
  bool overlapped = false;           // two of one deployment at the same time

 private:
  // From its making to its end a call that changes the deployment.
  class Change {
   public:
    Change(FakeEngine& engine, std::string deployment);
    ~Change();

   private:
    FakeEngine& engine_;
    std::string deployment_;
  };
  cluster::Task<void> wait_until_free(std::string deployment);
  Result<std::string> unit_of(const cluster::Evidence& evidence);
  void make(const cluster::Workload& workload, int slot);
  int next_id_ = 1;
  std::multiset<std::string> changing_;
  std::mutex hold_mutex_;
  std::set<std::string> held_;
  int waiting_ = 0;
  net::Notifier hold_changed_;
  std::condition_variable waits_;
  std::mutex watch_mutex_;
  Changed changed_;
};

}  // namespace mifeng::platform_fixture
