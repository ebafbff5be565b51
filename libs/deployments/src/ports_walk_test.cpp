// Node ports under a random walk of everything that takes, frees or fights for them: operators, batches, programs of
// others, restarts. One port has never two holders, what is recommended is what is free, and none stays taken for
// nobody.
#include <algorithm>
#include <future>
#include <random>
#include <set>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::PlatformTest;

constexpr int kFirst = 30000, kLast = 30031;  // the fixture's range

class PortsWalk : public PlatformTest, public testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    random_walk_.seed(GetParam());
  }

  int up_to(int most) { return static_cast<int>(random_walk_() % static_cast<unsigned>(most + 1)); }
  int some_port() { return kFirst - 1 + up_to(kLast - kFirst + 2); }  // now and then just outside

  std::set<int> ours() {
    std::set<int> ports;
    for (const auto& [id, taken] : taken_) ports.insert(taken.begin(), taken.end());
    return ports;
  }
  bool is_free(int port) {
    return port >= kFirst && port <= kLast && !ours().contains(port) && !reserved_.contains(port) &&
           !engine_.foreign_ports.contains(static_cast<std::uint16_t>(port));
  }
  std::vector<int> all_free() {
    std::vector<int> ports;
    for (int port = kFirst; port <= kLast; ++port)
      if (is_free(port)) ports.push_back(port);
    return ports;
  }
  std::vector<int> lowest(int count) {
    std::vector<int> ports = all_free();
    ports.resize(std::min(ports.size(), static_cast<std::size_t>(count)));
    return ports;
  }
  static std::vector<int> ports_in(const Deployment& deployment) {
    std::vector<int> ports;
    for (const auto& port : deployment.ports) ports.push_back(port.node_port);
    std::sort(ports.begin(), ports.end());
    return ports;
  }
  DeploymentRequest request(int replicas) {
    DeploymentRequest wanted;
    wanted.name = "d" + std::to_string(++made_);
    wanted.version_id = version_;
    wanted.replicas = replicas;
    return wanted;
  }

  void deploy_recommended() {
    const int replicas = up_to(4);
    const auto expected = lowest(replicas);
    const auto made = platform_->deployments().create(operator_, request(replicas));
    if (static_cast<int>(expected.size()) < replicas) {
      ASSERT_FALSE(made);
      EXPECT_EQ(made.error().reason(), "no-free-ports");
      return;
    }
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(ports_in(*made), expected);
    taken_[made->id] = expected;
  }
  void deploy_typed() {
    DeploymentRequest wanted = request(1 + up_to(1));
    std::set<int> typed;
    while (static_cast<int>(typed.size()) < *wanted.replicas) typed.insert(some_port());
    wanted.ports.assign(typed.begin(), typed.end());
    const bool may = std::all_of(typed.begin(), typed.end(), [&](int port) { return is_free(port); });
    const auto made = platform_->deployments().create(operator_, wanted);
    ASSERT_EQ(made.has_value(), may) << (made ? "taken twice" : made.error().message());
    if (made) {
      EXPECT_EQ(ports_in(*made), wanted.ports);
      taken_[made->id] = wanted.ports;
    } else {
      EXPECT_TRUE(made.error().reason() == "port-taken" || made.error().reason() == "port-out-of-range");
    }
  }
  // Ports that are no longer needed come back once their units have gone.
  void settle() {
    for (int round = 0; round < 4; ++round) {
      const auto done = platform_->reconciler().run_once();
      ASSERT_TRUE(done) << done.error().message();
      engine_.make_all_ready();
    }
    for (auto& [id, ports] : taken_) {
      const auto seen = platform_->deployments().get(operator_, id);
      ASSERT_TRUE(seen) << seen.error().message();
      EXPECT_EQ(static_cast<int>(seen->ports.size()), seen->replicas) << id;
      for (const int port : ports_in(*seen))
        EXPECT_TRUE(std::count(ports.begin(), ports.end(), port)) << port << " came to " << id << " from nowhere";
      ports = ports_in(*seen);
    }
  }
  std::string any_deployment() {
    if (taken_.empty()) return "";
    return std::next(taken_.begin(), up_to(static_cast<int>(taken_.size()) - 1))->first;
  }
  void scale() {
    const std::string id = any_deployment();
    if (id.empty()) return;
    settle();  // the walk does not know in which order units go
    const int replicas = up_to(5);
    auto& ports = taken_[id];
    const int more = replicas - static_cast<int>(ports.size());
    const auto expected = lowest(std::max(0, more));
    const auto scaled = platform_->deployments().scale(operator_, id, replicas);
    if (static_cast<int>(expected.size()) < more) {
      ASSERT_FALSE(scaled);
      EXPECT_EQ(scaled.error().reason(), "no-free-ports");
      return;
    }
    ASSERT_TRUE(scaled) << scaled.error().message();
    ports.insert(ports.end(), expected.begin(), expected.end());
    settle();
  }
  void remove() {
    const std::string id = any_deployment();
    if (id.empty()) return;
    ASSERT_TRUE(platform_->deployments().remove(operator_, id));
    // Until its units have gone its ports are its own.
    if (up_to(1) == 0) {
      const auto free = lowest(1);
      const auto said = platform_->ports().recommend(operator_, "", 1);
      ASSERT_EQ(said.has_value(), !free.empty());
      if (said) {
        EXPECT_EQ(*said, free);
      }
    }
    taken_.erase(id);
    settle();
  }
  void somebody_else() {
    const auto port = static_cast<std::uint16_t>(some_port());
    // Also one that is ours: it changes nothing for whoever has it, and keeps it from others when it is let go of.
    if (engine_.foreign_ports.erase(port) == 0) engine_.foreign_ports.insert(port);
  }
  void reserve() {
    std::set<int> wanted;
    for (int i = up_to(4); i > 0; --i) wanted.insert(kFirst + up_to(kLast - kFirst));
    const std::set<int> used = ours();
    const bool may = std::none_of(wanted.begin(), wanted.end(), [&](int port) { return used.contains(port); });
    std::vector<ReservedPort> rows;
    for (const int port : wanted) rows.push_back({.port = port, .reason = "the ward's own"});
    const auto done = platform_->ports().set_reserved(operator_, "", rows);
    ASSERT_EQ(done.has_value(), may);
    if (may) {
      reserved_ = wanted;
    } else {
      EXPECT_EQ(done.error().reason(), "port-in-use");
    }
  }
  // Who comes first is not said; that each gets ports of its own is.
  void two_operators_and_a_batch() {
    settle();  // so that nothing of before gives ports back meanwhile
    const std::set<int> before = ours();
    const int free = static_cast<int>(all_free().size());
    std::vector<DeploymentRequest> first, second, batch;
    for (int i = 0; i < 3; ++i) {
      first.push_back(request(1 + up_to(1)));
      second.push_back(request(1 + up_to(1)));
      batch.push_back(request(1));
    }
    const auto deploy = [this](const std::vector<DeploymentRequest>& wanted) {
      std::vector<Deployment> done;
      for (const auto& one : wanted)
        if (auto made = platform_->deployments().create(operator_, one)) done.push_back(std::move(*made));
      return done;
    };
    auto one = std::async(std::launch::async, deploy, first);
    auto other = std::async(std::launch::async, deploy, second);
    ASSERT_TRUE(platform_->batches().create(operator_, batch));
    const auto worked = platform_->reconciler().run_once();
    std::vector<Deployment> done = one.get();
    for (auto& made : other.get()) done.push_back(std::move(made));
    ASSERT_TRUE(worked) << worked.error().message();
    const auto all = platform_->deployments().list(operator_, {}, {.page = 1, .page_size = 200}).value();
    for (const auto& item : batch)
      for (const auto& made : all.items)
        if (made.name == item.name) done.push_back(made);
    std::set<int> seen = before;
    int taken = 0;
    for (const auto& made : done) {
      taken_[made.id] = ports_in(made);
      for (const int port : ports_in(made)) {
        EXPECT_TRUE(seen.insert(port).second) << port << " twice";
        ++taken;
      }
    }
    EXPECT_LE(taken, free);
  }

  void check() {
    const std::set<int> mine = ours();
    const auto rows = db().read([](store::Transaction& tx) { return store::all<store::UsedPortRow>(tx); });
    ASSERT_TRUE(rows);
    std::set<int> stored;
    for (const auto& row : *rows) EXPECT_TRUE(stored.insert(static_cast<int>(row.port)).second);
    EXPECT_EQ(stored, mine) << "what is written down is what somebody has";
    const auto overview = platform_->ports().overview(auditor_, "");
    ASSERT_TRUE(overview);
    for (const auto& info : *overview) {
      const bool used = mine.contains(info.port);
      EXPECT_EQ(info.state == PortState::kUsed, used) << info.port;
      EXPECT_EQ(info.state == PortState::kFree, is_free(info.port)) << info.port;
      if (used) {
        ASSERT_TRUE(taken_.contains(info.holder)) << info.holder;
        EXPECT_TRUE(std::count(taken_[info.holder].begin(), taken_[info.holder].end(), info.port)) << info.port;
      }
    }
  }

  void step() {
    switch (up_to(9)) {
      case 0:
      case 1: return deploy_recommended();
      case 2: return deploy_typed();
      case 3: return scale();
      case 4:
      case 5: return remove();
      case 6: return somebody_else();
      case 7: return reserve();
      case 8: return reopen();
      case 9: return two_operators_and_a_batch();
    }
  }

  std::mt19937 random_walk_;
  std::string version_;
  std::map<std::string, std::vector<int>> taken_;  // by deployment, as the walk knows it
  std::set<int> reserved_;
  int made_ = 0;
};

TEST_P(PortsWalk, NoPortIsTakenTwiceAndNoneIsLost) {
  for (int number = 0; number < 120 && !HasFailure(); ++number) {
    SCOPED_TRACE("step " + std::to_string(number));
    step();
    check();
  }
  while (!taken_.empty() && !HasFailure()) remove();
  const auto rows = db().read([](store::Transaction& tx) { return store::all<store::UsedPortRow>(tx); });
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->empty()) << "all are given back";
}

INSTANTIATE_TEST_SUITE_P(Seeds, PortsWalk, testing::Range(1U, 6U));

}  // namespace
}  // namespace mifeng::deployments
