// Logs, and what is left of a deployment that goes: volumes and images.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_P(EngineTest, LogsComeFromTheEndAndFollow) {
  const Workload wanted = workload({"lines", "500"});
  apply(wanted);
  const std::string name = wait_made().name;
  wait_for([&](const auto&) {
    const auto lines = logs(name, -1);
    return lines && lines->size() == 500;
  });
  const auto lines = logs(name, 2);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out line 498", "out line 499"));

  // Following ends when the reader has had enough; the container still runs.
  int seen = 0;
  LogSink three = [&](LogLine) -> boost::asio::awaitable<Result<void>> {
    if (++seen == 3) co_return Error(ErrorCode::kCancelled, "enough", "enough");
    co_return ok();
  };
  LogOptions options;
  options.container = "guard";
  options.follow = true;
  const auto followed = net::run_to_result<void>([&] { return engine->logs(name, options, three); });
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().reason(), "enough");
  EXPECT_EQ(seen, 3);
  const auto missing = logs("mf-nothing", 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

TEST_P(EngineTest, LogsSinceAMomentAndWithTheirTimes) {
  apply(workload({"ticks"}));
  const std::string name = wait_made().name;
  wait_for([&](const auto&) {
    const auto lines = logs(name, -1);
    return lines && lines->size() >= 12;
  });
  LogOptions options;
  options.container = "guard";
  options.tail = -1;
  options.timestamps = true;
  const auto all = logs(name, options);
  ASSERT_TRUE(all) << all.error().message();
  ASSERT_GE(all->size(), 12U);
  EXPECT_THAT(all->front(), ::testing::MatchesRegex("out [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+) tick 0"));
  options.timestamps = false;
  options.since_ms = SystemClock().now_ms() - 1000;
  const auto late = logs(name, options);
  ASSERT_TRUE(late) << late.error().message();
  EXPECT_LT(late->size(), all->size());
  EXPECT_THAT(*late, ::testing::Not(::testing::Contains("out tick 0")));
  options.since_ms = SystemClock().now_ms() + 3600'000;
  const auto future = logs(name, options);
  ASSERT_TRUE(future);
  EXPECT_THAT(*future, IsEmpty());
}

TEST_P(EngineTest, LogsOfWhatIsNotThereAreRefused) {
  apply(workload({"lines", "1"}));
  const std::string name = wait_made().name;
  wait_for([&](const auto& one) {
    const auto lines = logs(name, LogOptions{});
    return one.state == UnitState::kRunning && lines && !lines->empty();
  });
  LogOptions options;
  for (const char* container : {"", "model"}) {  // who says nothing means the model's
    options.container = container;
    const auto lines = logs(name, options);
    ASSERT_TRUE(lines);
    EXPECT_THAT(*lines, ElementsAre(::testing::HasSubstr("gid=65532")));
  }
  options.container = "guard";
  EXPECT_TRUE(logs(name, options));
  options.container = "other";
  const auto other = logs(name, options);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kNotFound);
  options = LogOptions{};
  options.previous = true;
  const auto previous = logs(name, options);
  ASSERT_FALSE(previous);
  EXPECT_EQ(previous.error().reason(), "no-previous-run");
}

TEST_P(EngineTest, RemoveLeavesNothingAndTwiceIsFine) {
  apply(workload({"serve"}, 2));
  for (int i = 0; i < 2; ++i) expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(bench.everything_of(installation), "");
  EXPECT_THAT(units(), IsEmpty());
}

TEST_P(EngineTest, RemoveWaitsForWhatIsJustBeingEnded) {
  Workload wanted = workload({"stubborn"}, 2);
  wanted.pod.termination_grace_seconds = 2;
  apply(wanted);
  ASSERT_TRUE(comes_about([&] {
    const auto all = units();
    return std::all_of(all.begin(), all.end(), [](const Unit& one) { return one.state == UnitState::kRunning; });
  }));
  wanted.replicas = 1;
  auto left = apply(wanted).units;
  EXPECT_TRUE(comes_about([&] {
    if (bench.restarts_by_itself()) left = units();
    return std::count_if(left.begin(), left.end(), [](const Unit& one) { return one.state == UnitState::kStopping; }) ==
           1;
  }));
  expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(bench.everything_of(installation), "");
  EXPECT_THAT(units(), IsEmpty());
}

// Another engine of the same installation, as after the platform died while a unit was ended.
TEST_P(EngineTest, WhatWasBeingEndedIsFoundAgainByTheNextEngine) {
  Workload wanted = workload({"stubborn"}, 2);
  wanted.pod.termination_grace_seconds = 2;
  apply(wanted);
  wanted.replicas = 1;
  apply(wanted);
  engine = bench.make_engine(installation);
  Watcher watcher(*engine);
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_EQ(units().size(), 1U);
}

}  // namespace
}  // namespace mifeng::cluster
