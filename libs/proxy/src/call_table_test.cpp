#include "mifeng/proxy/call_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mifeng::proxy {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Verdict = CallTable::Verdict;
using Time = std::chrono::steady_clock::time_point;

const Time kNow(1000h);

// Memory as workers share it, with what was there before in it.
struct Memory {
  explicit Memory(std::uint8_t secret = 7)
      : bytes(static_cast<std::byte*>(::operator new (CallTable::size(), std::align_val_t{64}))) {
    std::fill_n(bytes, CallTable::size(), std::byte{0xa5});
    CallTable::format(bytes, {secret});
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { ::operator delete (bytes, std::align_val_t{64}); }
  CallTable worker(unsigned number) const { return {bytes, number}; }
  std::byte* bytes;
};

class CallTables : public testing::Test {
 protected:
  Memory memory_;
  CallTable one_ = memory_.worker(0);
  CallTable two_ = memory_.worker(1);

  static CallTable::Entry enter(CallTable& table, const std::string& name, CallLimits limits, Time now = kNow,
                                CallerKind kind = CallerKind::kCaller) {
    return table.enter(kind, "rt-1", name, limits, now);
  }
  static int passes(CallTable& table, const std::string& name, CallLimits limits, Time now = kNow) {
    for (int passed = 0;; ++passed)
      if (enter(table, name, limits, now).verdict != Verdict::kGoes) return passed;
  }
};

TEST(CallRate, ABurstPassesAndThenOneCallAnInterval) {
  const CallRate rate = CallRate::per_minute(60);
  EXPECT_EQ(rate.interval, 1s);
  EXPECT_EQ(rate.burst, 6u);
  nanoseconds due{};
  const nanoseconds now = 1000h;
  for (int i = 0; i < 6; ++i) {
    const RateDecision decision = decide(rate, due, now);
    ASSERT_TRUE(decision.goes) << i;
    due = decision.due;
  }
  EXPECT_FALSE(decide(rate, due, now).goes);
  EXPECT_EQ(decide(rate, due, now).wait, 1s);
  EXPECT_EQ(decide(rate, due, now + 300ms).wait, 700ms);
  EXPECT_FALSE(decide(rate, due, now + 1s - 1ns).goes);
  EXPECT_TRUE(decide(rate, due, now + 1s).goes);
  EXPECT_FALSE(decide(rate, decide(rate, due, now + 1s).due, now + 1s).goes);
  // After a pause a burst again, and not more.
  EXPECT_EQ(decide(rate, due, now + 1h).due, now + 1h + 1s);
}

TEST(CallRate, InAnyMinuteThereAreNoMoreThanTheRateAndOneBurst) {
  for (const std::uint32_t calls : {1u, 7u, 9u, 10u, 600u, 1'000'000u}) {
    const CallRate rate = CallRate::per_minute(calls);
    EXPECT_EQ(rate.burst, std::max(calls / 10, 1u));
    nanoseconds due{};
    std::uint64_t passed = 0;
    // Somebody who tries all the time: at each instant at which one more may go.
    for (nanoseconds now = 1000h, end = now + 1min; now < end;) {
      const RateDecision decision = decide(rate, due, now);
      if (decision.goes) {
        ++passed;
        due = decision.due;
      } else {
        ASSERT_GT(decision.wait, 0ns);
        now += decision.wait;
      }
    }
    EXPECT_GE(passed, calls);
    EXPECT_LE(passed, std::uint64_t{calls} + rate.burst);
  }
}

TEST(CallRate, WhatWasRememberedUnderASlowerRateHoldsNobodyUp) {
  const nanoseconds now = 1000h;
  const nanoseconds due = decide(CallRate::per_minute(1), {}, now).due;
  EXPECT_EQ(due, now + 1min);
  const CallRate faster = CallRate::per_minute(60);
  const RateDecision decision = decide(faster, due, now);
  EXPECT_FALSE(decision.goes);
  EXPECT_EQ(decision.wait, 1s);
  EXPECT_FALSE(decide(faster, decision.due, now + 999ms).goes);
  EXPECT_TRUE(decide(faster, decision.due, now + 1s).goes);
}

TEST_F(CallTables, WithoutALimitNothingIsCounted) {
  for (int i = 0; i < 1000; ++i) {
    const auto entry = enter(one_, "c-1", {});
    EXPECT_EQ(entry.verdict, Verdict::kGoes);
    EXPECT_FALSE(entry.held);
  }
}

TEST_F(CallTables, WorkersCountARateTogether) {
  const CallLimits limits{.per_minute = 60};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(enter(one_, "c-1", limits).verdict, Verdict::kGoes);
    EXPECT_EQ(enter(two_, "c-1", limits).verdict, Verdict::kGoes);
  }
  for (CallTable* table : {&one_, &two_}) {
    const auto entry = enter(*table, "c-1", limits);
    EXPECT_EQ(entry.verdict, Verdict::kTooMany);
    EXPECT_EQ(entry.wait, 1s);
    EXPECT_FALSE(entry.held);
  }
  EXPECT_EQ(enter(two_, "c-1", limits, kNow + 1s).verdict, Verdict::kGoes);
  EXPECT_EQ(enter(one_, "c-1", limits, kNow + 1s).verdict, Verdict::kTooMany);
}

