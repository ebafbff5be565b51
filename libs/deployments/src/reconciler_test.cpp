// The reconciler at many deployments at once: side by side, each in order, and nobody waits for another.
#include <condition_variable>

#include "mifeng/platform_fixture/platform_test.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::PlatformTest;

class ReconcilerTest : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    // Whatever the reconciler has stored that somebody could want to know of.
    subscription_ = platform_->gateways().subscribe([this] {
      const std::lock_guard guard(mutex_);
      ++changes_;
      changed_.notify_all();
    });
  }
  void TearDown() override {
    for (const auto& id : ids_) engine_.let_go(id);
    platform_->reconciler().stop();
    subscription_.reset();
  }
  std::string add(const std::string& name, int replicas = 1) {
    ids_.push_back(add_deployment(name, version_, replicas));
    return ids_.back();
  }
  std::string state(const std::string& id) {
    const auto found = platform_->deployments().get(operator_, id);
    return found ? std::string(to_string(found->state)) : "gone";
  }
  // 30 s at most, asking again at each change.
  bool becomes(const std::string& id, const std::string& wanted) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      std::unique_lock guard(mutex_);
      const std::uint64_t seen = changes_;
      guard.unlock();
      if (state(id) == wanted) return true;
      guard.lock();
      if (!changed_.wait_until(guard, deadline, [&] { return changes_ != seen; })) return state(id) == wanted;
    }
  }

  std::string version_;
  std::vector<std::string> ids_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::shared_ptr<void> subscription_;
};

TEST_F(ReconcilerTest, AContainerThatTakesLongToStopHoldsNobodyUp) {
  const std::string slow = add("slow");
  platform_->reconciler().start();
  ASSERT_TRUE(becomes(slow, "starting"));
  engine_.hold(slow);
  ASSERT_TRUE(platform_->deployments().remove(operator_, slow));
  ASSERT_EQ(engine_.wait_for_held(1), 1);
  const std::string other = add("other");
  EXPECT_TRUE(becomes(other, "starting"));
  EXPECT_EQ(state(slow), "deleting");
  engine_.let_go(slow);
  EXPECT_TRUE(becomes(slow, "gone"));
}

TEST_F(ReconcilerTest, TenRemovalsRunSideBySideWithinTheBound) {
  for (int i = 0; i < 10; ++i) add("d" + std::to_string(i));
  ASSERT_TRUE(platform_->reconciler().run_once());
  for (const auto& id : ids_) {
    engine_.hold(id);
    ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  }
  platform_->reconciler().start();
  // Two threads are kept for what does not wait.
  EXPECT_EQ(engine_.wait_for_held(options_.parallel_deployments - 2), options_.parallel_deployments - 2);
  const std::string late = add("late");
  EXPECT_TRUE(becomes(late, "starting"));
  for (const auto& id : ids_) engine_.let_go(id);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_TRUE(becomes(ids_[i], "gone"));
  platform_->reconciler().stop();
  EXPECT_LE(engine_.most_at_once, options_.parallel_deployments);
  EXPECT_FALSE(engine_.overlapped);
}

TEST_F(ReconcilerTest, WhatIsChangedMeanwhileComesAfterWhatRuns) {
  const std::string id = add("digits");
  engine_.hold(id);
  platform_->reconciler().start();
  ASSERT_EQ(engine_.wait_for_held(1), 1);
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 3));
  ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  EXPECT_EQ(state(id), "deleting");
  engine_.let_go(id);
  EXPECT_TRUE(becomes(id, "gone"));
  platform_->reconciler().stop();
  EXPECT_FALSE(engine_.overlapped);
  EXPECT_TRUE(engine_.containers.empty());
}

TEST_F(ReconcilerTest, WhatIsThrownStandsInItsDeploymentAndStopsNoOther) {
  const std::string broken = add("broken"), other = add("other");
  engine_.throws_for = broken;
  EXPECT_FALSE(platform_->reconciler().run_once());
  EXPECT_EQ(state(broken), "failed");
  EXPECT_NE(platform_->deployments().get(operator_, broken)->reason.find("no such thing"), std::string::npos);
  EXPECT_EQ(state(other), "starting");
  // Nothing of it is left over.
  engine_.throws_for.clear();
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_EQ(state(broken), "starting");
}

TEST_F(ReconcilerTest, StopsWithoutDoingWhatOnlyWaits) {
  for (int i = 0; i < 10; ++i) add("d" + std::to_string(i));
  for (const auto& id : ids_) engine_.hold(id);
  platform_->reconciler().start();
  ASSERT_EQ(engine_.wait_for_held(options_.parallel_deployments), options_.parallel_deployments);
  std::thread stopping([&] { platform_->reconciler().stop(); });
  for (const auto& id : ids_) engine_.let_go(id);
  stopping.join();
  EXPECT_LE(engine_.most_at_once, options_.parallel_deployments);
  // Whatever was left undone is done by the next one.
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_EQ(engine_.containers.size(), 10u);
}

}  // namespace
}  // namespace mifeng::deployments
