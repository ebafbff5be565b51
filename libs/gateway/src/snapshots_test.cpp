#include "mifeng/gateway/snapshots.h"

#include <gtest/gtest.h>

#include "test_platform.h"

namespace mifeng::gateway {
namespace {

using std::chrono::milliseconds;
using test::kNow;
using test::reason_of;

struct Snapshots : testing::Test {
  test::Platform platform;
  FakeClock clock{kNow};
  TempDir dir = TempDir::create("/tmp", "mifeng-snapshots-").value();
  StateFolder folder = StateFolder::open(dir.path() / "state", dir.path() / "master.key", platform.tools).value();
  Membership member = folder.begin_enrolment(platform.join(), "0.1.0").value();
  SnapshotKeeper keeper{folder, member, clock, platform.tools};
};

TEST_F(Snapshots, ReplaceEachOther) {
  EXPECT_TRUE(keeper.is_expired());
  ASSERT_EQ(reason_of(keeper.offer(platform.snapshot(member, 5))), "ok");
  EXPECT_EQ(keeper.serial(), 5u);
  EXPECT_FALSE(keeper.is_expired());
  ASSERT_TRUE(keeper.offer(platform.snapshot(member, 9, "/b")).value());
  EXPECT_EQ(keeper.current()->routes.at(0).prefix, "/b");
  const proxy::Route route = to_table(*keeper.current()).routes.at(0);
  EXPECT_EQ(route.prefix, "/b");
  EXPECT_EQ(route.calls_per_minute, 600u);
  EXPECT_EQ(route.calls_at_once, 8u);
  EXPECT_EQ(route.seconds_max, 300u);
  EXPECT_EQ(to_table(*keeper.current()).serial, 9u);
}

TEST_F(Snapshots, ForgedReplayedAndOldOnesAreRefusedAndChangeNothing) {
  const auto first = platform.snapshot(member, 5);
  const auto second = platform.snapshot(member, 6, "/b");
  ASSERT_TRUE(keeper.offer(first));
  ASSERT_TRUE(keeper.offer(second));
  // Replayed: an older one, whole and rightly signed.
  EXPECT_EQ(reason_of(keeper.offer(first)), "snapshot-rollback");
  // The same again is no news, and no error.
  EXPECT_FALSE(keeper.offer(second).value());
  // Other content under the serial in force.
  EXPECT_EQ(reason_of(keeper.offer(platform.snapshot(member, 6, "/c"))), "snapshot-rollback");
  // Signed by somebody else.
  EXPECT_EQ(reason_of(keeper.offer(platform.snapshot(member, 7, "/c", &platform.output))), "bad-signature");
  // An old one under a new serial.
  EXPECT_EQ(reason_of(keeper.offer({.serial = 8, .stream = first.stream})), "bad-header-mac");
  // Altered on the way.
  auto altered = platform.snapshot(member, 9);
  altered.stream[altered.stream.size() / 2] ^= 1;
  EXPECT_FALSE(keeper.offer(altered));
  EXPECT_EQ(keeper.serial(), 6u);
  EXPECT_EQ(keeper.current()->routes.at(0).prefix, "/b");
}

TEST_F(Snapshots, AreUsedAfterARestartAndNotRolledBackThen) {
  ASSERT_TRUE(keeper.offer(platform.snapshot(member, 5)));
  ASSERT_TRUE(keeper.offer(platform.snapshot(member, 6, "/b")));
  SnapshotKeeper again(folder, member, clock, platform.tools);
  ASSERT_TRUE(again.load());
  EXPECT_EQ(again.serial(), 6u);
  EXPECT_EQ(again.current()->routes.at(0).prefix, "/b");
  EXPECT_EQ(reason_of(again.offer(platform.snapshot(member, 5))), "snapshot-rollback");
}

TEST_F(Snapshots, EndWithTheirTime) {
  ASSERT_TRUE(keeper.offer(platform.snapshot(member, 5)));
  clock.advance(milliseconds(999));
  EXPECT_FALSE(keeper.is_expired());
  clock.advance(milliseconds(1));
  EXPECT_TRUE(keeper.is_expired());
  EXPECT_EQ(reason_of(keeper.offer(platform.snapshot(member, 6))), "snapshot-expired");
  // An expired one is still the lowest that counts after a restart.
  SnapshotKeeper again(folder, member, clock, platform.tools);
  ASSERT_TRUE(again.load());
  EXPECT_TRUE(again.is_expired());
  EXPECT_EQ(reason_of(again.offer(platform.snapshot(member, 4))), "snapshot-rollback");
}

TEST_F(Snapshots, OfAnotherGatewayAreRefused) {
  Membership other = folder.begin_enrolment(platform.join("other"), "0.1.0").value();
  EXPECT_EQ(reason_of(keeper.offer(platform.snapshot(other, 5))), "no-recipient");
}

}  // namespace
}  // namespace mifeng::gateway
