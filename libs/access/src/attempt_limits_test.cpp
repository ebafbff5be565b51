#include "mifeng/access/attempt_limits.h"

#include <gtest/gtest.h>

namespace mifeng::access {
namespace {

constexpr UnixMillis kNow = 1'790'000'000'000;
constexpr UnixMillis kMinute = 60'000;

TEST(AttemptLimits, TwentyInTenMinutesOfEach) {
  AttemptLimits limits;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(limits.take(Attempt::kGrant, "a", kNow + i * kMinute / 4));
  EXPECT_EQ(limits.take(Attempt::kGrant, "a", kNow + 9 * kMinute).error().reason(), "too-many-requests");
  EXPECT_TRUE(limits.take(Attempt::kGrant, "b", kNow + 9 * kMinute));
  EXPECT_TRUE(limits.take(Attempt::kGrant, "a", kNow + 10 * kMinute)) << "the first is ten minutes old";
  EXPECT_FALSE(limits.take(Attempt::kGrant, "a", kNow + 10 * kMinute));
  limits.forget(Attempt::kGrant, "a");
  EXPECT_TRUE(limits.take(Attempt::kGrant, "a", kNow + 10 * kMinute));
}

TEST(AttemptLimits, AnInstanceIsRenewedNinetyTimesAMinute) {
  AttemptLimits limits;
  for (int i = 0; i < 90; ++i) ASSERT_TRUE(limits.take_renewal("in-1", kNow + i * 100)) << i;
  EXPECT_EQ(limits.take_renewal("in-1", kNow + 9'000).error().reason(), "too-many-renewals");
  EXPECT_TRUE(limits.take_renewal("in-2", kNow + 9'000));
  EXPECT_TRUE(limits.take_renewal("in-1", kNow + kMinute));
  // One a second, as with the shortest lease, for an hour.
  for (int i = 0; i < 3600; ++i) ASSERT_TRUE(limits.take_renewal("in-3", kNow + i * 1000)) << i;
}

TEST(AttemptLimits, OneKindTakesNothingFromAnother) {
  AttemptLimits limits;
  for (int i = 0; i < 100; ++i) (void)limits.may_audit(Attempt::kSocket, "a", kNow);
  EXPECT_FALSE(limits.may_audit(Attempt::kSocket, "a", kNow));
  EXPECT_TRUE(limits.take(Attempt::kGrant, "a", kNow));
  EXPECT_TRUE(limits.may_audit(Attempt::kRenewal, "a", kNow));
  EXPECT_TRUE(limits.take(Attempt::kEnrolment, "a", kNow));
}

TEST(AttemptLimits, HoweverManyNamesThereAreNobodyIsRefusedForThem) {
  AttemptLimits limits;
  for (int i = 0; i < 50'000; ++i) ASSERT_TRUE(limits.take(Attempt::kEnrolment, std::to_string(i), kNow)) << i;
}

}  // namespace
}  // namespace mifeng::access
