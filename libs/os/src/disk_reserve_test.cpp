#include "mifeng/os/disk_reserve.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/statvfs.h>

#include "mifeng/os/file.h"

namespace mifeng {
namespace {

// The disk of the tests has room. That of a full one is in tests/contract/test_full_disk.py.
class DiskReserveTest : public testing::Test {
 protected:
  static constexpr std::int64_t kBytes = 8 << 20;
  std::int64_t free_room() const {
    struct ::statvfs space {};
    EXPECT_EQ(::statvfs(folder_.path().c_str(), &space), 0);
    return static_cast<std::int64_t>(space.f_bavail) * static_cast<std::int64_t>(space.f_frsize);
  }
  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  const std::filesystem::path file_ = folder_.path() / "reserve";
};

TEST_F(DiskReserveTest, HoldsItsRoomUntilItIsNeeded) {
  const auto reserve = DiskReserve::create(file_, kBytes).value();
  EXPECT_EQ(std::filesystem::file_size(file_), std::uintmax_t{kBytes});
  reserve->make_room();
  EXPECT_EQ(std::filesystem::file_size(file_), std::uintmax_t{kBytes}) << "there is room enough";
}

TEST_F(DiskReserveTest, WhatWasTakenOfItIsTakenAgainOnceThereIsRoom) {
  const auto reserve = DiskReserve::create(file_, kBytes).value();
  std::filesystem::resize_file(file_, 0);  // as make_room() leaves it
  EXPECT_EQ(reserve->room_for_others("/proc"), 0) << "another disk, which has none";
  reserve->restore();
  EXPECT_EQ(std::filesystem::file_size(file_), std::uintmax_t{kBytes});
}

TEST_F(DiskReserveTest, WhatIsMissingOfItIsNotForOthers) {
  // Of three quarters nothing is taken, for it wants twice its room. Others write to the same disk meanwhile: what is
  // left is a quarter, give or take an eighth.
  const std::int64_t free = free_room();
  const auto reserve = DiskReserve::create(file_, free / 4 * 3).value();
  EXPECT_EQ(std::filesystem::file_size(file_), 0u);
  EXPECT_LT(reserve->room_for_others(folder_.path()), free / 8 * 3);
  EXPECT_GT(reserve->room_for_others(folder_.path()), free / 8);
}

TEST_F(DiskReserveTest, WhereThereIsNoRoomForItNothingIsTaken) {
  // More than any disk has.
  const auto reserve = DiskReserve::create(file_, std::int64_t{1} << 60).value();
  EXPECT_EQ(std::filesystem::file_size(file_), 0u);
  EXPECT_EQ(reserve->room_for_others(folder_.path()), 0);
  reserve->make_room();
}

TEST_F(DiskReserveTest, OneOfAnotherSizeIsMadeAnew) {
  { const auto reserve = DiskReserve::create(file_, kBytes / 2).value(); }
  { const auto reserve = DiskReserve::create(file_, kBytes).value(); }
  EXPECT_EQ(std::filesystem::file_size(file_), std::uintmax_t{kBytes});
  { const auto reserve = DiskReserve::create(file_, kBytes / 2).value(); }
  EXPECT_EQ(std::filesystem::file_size(file_), std::uintmax_t{kBytes / 2});
}

TEST_F(DiskReserveTest, AFolderThatIsNotThereIsSaid) {
  EXPECT_FALSE(DiskReserve::create(folder_.path() / "none" / "reserve", kBytes));
}

}  // namespace
}  // namespace mifeng
