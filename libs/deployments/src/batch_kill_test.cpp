// The platform killed with -9 while it works on batches of a hundred, at random moments and at named ones: the end
// state is exactly the plan. MIFENG_BATCH_KILLS says how many times; the random moments follow from MIFENG_SEED.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <set>
#include <string_view>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::PlatformTest;

constexpr int kItems = 100;
constexpr int kKillsOfABatch = 10;

int from_environment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoi(text);
}

class KilledBatches : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    ASSERT_TRUE(platform_->ports().set_ranges(operator_, "", {{.first = 30000, .last = 30199}}));
  }

  // In the child: works until all of the batch is done, or somebody ends it. `moment`: of the so-manieth deployment
  // that comes to it this process ends itself. Which deployments the engine was given goes into the pipe.
  [[noreturn]] void work(const std::string& batch, std::string_view moment, int which, int pipe) {
    engine_.on_moment = [&](std::string_view now, const std::string& deployment) {
      char id[64] = {};
      deployment.copy(id, sizeof id - 1);
      if (now == "apply" && ::write(pipe, id, sizeof id) != sizeof id) ::_exit(5);
      if (now == moment && which-- == 0) ::kill(::getpid(), SIGKILL);
    };
    reopen();
    if (!platform_) ::_exit(3);
    for (;;) {
      if (!platform_->reconciler().run_once()) ::_exit(6);
      engine_.make_all_ready();
      const auto now = platform_->batches().get(operator_, batch);
      if (!now) ::_exit(7);
      if (now->state == BatchState::kDone) ::_exit(0);
    }
  }

  // So many times, or until a child got to the end. Gives how many were killed.
  int kill_during(const std::string& batch, int kills) {
    static constexpr std::string_view kMoments[] = {"", "apply", "", "applied", ""};
    int killed = 0;
    for (int i = 0; i < kills; ++i) {
      platform_.reset();
      int pipe[2];
      EXPECT_EQ(::pipe(pipe), 0);
      const std::string_view moment = kMoments[random_moment_() % std::size(kMoments)];
      const int which = static_cast<int>(random_moment_() % 8);
      const auto wait = static_cast<::useconds_t>(random_moment_() % 120'000);
      const ::pid_t child = ::fork();
      if (child == 0) {
        ::close(pipe[0]);
        work(batch, moment, which, pipe[1]);
      }
      ::close(pipe[1]);
      if (moment.empty()) {
        ::usleep(wait);
        ::kill(child, SIGKILL);
      }
      char id[64];
      while (::read(pipe[0], id, sizeof id) == static_cast<::ssize_t>(sizeof id)) given_.insert(id);
      ::close(pipe[0]);
      int status = 0;
      EXPECT_EQ(::waitpid(child, &status, 0), child);
      reopen();
      if (WIFSIGNALED(status)) {
        ++killed;
        continue;
      }
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    engine_.on_moment = nullptr;
    return killed;
  }

  void settle() {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(platform_->reconciler().run_once());
      engine_.make_all_ready();
    }
    ASSERT_TRUE(platform_->reconciler().run_once());
  }

  std::set<int> used_ports() {
    std::set<int> ports;
    const auto rows = db().read([](store::Transaction& tx) { return store::all<store::UsedPortRow>(tx); }).value();
    for (const auto& row : rows) EXPECT_TRUE(ports.insert(static_cast<int>(row.port)).second);
    return ports;
  }

  std::string version_;
  std::mt19937 random_moment_{static_cast<unsigned>(from_environment("MIFENG_SEED", 10))};  // NOLINT: on purpose
  std::set<std::string> given_;  // deployments that an engine was ever told of
};

TEST_F(KilledBatches, EndAsTheirPlansSaid) {
  const int kills = from_environment("MIFENG_BATCH_KILLS", 10);
  int killed = 0;
  for (int round = 0; killed < kills; ++round) {
    ASSERT_LT(round, kills) << "they are done before anybody kills them";
    BatchWishes wishes;
    std::set<std::string> names;
    for (int i = 0; i < kItems; ++i) {
      wishes.items.push_back({.version = version_});
      wishes.items.back().request.name = "d" + std::to_string(round) + "-" + std::to_string(i);
      names.insert(wishes.items.back().request.name);
    }
    const auto plan = platform_->batches().plan(operator_, wishes).value();
    std::set<int> ports;
    for (const auto& item : plan.items) ports.insert(item.ports.at(0).node_port);
    const auto batch = platform_->batches().apply(operator_, plan.id, {}).value().batch.value();
    given_.clear();
    killed += kill_during(batch.id, std::min(kKillsOfABatch, kills - killed));
    engine_.containers.clear();  // what ran in a child went with it
    settle();
    const auto done = platform_->batches().get(operator_, batch.id).value();
    EXPECT_EQ(done.counts.ready, kItems);
    auto there = platform_->deployments().list(operator_, {}, {.page = 1, .page_size = 200}).value().items;
    ASSERT_EQ(there.size(), static_cast<std::size_t>(kItems)) << "nothing twice, nothing lost";
    std::set<std::string> ids;
    for (const auto& deployment : there) {
      EXPECT_EQ(names.erase(deployment.name), 1u) << deployment.name;
      EXPECT_EQ(deployment.state, DeploymentState::kReady);
      ids.insert(deployment.id);
    }
    for (const auto& item : done.items) EXPECT_TRUE(ids.contains(item.deployment_id));
    for (const auto& id : given_) EXPECT_TRUE(ids.contains(id)) << "an engine was told of a deployment that is none";
    EXPECT_EQ(engine_.containers.size(), ids.size());
    EXPECT_EQ(used_ports(), ports) << "those of the plan, and no other";

    // All of it goes again, under kills too every other time.
    ASSERT_TRUE(platform_->batches().roll_back(operator_, batch.id));
    if (round % 2 == 1 && killed < kills) {
      killed += kill_during(batch.id, std::min(3, kills - killed));
      engine_.containers.clear();
    }
    settle();
    EXPECT_EQ(platform_->batches().get(operator_, batch.id)->counts.rolled_back, kItems);
    EXPECT_EQ(platform_->deployments().list(operator_, {}, {})->total, 0);
    EXPECT_TRUE(used_ports().empty());
    EXPECT_TRUE(engine_.containers.empty());
    EXPECT_EQ(*db().check_integrity(), std::nullopt);
    EXPECT_TRUE(platform_->audit().verify(auditor_, "").value().intact);
  }
}

}  // namespace
}  // namespace mifeng::deployments
