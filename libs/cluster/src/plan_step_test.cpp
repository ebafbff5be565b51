#include "plan_step.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum Is { kReady, kNotReady, kExited, kPending, kFailed, kGoing };

Placed unit(int slot, bool wanted, Is is = kReady) {
  Placed made;
  made.slot = slot;
  made.wanted = wanted;
  made.ready = is == kReady;
  switch (is) {
    case kReady:
    case kNotReady: made.state = UnitState::kRunning; break;
    case kExited: made.state = UnitState::kExited; break;
    case kPending: made.state = UnitState::kPending; break;
    case kFailed: made.state = UnitState::kFailed; break;
    case kGoing: made.state = UnitState::kStopping; break;
  }
  return made;
}
Placed fresh(int slot, Is is = kReady) { return unit(slot, true, is); }
Placed old(int slot, Is is = kReady) { return unit(slot, false, is); }

TEST(PlanStep, MakesAllThatIsMissingAtOnce) {
  const Step step = plan_step({}, 3, {0, 1, 2, 3});
  EXPECT_THAT(step.make, ElementsAre(0, 1, 2));
  EXPECT_THAT(step.end, IsEmpty());
  EXPECT_FALSE(step.settled);
}

TEST(PlanStep, WhatIsThereIsLeftAloneReadyOrNotAndWhatEndedStaysEnded) {
  const Step step = plan_step({fresh(0), fresh(1, kNotReady), fresh(2, kExited)}, 3, {0, 1, 2, 3});
  EXPECT_THAT(step.make, IsEmpty());
  EXPECT_THAT(step.end, IsEmpty());
  EXPECT_THAT(step.start, IsEmpty());
  EXPECT_TRUE(step.settled);
}

TEST(PlanStep, WhatWasMadeAndNotStartedIsStarted) {
  const Step step = plan_step({fresh(0), fresh(1, kPending), fresh(2, kFailed)}, 3, {0, 1, 2});
  EXPECT_THAT(step.start, ::testing::UnorderedElementsAre(1, 2));
  EXPECT_FALSE(step.settled);
}

TEST(PlanStep, FewerReplicasEndThoseThatDoNotServeFirstThenTheHighestSlot) {
  const std::vector<Placed> units{fresh(0, kExited), fresh(1), fresh(2), fresh(3, kNotReady)};
  EXPECT_THAT(plan_step(units, 3, {0, 1, 2, 3}).end, ElementsAre(0));
  EXPECT_THAT(plan_step(units, 2, {0, 1, 2, 3}).end, ElementsAre(0, 3));
  EXPECT_THAT(plan_step(units, 1, {0, 1, 2, 3}).end, ElementsAre(0, 3, 2));
  EXPECT_THAT(plan_step(units, 0, {}).end, ElementsAre(0, 3, 2, 1));
}

TEST(PlanStep, SomethingOnItsWayOutKeepsItsSlotAndIsNotSettled) {
  const Step step = plan_step({fresh(0), fresh(1, kGoing)}, 1, {0, 1});
  EXPECT_FALSE(step.settled);
  EXPECT_THAT(step.make, IsEmpty());
  EXPECT_THAT(plan_step({fresh(0, kGoing)}, 1, {0, 1}).make, ElementsAre(1));
  EXPECT_THAT(plan_step({fresh(0, kGoing)}, 1, {0}).make, IsEmpty());
}

TEST(PlanStep, WithAFreeSlotANewUnitComesFirst) {
  Step step = plan_step({old(0), old(1)}, 2, {0, 1, 2});
  EXPECT_THAT(step.make, ElementsAre(2));
  EXPECT_THAT(step.end, IsEmpty());
  step = plan_step({old(0), old(1), fresh(2, kNotReady)}, 2, {0, 1, 2});
  EXPECT_THAT(step.make, IsEmpty());
  EXPECT_THAT(step.end, IsEmpty());
  step = plan_step({old(0), old(1), fresh(2)}, 2, {0, 1, 2});
  EXPECT_THAT(step.end, ElementsAre(1));
  EXPECT_THAT(step.make, IsEmpty());
  step = plan_step({old(0), old(1, kGoing), fresh(2)}, 2, {0, 1, 2});
  EXPECT_THAT(step.end, IsEmpty());
  EXPECT_THAT(step.make, IsEmpty());
  step = plan_step({old(0), fresh(2)}, 2, {0, 1, 2});
  EXPECT_THAT(step.make, ElementsAre(1));
  step = plan_step({fresh(1), fresh(2)}, 2, {0, 1, 2});
  EXPECT_TRUE(step.settled);
}

TEST(PlanStep, AtMostOneMoreThanWantedEvenWithManyFreeSlots) {
  EXPECT_THAT(plan_step({old(0), old(1)}, 2, {0, 1, 2, 3, 4}).make, ElementsAre(2));
  const Step step = plan_step({old(0), old(1), fresh(2)}, 2, {0, 1, 2, 3, 4});
  EXPECT_THAT(step.make, IsEmpty());  // the next comes when the old one is gone
  EXPECT_THAT(step.end, ElementsAre(1));
}

TEST(PlanStep, WithoutAFreeSlotAnOldUnitGoesFirst) {
  Step step = plan_step({old(0), old(1, kNotReady), old(2)}, 3, {0, 1, 2});
  EXPECT_THAT(step.end, ElementsAre(1));
  EXPECT_THAT(step.make, IsEmpty());
  step = plan_step({old(0), old(1, kGoing), old(2)}, 3, {0, 1, 2});
  EXPECT_THAT(step.end, IsEmpty());
  step = plan_step({old(0), old(2)}, 3, {0, 1, 2});
  EXPECT_THAT(step.make, ElementsAre(1));
  EXPECT_THAT(step.end, IsEmpty());
  step = plan_step({old(0), fresh(1, kNotReady), old(2)}, 3, {0, 1, 2});
  EXPECT_THAT(step.end, IsEmpty());
  step = plan_step({old(0), fresh(1), old(2)}, 3, {0, 1, 2});
  EXPECT_THAT(step.end, ElementsAre(2));
}

