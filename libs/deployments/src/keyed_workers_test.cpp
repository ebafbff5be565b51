#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <thread>

#include "keyed_workers.h"

namespace mifeng::deployments {
namespace {

TEST(KeyedWorkers, KeepOrderWithinAKeyAndRunOthersMeanwhile) {
  KeyedWorkers workers(4);
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::mutex mutex;
  std::map<std::string, std::vector<int>> seen;
  std::promise<void> others, all;
  int left = 3 * 50;
  for (int i = 0; i < 50; ++i)
    for (const char* key : {"slow", "a", "b"})
      workers.submit(key, JobKind::kPrompt, [&, key = std::string(key), i] {
        if (key == "slow" && i == 0) open.wait();
        const std::lock_guard guard(mutex);
        seen[key].push_back(i);
        if (key != "slow" && seen["a"].size() + seen["b"].size() == 100) others.set_value();
        if (--left == 0) all.set_value();
      });
  ASSERT_EQ(others.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_TRUE(workers.busy("slow"));
  {
    const std::lock_guard guard(mutex);
    EXPECT_TRUE(seen["slow"].empty());
  }
  gate.set_value();
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  workers.drain();
  EXPECT_FALSE(workers.busy("slow"));
  for (const auto& [key, order] : seen) {
    ASSERT_EQ(order.size(), 50u) << key;
    EXPECT_TRUE(std::is_sorted(order.begin(), order.end())) << key;
  }
}

TEST(KeyedWorkers, PatientJobsLeaveThreadsForOthersAndUrgentOnesGoFirst) {
  KeyedWorkers workers(4);
  std::promise<void> gate;
  const std::shared_future<void> open = gate.get_future().share();
  std::mutex mutex;
  std::vector<std::string> order;
  for (int i = 0; i < 10; ++i) workers.submit("patient" + std::to_string(i), JobKind::kPatient, [&] { open.wait(); });
  std::promise<void> prompt;
  workers.submit("prompt", JobKind::kPrompt, [&] { prompt.set_value(); });
  ASSERT_EQ(prompt.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);

  // Both threads that are left held: what waits is put in a row.
  std::promise<void> held, end;
  const std::shared_future<void> until = held.get_future().share();
  for (const char* key : {"x", "y"}) workers.submit(key, JobKind::kPrompt, [&] { until.wait(); });
  const auto note = [&](const std::string& name) {
    return [&, name] {
      const std::lock_guard guard(mutex);
      order.push_back(name);
      if (order.size() == 3) end.set_value();
    };
  };
  workers.submit("x", JobKind::kPrompt, note("x later"));
  workers.submit("x", JobKind::kUrgent, note("x urgent"));
  workers.submit("x", JobKind::kPrompt, note("x last"));
  held.set_value();
  ASSERT_EQ(end.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<std::string>{"x later", "x urgent", "x last"})) << "an own key keeps its order";
  gate.set_value();
  workers.drain();  // what they wait for goes before they do
}

TEST(KeyedWorkers, TellEachEndWhenTheKeyIsFreeAgain) {
  std::promise<void> told;
  std::atomic<int> ends = 0;
  KeyedWorkers* of = nullptr;
  std::atomic<bool> busy = false;
  KeyedWorkers workers(2, [&] {
    busy = busy || of->busy("a");
    if (++ends == 1) told.set_value();
  });
  of = &workers;
  workers.submit("a", JobKind::kPrompt, [] {});
  ASSERT_EQ(told.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  workers.drain();
  EXPECT_EQ(ends, 1);
  EXPECT_FALSE(busy);
}

TEST(KeyedWorkers, StoppingDropsWhatWaits) {
  auto kept = std::make_shared<int>(1);
  std::promise<void> submitted;
  const std::shared_future<void> both = submitted.get_future().share();
  bool ran = false;
  KeyedWorkers workers(2);
  workers.submit("a", JobKind::kPrompt, [&] {
    both.wait();
    // What waits has this job's own key, so that only stop() can take it away.
    while (!workers.none_waits()) std::this_thread::yield();
  });
  workers.submit("a", JobKind::kPrompt, [&ran, kept] { ran = true; });
  submitted.set_value();
  workers.stop();
  EXPECT_FALSE(ran);
  EXPECT_EQ(kept.use_count(), 1);
  EXPECT_FALSE(workers.busy("a"));
  workers.submit("a", JobKind::kPrompt, [&ran] { ran = true; });
  EXPECT_FALSE(workers.busy("a")) << "nothing is taken any more";
}

}  // namespace
}  // namespace mifeng::deployments