TEST_F(CallTables, AFasterRateHoldsFromTheFirstCallUnderIt) {
  EXPECT_EQ(enter(one_, "c-1", {.per_minute = 1}).verdict, Verdict::kGoes);
  const CallLimits faster{.per_minute = 60};
  EXPECT_EQ(enter(two_, "c-1", faster).verdict, Verdict::kTooMany);
  EXPECT_EQ(enter(two_, "c-1", faster, kNow + 999ms).verdict, Verdict::kTooMany);
  EXPECT_EQ(enter(two_, "c-1", faster, kNow + 1s).verdict, Verdict::kGoes);
}

TEST_F(CallTables, EachCallerOfEachRouteIsCountedByItself) {
  const CallLimits limits{.per_minute = 1};
  const auto goes = [&](CallerKind kind, const std::string& route, const std::string& name) {
    return one_.enter(kind, route, name, limits, kNow).verdict == Verdict::kGoes;
  };
  EXPECT_TRUE(goes(CallerKind::kCaller, "rt-1", "c-1"));
  EXPECT_FALSE(goes(CallerKind::kCaller, "rt-1", "c-1"));
  EXPECT_TRUE(goes(CallerKind::kCaller, "rt-1", "c-2"));
  EXPECT_TRUE(goes(CallerKind::kCaller, "rt-2", "c-1"));
  EXPECT_TRUE(goes(CallerKind::kAddress, "rt-1", "c-1"));
  EXPECT_TRUE(goes(CallerKind::kCaller, "rt-1c", "-1"));
}

TEST_F(CallTables, CallsAtOnceAreHeldUntilTheyEnd) {
  const CallLimits limits{.at_once = 2};
  const auto first = enter(one_, "c-1", limits);
  const auto second = enter(two_, "c-1", limits);
  ASSERT_TRUE(first.held && second.held);
  for (CallTable* table : {&one_, &two_}) {
    const auto refused = enter(*table, "c-1", limits);
    EXPECT_EQ(refused.verdict, Verdict::kTooManyAtOnce);
    EXPECT_FALSE(refused.held);
  }
  EXPECT_EQ(enter(one_, "c-2", limits).verdict, Verdict::kGoes);
  two_.leave(*second.held);
  const auto third = enter(one_, "c-1", limits);
  ASSERT_TRUE(third.held);
  EXPECT_EQ(enter(two_, "c-1", limits).verdict, Verdict::kTooManyAtOnce);
  one_.leave(*first.held);
  one_.leave(*third.held);
  EXPECT_EQ(passes(two_, "c-1", limits), 2);
}

TEST_F(CallTables, WhatIsRefusedCountsForNothing) {
  const CallLimits limits{.per_minute = 20, .at_once = 1};
  const auto held = enter(one_, "c-1", limits).held;
  ASSERT_TRUE(held);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(enter(one_, "c-1", limits).verdict, Verdict::kTooManyAtOnce);
  one_.leave(*held);
  // The second of the burst, though a hundred were refused.
  const auto again = enter(one_, "c-1", limits).held;
  ASSERT_TRUE(again);
  one_.leave(*again);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(enter(one_, "c-1", limits).verdict, Verdict::kTooMany);
  EXPECT_TRUE(enter(one_, "c-1", limits, kNow + 3s).held) << "no place at once was lost either";
}

TEST_F(CallTables, AWorkerThatWasKilledTakesItsCallsAlong) {
  const CallLimits limits{.at_once = 3};
  EXPECT_TRUE(enter(one_, "c-1", limits).held);
  EXPECT_TRUE(enter(two_, "c-1", limits).held);
  EXPECT_TRUE(enter(two_, "c-1", limits).held);
  EXPECT_EQ(enter(one_, "c-1", limits).verdict, Verdict::kTooManyAtOnce);
  CallTable successor = memory_.worker(1);
  EXPECT_EQ(passes(successor, "c-1", limits), 2) << "the other worker's call still counts";
}

TEST_F(CallTables, WorkersJoinInAnyOrder) {
  const Memory memory;
  CallTable last = memory.worker(CallTable::kWorkersMax - 1);
  const CallLimits limits{.at_once = 2};
  EXPECT_TRUE(enter(last, "c-1", limits).held);
  CallTable first = memory.worker(0);
  EXPECT_EQ(passes(first, "c-1", limits), 1);
}

TEST_F(CallTables, ARateOutlivesTheWorkerThatCountedIt) {
  const CallLimits limits{.per_minute = 60};
  EXPECT_EQ(passes(two_, "c-1", limits), 6);
  CallTable successor = memory_.worker(1);
  EXPECT_EQ(enter(successor, "c-1", limits).verdict, Verdict::kTooMany);
}

