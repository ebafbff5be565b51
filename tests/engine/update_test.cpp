// How units are replaced, and what serves meanwhile.
#include <algorithm>
#include <set>

#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_P(SlottedEngineTest, WithAFreeSlotThereAreNeverFewerThanWanted) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const auto before = ids();
  wanted.revision = 2;
  wanted.pod.guard.env.push_back({"MORE", "1"});
  EXPECT_GE(fewest_serving(wanted, [&] { drive(wanted, watcher); }), 2U);
  expect_all_of(2, 0, 2);
  for (const std::string& id : ids()) EXPECT_FALSE(before.contains(id));
  EXPECT_FALSE(apply(wanted).changed);
}

TEST_P(SlottedEngineTest, WithoutAFreeSlotOneAtMostIsMissing) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 3, false);
  ASSERT_TRUE(drive(wanted, watcher));
  wanted.revision = 2;
  wanted.pod.guard.env.push_back({"MORE", "1"});
  EXPECT_GE(fewest_serving(wanted, [&] { drive(wanted, watcher); }), 2U);
  expect_all_of(2, 0, 3);
}

TEST_P(SlottedEngineTest, ARestartReplacesOneByOne) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const auto before = ids();
  wanted.restart = 1;
  EXPECT_GE(fewest_serving(wanted, [&] { drive(wanted, watcher); }), 2U);
  expect_all_of(1, 1, 2);
  for (const std::string& id : ids()) EXPECT_FALSE(before.contains(id));
}

TEST_P(SlottedEngineTest, WhatNeverGetsReadyLeavesTheOldOnesServing) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const auto before = ids();
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"serve", "503 Service Unavailable"}, {"exit", "3", "no"}}) {
    ++wanted.revision;
    wanted.pod.guard.args = args;
    apply(wanted);
    ASSERT_TRUE(watcher.wait_for([&] {
      const auto result = apply(wanted);
      EXPECT_FALSE(result.settled);
      return std::any_of(result.units.begin(), result.units.end(), [&](const Unit& one) {
        return one.revision == wanted.revision && (one.reason_code == "not-ready" || one.reason_code == "exited");
      });
    }));
    EXPECT_FALSE(apply(wanted).changed);
    int serving = 0;
    for (const Unit& one : units()) serving += before.contains(one.engine_id) && one.ready ? 1 : 0;
    EXPECT_EQ(serving, 2);
  }
  // And the next that can takes their place.
  ++wanted.revision;
  wanted.pod.guard.args = {"serve"};
  EXPECT_GE(fewest_serving(wanted, [&] { drive(wanted, watcher); }), 2U);
  expect_all_of(wanted.revision, 0, 2);
}

TEST_P(EngineTest, AnOldUnitThatEndedIsReplacedAtOnce) {
  Watcher watcher(*engine);
  Workload wanted = workload({"exit", "3", "no"}, 2, false);
  apply(wanted);
  ASSERT_TRUE(watcher.wait_for([&] {
    const auto all = units();
    return std::all_of(all.begin(), all.end(), [](const Unit& one) { return one.state == UnitState::kExited; });
  }));
  wanted.revision = 2;
  wanted.pod.guard.args = {"serve"};
  ASSERT_TRUE(drive(wanted, watcher));
  expect_all_of(2, 0, 2);
}

TEST_P(SlottedEngineTest, FewerReplicasGoAndLeaveTheEndpointsAtOnce) {
  Watcher watcher(*engine);
  Workload wanted = workload({"stubborn"}, 3);
  wanted.pod.termination_grace_seconds = 2;
  ASSERT_TRUE(drive(wanted, watcher));
  ASSERT_EQ(endpoints().size(), 3U);
  wanted.replicas = 1;
  const ApplyResult result = apply(wanted);
  EXPECT_TRUE(result.changed);
  EXPECT_FALSE(result.settled);
  EXPECT_EQ(endpoints().size(), 1U);
  std::size_t stopping = 0;
  for (const Unit& one : result.units) {
    stopping += one.state == UnitState::kStopping ? 1 : 0;
    if (one.state != UnitState::kStopping) {
      EXPECT_EQ(endpoints()[0].unit, one.name);
    }
  }
  EXPECT_EQ(stopping, 2U);
  EXPECT_FALSE(apply(wanted).changed);  // they are on their way already
  EXPECT_TRUE(watcher.wait_for([&] { return apply(wanted).settled; }));
  EXPECT_EQ(units().size(), 1U);
}

TEST_P(SlottedEngineTest, AllUnitsMayGoAndComeBack) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  wanted.replicas = 0;
  EXPECT_TRUE(watcher.wait_for([&] { return apply(wanted).settled; }));
  EXPECT_THAT(units(), IsEmpty());
  EXPECT_EQ(bench.everything_of(installation), "");  // volumes go with their units
  wanted.replicas = 2;
  EXPECT_TRUE(drive(wanted, watcher));
}

// The ports of a former revision are kept as long as its units run.
TEST_P(SlottedEngineTest, AnotherPortUnderAnotherNameIsAnUpdateLikeAnyOther) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 1);
  ASSERT_TRUE(drive(wanted, watcher));
  wanted.revision = 2;
  wanted.pod.ports = {{"grpc", 8080}};
  for (int slot = 0; slot < 2; ++slot) {
    wanted.node_ports.push_back({"grpc", slot, free_port()});
  }
  EXPECT_TRUE(drive(wanted, watcher));
  const auto dialled = endpoints();
  ASSERT_EQ(dialled.size(), 1U);
  EXPECT_EQ(dialled[0].port_name, "grpc");
  EXPECT_TRUE(call(dialled[0].node_port));
}

}  // namespace
}  // namespace mifeng::cluster
