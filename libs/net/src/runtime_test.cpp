#include "mifeng/net/runtime.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <thread>

#if defined(__SANITIZE_THREAD__)
// Asio counts references to an executor with a release and an acquire fence; TSan does not know fences.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();  // NOLINT: TSan's name
extern "C" const char* __tsan_default_suppressions() {
  return "race:boost::asio::execution::detail::shared_target_executor\n";
}
#endif

namespace mifeng::net {
namespace {

using namespace std::chrono_literals;

TEST(TaskGroup, RunsAndJoins) {
  Runtime runtime(2);
  TaskGroup group(runtime.executor(), "test");
  std::atomic<int> ran = 0;
  std::latch all(50);
  for (int i = 0; i < 50; ++i) {
    group.spawn("count", [&]() -> asio::awaitable<void> {
      ++ran;
      all.count_down();
      co_return;
    });
  }
  all.wait();
  EXPECT_TRUE(group.stop(5s));
  EXPECT_EQ(ran, 50);
}

TEST(TaskGroup, CancelsWhatWaits) {
  Runtime runtime(2);
  TaskGroup group(runtime.executor(), "test");
  std::latch waiting(1);
  std::atomic<bool> went_on = false;
  group.spawn("wait", [&]() -> asio::awaitable<void> {
    waiting.count_down();
    co_await sleep_for(1h);
    went_on = true;
  });
  waiting.wait();
  EXPECT_TRUE(group.stop(5s));
  EXPECT_FALSE(went_on);
  group.spawn("late", [&]() -> asio::awaitable<void> {
    went_on = true;
    co_return;
  });
  EXPECT_EQ(group.running(), 0u);
}

TEST(TaskGroup, OutlivesATaskThatThrows) {
  Runtime runtime(1);
  TaskGroup group(runtime.executor(), "test");
  group.spawn("throw", []() -> asio::awaitable<void> {
    throw std::runtime_error("on purpose");
    co_return;
  });
  std::latch ran(1);
  group.spawn("after", [&]() -> asio::awaitable<void> {
    ran.count_down();
    co_return;
  });
  ran.wait();
  EXPECT_TRUE(group.stop(5s));
}

TEST(BlockingPool, RunsManyJobsFromManyTasks) {
  Runtime runtime(2);
  BlockingPool pool("test", 4, 10'000);
  TaskGroup group(runtime.executor(), "test");
  std::atomic<int> sum = 0;
  std::latch all(8);
  for (int task = 0; task < 8; ++task) {
    group.spawn("jobs", [&]() -> asio::awaitable<void> {
      for (int i = 0; i < 200; ++i) {
        std::string text = "a string that is too long to live in the object itself";
        auto job = [text, i]() -> Result<std::string> { return text + std::to_string(i); };
        auto result = co_await run_blocking(pool, std::move(job));
        if (result && *result == text + std::to_string(i)) ++sum;
      }
      all.count_down();
    });
  }
  all.wait();
  EXPECT_EQ(sum, 1600);
}

TEST(BlockingPool, RefusesMoreThanItsQueueHolds) {
  BlockingPool pool("small", 1, 1);
  Runtime runtime(1);
  TaskGroup group(runtime.executor(), "test");
  std::latch occupied(1);
  std::latch release(1);
  std::latch done(1);
  std::atomic<int> busy = 0;
  std::atomic<int> finished = 0;
  group.spawn("occupy", [&]() -> asio::awaitable<void> {
    auto job = [&]() -> Result<void> {
      occupied.count_down();
      release.wait();
      return ok();
    };
    auto result = co_await run_blocking(pool, std::move(job));
    EXPECT_TRUE(result);
    done.count_down();
  });
  occupied.wait();
  std::latch tried(3);
  for (int i = 0; i < 3; ++i) {
    group.spawn("more", [&]() -> asio::awaitable<void> {
      tried.count_down();
      auto job = []() -> Result<void> { return ok(); };
      auto result = co_await run_blocking(pool, std::move(job));
      if (result) ++finished;
      if (!result && result.error().reason() == "busy" && ++busy == 2) release.count_down();
    });
  }
  tried.wait();
  done.wait();
  // stop() waits until the one that was queued has ended as well.
  EXPECT_TRUE(group.stop(5s));
  EXPECT_EQ(busy, 2);
  EXPECT_EQ(finished, 1);
}

TEST(BlockingPool, WhoAsksOnceIsTakenBeforeTheRestOfACrowd) {
  BlockingPool pool("turns", 1, 100, 8);
  Runtime runtime(1);
  TaskGroup group(runtime.executor(), "test");
  std::latch occupied(1), release(1), queued(10), refused(2), done(9);
  std::mutex mutex;
  std::vector<std::string> order;
  group.spawn("occupy", [&]() -> asio::awaitable<void> {
    auto job = [&]() -> Result<void> {
      occupied.count_down();
      release.wait();
      return ok();
    };
    auto running = run_blocking(pool, std::move(job), "crowd");
    auto result = co_await std::move(running);
    EXPECT_TRUE(result);
  });
  occupied.wait();
  const auto ask = [&](const std::string& who) {
    group.spawn("ask", [&, who]() -> asio::awaitable<void> {
      queued.count_down();
      auto job = [&, who]() -> Result<void> {
        const std::lock_guard lock(mutex);
        order.push_back(who);
        return ok();
      };
      auto running = run_blocking(pool, std::move(job), who);
      auto result = co_await std::move(running);
      if (result)
        done.count_down();
      else if (result.error().reason() == "too-many-requests")
        refused.count_down();
    });
  };
  for (int i = 0; i < 10; ++i) ask("crowd");
  queued.wait();
  refused.wait();
  // The only thread of the runtime has queued all ten, or been refused, before it takes this one up.
  std::latch asked(1);
  group.spawn("one", [&]() -> asio::awaitable<void> {
    auto job = [&]() -> Result<void> {
      const std::lock_guard lock(mutex);
      order.emplace_back("one");
      return ok();
    };
    asked.count_down();
    auto running = run_blocking(pool, std::move(job), "one");
    auto result = co_await std::move(running);
    EXPECT_TRUE(result);
    done.count_down();
  });
  asked.wait();
  // It has been queued once the runtime's only thread has come to the next task.
  std::latch later(1);
  group.spawn("later", [&]() -> asio::awaitable<void> {
    later.count_down();
    co_return;
  });
  later.wait();
  release.count_down();
  done.wait();
  EXPECT_TRUE(group.stop(5s));
  ASSERT_EQ(order.size(), 9u);
  EXPECT_EQ(order[1], "one");
}

TEST(BlockingPool, OneWhoAsksHasNoMoreThreadsThanHeMay) {
  BlockingPool pool("share", 2, 100, 0, 1);
  Runtime runtime(1);
  TaskGroup group(runtime.executor(), "test");
  std::latch begun(1), release(1), others(1), done(3);
  std::atomic<int> of_one = 0, most = 0;
  const auto ask = [&](const std::string& who, std::function<void()> what) {
    group.spawn("ask", [&, who, what]() -> asio::awaitable<void> {
      auto job = [&, what]() -> Result<void> {
        what();
        return ok();
      };
      auto running = run_blocking(pool, std::move(job), who);
      auto result = co_await std::move(running);
      EXPECT_TRUE(result);
      done.count_down();
    });
  };
  const auto busy = [&](auto&& meanwhile) {
    most = std::max<int>(most, ++of_one);
    meanwhile();
    --of_one;
  };
  ask("one", [&] { busy([&] { begun.count_down(), release.wait(); }); });
  begun.wait();
  ask("one", [&] { busy([] {}); });
  ask("another", [&] { others.count_down(); });
  others.wait();  // a thread was idle, and the second job of "one", which came before, has not taken it
  EXPECT_EQ(of_one, 1);
  release.count_down();
  done.wait();
  EXPECT_EQ(most, 1);
  EXPECT_TRUE(group.stop(5s));
}

TEST(BlockingPool, PassesOnWhatAJobThrows) {
  BlockingPool pool("test", 1, 10);
  EXPECT_THROW(run_to_result<int>([&]() -> Task<int> {
                 auto job = []() -> Result<int> { throw std::runtime_error("on purpose"); };
                 auto result = co_await run_blocking(pool, std::move(job));
                 co_return result;
               }),
               std::runtime_error);
}

TEST(Notifier, WakesWaitersAndCountsWhatTheyMissed) {
  Runtime runtime(2);
  Notifier notifier;
  TaskGroup group(runtime.executor(), "test");
  std::latch woken(4);
  for (int i = 0; i < 4; ++i) {
    group.spawn("wait", [&]() -> asio::awaitable<void> {
      std::uint64_t seen = 0;
      while (seen < 3) seen = co_await notifier.wait(seen, 1h);
      woken.count_down();
    });
  }
  for (int i = 0; i < 3; ++i) notifier.notify();
  woken.wait();
  EXPECT_EQ(notifier.count(), 3u);
  run_to_end([&]() -> asio::awaitable<void> {
    const auto same = co_await notifier.wait(3, 1ms);
    EXPECT_EQ(same, 3u);
  });
}

TEST(Race, TheFirstToEndCancelsTheOther) {
  bool went_on = false;
  const auto forever = [&]() -> asio::awaitable<void> {
    co_await sleep_for(1h);
    went_on = true;
  };
  const auto now = []() -> asio::awaitable<void> { co_return; };
  const auto fail = []() -> asio::awaitable<void> {
    throw std::runtime_error("on purpose");
    co_return;
  };
  run_to_end([&]() -> asio::awaitable<void> {
    co_await race(forever, now);
    co_await race(now, forever);
  });
  EXPECT_FALSE(went_on);
  EXPECT_THROW(run_to_end([&]() -> asio::awaitable<void> { co_await race(fail, forever); }), std::runtime_error);
}

TEST(Runtime, StopsWhenAsked) {
  Runtime runtime(1);
  std::thread other([&] { runtime.request_stop(); });
  EXPECT_EQ(runtime.wait_for_stop(), 0);
  other.join();
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(Runtime(1).wait_for_stop(), SIGTERM);
}

}  // namespace
}  // namespace mifeng::net