TEST_F(CallTables, HoweverManyCallNobodyIsBlockedByThem) {
  const CallLimits limits{.per_minute = 1};
  // More than there are places, all of them with a rate to make up for.
  for (int i = 0; i < 150'000; ++i)
    ASSERT_EQ(enter(one_, "c-" + std::to_string(i), limits, kNow + nanoseconds(i)).verdict, Verdict::kGoes) << i;
  // The last ones are remembered still.
  int refused = 0;
  for (int i = 149'900; i < 150'000; ++i)
    refused += enter(one_, "c-" + std::to_string(i), limits, kNow + 1ms).verdict == Verdict::kTooMany;
  EXPECT_GT(refused, 90);
}

TEST_F(CallTables, CallsThatFillTheTableLetOthersPass) {
  const CallLimits limits{.at_once = 1};
  std::vector<std::uint32_t> held;
  int uncounted = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto entry = enter(one_, "c-" + std::to_string(i), limits);
    ASSERT_EQ(entry.verdict, Verdict::kGoes) << i;
    if (entry.held)
      held.push_back(*entry.held);
    else
      ++uncounted;
  }
  EXPECT_GT(uncounted, 0);
  EXPECT_EQ(std::set<std::uint32_t>(held.begin(), held.end()).size(), held.size()) << "two callers share a place";
  EXPECT_LE(held.size(), 65'536u);
  for (const std::uint32_t place : held) one_.leave(place);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(enter(one_, "d-" + std::to_string(i), limits).held) << i;
}

TEST_F(CallTables, AddressesTakeNoPlaceOfACallers) {
  const CallLimits limits{.per_minute = 60, .at_once = 6};
  EXPECT_EQ(passes(one_, "c-1", limits), 6);
  std::vector<std::uint32_t> held;
  for (int i = 0; i < 100'000; ++i) {
    const auto entry = enter(one_, "a-" + std::to_string(i), limits, kNow, CallerKind::kAddress);
    ASSERT_EQ(entry.verdict, Verdict::kGoes) << i;
    if (entry.held) held.push_back(*entry.held);
  }
  EXPECT_LE(held.size(), 16'384u);
  EXPECT_EQ(enter(one_, "c-1", limits).verdict, Verdict::kTooManyAtOnce);
}

TEST_F(CallTables, WhereACallersPlacesAreFollowsFromTheSecret) {
  const CallLimits limits{.at_once = 1};
  const Memory other(8);
  CallTable elsewhere = other.worker(0);
  std::set<std::uint32_t> here, there;
  for (int i = 0; i < 50; ++i) {
    here.insert(enter(one_, "c-" + std::to_string(i), limits).held.value());
    there.insert(enter(elsewhere, "c-" + std::to_string(i), limits).held.value());
  }
  EXPECT_NE(here, there);
}

TEST(CallTableThreads, CountTogetherWhateverComesAtTheSameInstant) {
  const Memory memory;
  constexpr unsigned kWorkers = 4;
  constexpr int kCalls = 20'000;
  // One call is there all the time, so the caller keeps its place.
  const CallLimits limits{.at_once = 3};
  CallTable main = memory.worker(kWorkers);
  const auto first = main.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow);
  ASSERT_TRUE(first.held);
  std::atomic<int> under_way{0}, most{0}, passed{0};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < kWorkers; ++number) {
    threads.emplace_back([&, number] {
      CallTable table = memory.worker(number);
      for (int i = 0; i < kCalls; ++i) {
        // The others of many names come and go beside it, in the same places now and then.
        const auto beside = table.enter(CallerKind::kCaller, "rt-2", std::to_string(i), {.at_once = 1}, kNow);
        const auto entry = table.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow);
        if (entry.held) {
          const int now = ++under_way;
          for (int seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) continue;
          ++passed;
          --under_way;
          table.leave(*entry.held);
        }
        if (beside.held) table.leave(*beside.held);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(passed.load(), 0);
  EXPECT_LE(most.load(), 2);
  main.leave(*first.held);
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(main.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow).held) << "a call is counted that ended";
  EXPECT_FALSE(main.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow).held);
}

TEST(CallTableThreads, ARateIsOneRate) {
  const Memory memory;
  const CallLimits limits{.per_minute = 6000};
  CallTable main = memory.worker(4);
  ASSERT_EQ(main.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow).verdict, Verdict::kGoes);
  std::atomic<int> passed{0};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      CallTable table = memory.worker(number);
      for (int i = 0; i < 5000; ++i)
        if (table.enter(CallerKind::kCaller, "rt-1", "c-1", limits, kNow).verdict == Verdict::kGoes) ++passed;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(passed.load(), 599);
}

}  // namespace
}  // namespace mifeng::proxy
