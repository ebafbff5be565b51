#include "sign_in_limits.h"

#include <gtest/gtest.h>

namespace mifeng::people {
namespace {

constexpr UnixMillis kNow = 1'790'000'000'000;
constexpr UnixMillis kDay = 24LL * 3600 * 1000;

TEST(SignInLimits, WaitsGrowToAQuarterOfAnHourAndNoFurther) {
  SignInLimits limits;
  UnixMillis now = kNow;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limits.begin("a", "ann", now));
  UnixMillis wait = 15'000;
  for (int i = 0; i < 20; ++i) {
    ASSERT_FALSE(limits.begin("a", "ann", now + wait - 1)) << i;
    now += wait;
    ASSERT_TRUE(limits.begin("a", "ann", now)) << i;
    wait = std::min<UnixMillis>(2 * wait, 900'000);
  }
}

TEST(SignInLimits, APlaceThatTriesManyNamesHasABudget) {
  SignInLimits limits;
  int tried = 0;
  for (int i = 0; i < 1000; ++i) tried += limits.begin("a", "name-" + std::to_string(i), kNow) ? 1 : 0;
  EXPECT_EQ(tried, 30);
  EXPECT_TRUE(limits.begin("b", "name-1", kNow)) << "another place";
  EXPECT_TRUE(limits.begin("a", "later", kNow + 10'001));
  EXPECT_FALSE(limits.begin("a", "later still", kNow + 10'001));
}

TEST(SignInLimits, WhoWasRightFromThereBeforeIsHeldUpByNoBudget) {
  SignInLimits limits;
  ASSERT_TRUE(limits.begin("office", "ann", kNow));
  limits.right("office", "ann");
  for (int i = 0; i < 1000; ++i) (void)limits.begin("office", "name-" + std::to_string(i), kNow);
  for (int i = 0; i < 1000; ++i) (void)limits.begin("place-" + std::to_string(i), "ann", kNow);
  EXPECT_FALSE(limits.begin("office", "bob", kNow)) << "the place has none left";
  EXPECT_FALSE(limits.begin("elsewhere", "ann", kNow)) << "the name has none left";
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limits.begin("office", "ann", kNow));
  EXPECT_FALSE(limits.begin("office", "ann", kNow)) << "it may not guess for that";
}

TEST(SignInLimits, ANameThatIsTriedFromEverywhereHasABudget) {
  SignInLimits limits;
  int tried = 0;
  for (int i = 0; i < 1000; ++i) tried += limits.begin("place-" + std::to_string(i), "ann", kNow) ? 1 : 0;
  EXPECT_EQ(tried, 60);
  tried = 0;
  for (int i = 0; i < 10'000; ++i) tried += limits.begin("later-" + std::to_string(i), "ann", kNow + kDay / 24) ? 1 : 0;
  EXPECT_EQ(tried, 60) << "full again after an hour, and no fuller";
  EXPECT_TRUE(limits.begin("place-1", "bob", kNow));
}

TEST(SignInLimits, WhoeverHasNoBudgetLeftMakesNothingBeForgotten) {
  SignInLimits limits;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(limits.begin("a", "ann", kNow));
  for (int i = 0; i < 100'000; ++i) (void)limits.begin("a", "name-" + std::to_string(i), kNow);
  EXPECT_FALSE(limits.begin("a", "ann", kNow + 14'000));
}

TEST(SignInLimits, WhatWasOursToAnswerForDoesNotCount) {
  SignInLimits limits;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(limits.begin("a", "ann", kNow)) << i;
    limits.undo("a", "ann");
  }
}

TEST(SignInLimits, AnAdministratorsNewPasswordEndsAllWaits) {
  SignInLimits limits;
  for (const char* place : {"a", "b"})
    while (limits.begin(place, "ann", kNow)) continue;
  limits.forget("ann");
  EXPECT_TRUE(limits.begin("a", "ann", kNow));
  EXPECT_TRUE(limits.begin("b", "ann", kNow));
}

}  // namespace
}  // namespace mifeng::people
