#include "podman_view.h"

#include <gmock/gmock.h>

#include "test_workload.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Seen running(const std::string& name = "mf-1-test-0", const std::string& run = "a") {
  Seen seen;
  seen.unit.name = name;
  seen.unit.engine_id = "id-" + name;
  seen.unit.deployment = "test";
  seen.unit.revision = 1;
  seen.unit.state = UnitState::kRunning;
  seen.slot = name.back() - '0';
  seen.fingerprint = run;
  seen.address = "10.0.0.2";
  return seen;
}

PodmanView::Health ready() {
  PodmanView::Health health;
  health.ready = true;
  return health;
}

Listed listed(const std::string& name, const std::string& run) { return {name, "test", run}; }

TEST(PodmanView, HealthIsOfOneRun) {
  PodmanView view;
  EXPECT_TRUE(view.store(running()));
  EXPECT_FALSE(view.units("test")[0].ready);
  EXPECT_EQ(view.units("test")[0].reason_code, "not-answering");
  EXPECT_TRUE(view.store_health("mf-1-test-0", "a", ready()));
  EXPECT_FALSE(view.store_health("mf-1-test-0", "a", ready()));
  EXPECT_TRUE(view.units("test")[0].ready);
  EXPECT_EQ(view.units("test")[0].reason, "");
  EXPECT_FALSE(view.store(running()));
  EXPECT_TRUE(view.units("test")[0].ready);
  EXPECT_TRUE(view.store(running("mf-1-test-0", "b")));
  EXPECT_FALSE(view.units("test")[0].ready);
  EXPECT_FALSE(view.store_health("mf-1-test-0", "a", ready()));  // came too late
  EXPECT_FALSE(view.units("test")[0].ready);
}

TEST(PodmanView, TheTimeThatPassesIsNoNews) {
  PodmanView view;
  view.store(running());
  PodmanView::Health health;
  health.reason = {.code = "not-ready", .sentence = "has run for 1 s"};
  EXPECT_TRUE(view.store_health("mf-1-test-0", "a", health));
  health.reason.sentence = "has run for 2 s";
  EXPECT_FALSE(view.store_health("mf-1-test-0", "a", health));
  EXPECT_EQ(view.units("test")[0].reason, "has run for 2 s");
}

TEST(PodmanView, OnlyWhatDiffersIsLookedAtAgain) {
  PodmanView view;
  view.store(running("mf-1-test-0"));
  view.store(running("mf-1-test-1"));
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "a"), listed("mf-1-test-1", "a")}, ""), IsEmpty());
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "b"), listed("mf-1-test-2", "a")}, "test"),
              ElementsAre("mf-1-test-0", "mf-1-test-2", "mf-1-test-1"));
  EXPECT_THAT(view.differing({}, "other"), IsEmpty());
}

TEST(PodmanView, WhatWasNotComparedWithWhatIsWantedNowIsLookedAtAgain) {
  PodmanView view;
  Workload workload = sample_workload();
  workload.deployment = "test";
  const auto wanted = view.want(workload);
  EXPECT_EQ(view.want(workload), wanted);
  view.store(running());
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "a")}, ""), ElementsAre("mf-1-test-0"));
  Seen compared = running();
  compared.compared = wanted;
  view.store(compared);
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "a")}, ""), IsEmpty());
  workload.node_ports[0].node_port += 1;
  EXPECT_NE(view.want(workload), wanted);
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "a")}, ""), ElementsAre("mf-1-test-0"));
  workload.revision = 2;  // another revision is not compared with this one at all
  view.want(workload);
  EXPECT_THAT(view.differing({listed("mf-1-test-0", "a")}, ""), IsEmpty());
}

TEST(PodmanView, AUnitThatIsBeingEndedStopsUntilItsSlotIsFree) {
  PodmanView view;
  view.store(running());
  view.store_health("mf-1-test-0", "a", ready());
  EXPECT_TRUE(view.begin_ending(view.known("test")[0]));
  EXPECT_FALSE(view.begin_ending(view.known("test")[0]));
  EXPECT_EQ(view.units("test")[0].state, UnitState::kStopping);
  EXPECT_FALSE(view.units("test")[0].ready);
  EXPECT_THAT(view.running(""), IsEmpty());
  view.erase("mf-1-test-0");
  ASSERT_EQ(view.known("test").size(), 1U);  // its volumes are still there
  EXPECT_EQ(view.known("test")[0].unit.state, UnitState::kStopping);
  EXPECT_EQ(view.known("test")[0].slot, 0);
  view.note_trouble("mf-1-test-0", Error(ErrorCode::kUnavailable, "engine-unavailable", "away"));
  EXPECT_EQ(view.endings("test").count, 1U);
  EXPECT_TRUE(view.endings("").trouble);
  view.forget_trouble("test");
  EXPECT_FALSE(view.endings("").trouble);
  view.end_ending("mf-1-test-0");
  EXPECT_THAT(view.units(""), IsEmpty());
}

TEST(PodmanView, WhyAUnitCouldNotBeMadeIsKeptUntilItIsTriedAgain) {
  PodmanView view;
  Unit unit = running().unit;
  unit.state = UnitState::kFailed;
  unit.reason_code = "image-not-found";
  view.note_failure(unit, 0);
  ASSERT_EQ(view.known("test").size(), 1U);
  EXPECT_FALSE(view.known("test")[0].is_made);
  EXPECT_EQ(view.units("test")[0].reason_code, "image-not-found");
  view.forget_unmade("test");
  EXPECT_THAT(view.units("test"), IsEmpty());
  // Of one that was made and could not be started it stays.
  Seen made = running();
  made.unit.state = UnitState::kPending;
  view.store(made);
  EXPECT_EQ(view.units("test")[0].state, UnitState::kPending);
  unit.reason_code = "port-taken";
  view.note_failure(unit, 0);
  view.forget_unmade("test");
  EXPECT_EQ(view.units("test")[0].state, UnitState::kFailed);
  EXPECT_EQ(view.units("test")[0].reason_code, "port-taken");
  view.forget_failure(unit.name);
  EXPECT_EQ(view.units("test")[0].state, UnitState::kPending);
}

TEST(PodmanView, KeepsTheLastHundredEventsOnce) {
  PodmanView view;
  for (int i = 0; i < 150; ++i) view.add_event("test", {i, "mf-1-test-0", "start", ""});
  view.add_event("test", {149, "mf-1-test-0", "start", ""});
  const auto events = view.events("test");
  ASSERT_EQ(events.size(), 100U);
  EXPECT_EQ(events.front().time_ms, 50);
  EXPECT_EQ(events.back().time_ms, 149);
  EXPECT_THAT(view.events("other"), IsEmpty());
  view.forget("test");
  EXPECT_THAT(view.events("test"), IsEmpty());
}

}  // namespace
}  // namespace mifeng::cluster
