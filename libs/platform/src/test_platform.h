// A platform in a temporary folder with a clock that stands still, an engine of our own, and people of each role.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "mifeng/base/file.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/crypto/sm2.h"
#include "mifeng/messages/gateway.h"
#include "mifeng/messages/grant.h"
#include "mifeng/net/runtime.h"
#include "mifeng/platform/platform.h"
#include "mifeng/store/database.h"
#include "mifeng/store/models.h"

namespace mifeng::platform {

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
  cluster::Task<std::vector<cluster::Event>> events(std::string deployment) override;
  cluster::Task<void> logs(std::string unit, cluster::LogOptions options, cluster::LogSink sink) override;
  cluster::Task<cluster::Proof> prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) override;
  cluster::Task<void> pull(std::string image, cluster::PullPolicy policy) override;
  cluster::Task<void> prune_images(std::vector<std::string> keep) override;
  std::vector<std::string> not_held(const cluster::PodTemplate&) const override { return {}; }

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
  std::string throws_for;               // a deployment: asking for its units throws
  int applies = 0, restarts = 0;
  std::vector<std::string> kept_images;  // as the last pruning was told
  int prunings = 0;
  std::map<std::string, cluster::Unit> seen_before;  // what units() still says of them: the news are late
  std::vector<std::string> shown;                    // units whose guards showed themselves to prove()

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

class PlatformTest : public testing::Test {
 protected:
  void SetUp() override;
  // Closes and opens again: what a restart keeps.
  void reopen();

  Actor actor_with(Role role, const std::string& vendor = "") const;

  // A vendor whose key is in force.
  void add_vendor(const std::string& id, const crypto::Sm2PrivateKey& key);
  // An accepted version with a payload header that is really sealed for this platform; gives its id.
  std::string add_model(const std::string& vendor, const std::string& name, const std::string& version, int ports = 1);
  std::string add_deployment(const std::string& name, const std::string& version_id, int replicas = 1);
  // What the guard of that slot's unit shows.
  GuardPeer peer_of(const std::string& deployment_id, int slot = 0);

  store::Database& db();  // a connection of its own to the same file

  EngineFactory engines();

  FakeClock clock_;
  SystemRandom random_;
  FakeEngine engine_;
  std::optional<TempDir> folder_;
  std::optional<TempDir> proc_;
  PlatformOptions options_;
  std::unique_ptr<Platform> platform_;
  std::unique_ptr<crypto::Sm4GcmProvider> provider_;
  std::optional<crypto::Sm2PrivateKey> vendor_key_;
  Actor admin_, operator_, auditor_;

  messages::Tools tools() { return {.random = random_, .provider = *provider_}; }
  messages::PlatformCard card();

 private:
  std::unique_ptr<store::Database> db_;
};

// A guard, as far as the platform sees it.
struct TestGuard {
  TestGuard(std::string deployment_id, std::string unit_name, const crypto::Sm3Digest& payload_header);
  Bytes request(const messages::PlatformCard& card, const messages::Tools& tools);
  Bytes renewal(const messages::PlatformCard& card, const messages::Tools& tools, std::uint64_t calls = 0);

  std::string deployment, unit;
  crypto::Sm3Digest payload_header_sm3;
  crypto::Sm2PrivateKey receive_key, signing_key;
  std::string nonce, renew_nonce, instance_id;
  std::optional<std::uint32_t> start{};        // that the next renewal asks for
  std::vector<messages::EventCount> events{};  // that the next renewal reports
  std::uint64_t counter = 0;
};

}  // namespace mifeng::platform