TEST(PlanStep, WhatDoesNotServeGoesBeforeWhatServes) {
  EXPECT_THAT(plan_step({old(0, kNotReady), old(1), fresh(2)}, 2, {0, 1, 2}).end, ElementsAre(0));
}

TEST(PlanStep, AnOldUnitThatDoesNotRunIsReplacedAtOnce) {
  Step step = plan_step({old(0, kExited), old(1)}, 2, {0, 1, 2});
  EXPECT_THAT(step.end, ElementsAre(0));
  EXPECT_THAT(step.make, ElementsAre(2));
  step = plan_step({old(0, kPending), fresh(1, kNotReady)}, 2, {0, 1});
  EXPECT_THAT(step.end, ElementsAre(0));
  EXPECT_THAT(step.make, IsEmpty());  // its slot is not free yet
  step = plan_step({fresh(1, kNotReady)}, 2, {0, 1});
  EXPECT_THAT(step.make, ElementsAre(0));
}

TEST(PlanStep, WhatCannotBecomeReadyLeavesTheOldOnesServing) {
  for (const Is is : {kNotReady, kExited, kFailed}) {
    const Step step = plan_step({old(0), old(1), fresh(2, is)}, 2, {0, 1, 2});
    EXPECT_THAT(step.end, IsEmpty());
    EXPECT_THAT(step.make, IsEmpty());
    EXPECT_FALSE(step.settled);
  }
  // Without a free slot one is missing, and no second one goes.
  EXPECT_THAT(plan_step({old(0), fresh(1, kExited)}, 2, {0, 1}).end, IsEmpty());
}

TEST(PlanStep, AThirdRevisionReplacesTheSecondOneThatNeverBecameReady) {
  const Step step = plan_step({old(0), old(1, kNotReady)}, 1, {0, 1});
  EXPECT_THAT(step.end, ElementsAre(1));
  EXPECT_THAT(plan_step({old(0), old(1, kGoing)}, 1, {0, 1}).end, IsEmpty());
  EXPECT_THAT(plan_step({old(0)}, 1, {0, 1}).make, ElementsAre(1));
}

TEST(PlanStep, UpdatedAndScaledAtTheSameTime) {
  Step step = plan_step({old(0), old(1), old(2)}, 2, {0, 1, 2});
  EXPECT_THAT(step.end, ElementsAre(2));
  step = plan_step({old(0), old(1)}, 4, {0, 1, 2, 3, 4});
  EXPECT_THAT(step.make, ElementsAre(2, 3));
  EXPECT_THAT(step.end, IsEmpty());
  EXPECT_THAT(plan_step({old(0), old(1)}, 0, {}).end, ElementsAre(1, 0));
}

TEST(PlanStep, WhatIsInNoSlotGoesWithoutMakingRoom) {
  EXPECT_THAT(plan_step({old(-1, kExited)}, 1, {0}).make, ElementsAre(0));
  EXPECT_THAT(plan_step({old(-1)}, 1, {0}).make, ElementsAre(0));
}

// A cluster that does what it is told, in any order, units of it failing now and then: whatever happens, bounds hold
// and the end is reached.
TEST(PlanStep, KeepsItsPromisesThroughAnyUpdate) {
  std::mt19937 random(7);
  const auto chance = [&](int of) { return std::uniform_int_distribution<int>(0, of - 1)(random) == 0; };
  for (int round = 0; round < 2000; ++round) {
    const int replicas = 1 + static_cast<int>(random() % 4);
    const bool has_spare = chance(2);
    std::vector<int> slots;
    for (int slot = 0; slot < replicas + (has_spare ? 1 : 0); ++slot) slots.push_back(slot);
    std::vector<Placed> units;
    for (int slot = 0; slot < replicas; ++slot) units.push_back(old(slot));
    bool settled = false;
    for (int turn = 0; turn < 500 && !settled; ++turn) {
      const Step step = plan_step(units, replicas, slots);
      for (const std::size_t i : step.end) units[i].state = UnitState::kStopping;
      for (const std::size_t i : step.start) units[i].state = UnitState::kRunning;
      for (const int slot : step.make) {
        for (const Placed& one : units) ASSERT_NE(one.slot, slot);
        units.push_back(fresh(slot, chance(5) ? kFailed : kNotReady));
      }
      const auto count = [&](auto condition) {
        return static_cast<int>(std::count_if(units.begin(), units.end(), condition));
      };
      const auto is_ready = [](const Placed& one) { return one.state == UnitState::kRunning && one.ready; };
      ASSERT_GE(count(is_ready), replicas - (has_spare ? 0 : 1));
      ASSERT_LE(units.size(), static_cast<std::size_t>(replicas) + 1);
      settled = step.settled && count(is_ready) == replicas;
      for (Placed& one : units) {
        if (one.wanted && one.state == UnitState::kRunning && chance(3)) one.ready = true;
      }
      std::erase_if(units, [&](const Placed& one) { return one.state == UnitState::kStopping && chance(3); });
    }
    ASSERT_TRUE(settled);
    for (const Placed& one : units) ASSERT_TRUE(one.wanted);
  }
}

}  // namespace
}  // namespace mifeng::cluster
