#include "mifeng/os/release.h"

#include <gtest/gtest.h>

#include <fstream>

namespace mifeng {
namespace {

namespace fs = std::filesystem;

TEST(Release, LiesWhereTheProgramIs) {
  EXPECT_TRUE(fs::equivalent(own_programs() / "os_test", "/proc/self/exe"));
  EXPECT_EQ(own_data("packs"), own_programs().parent_path() / "packs");
}

TEST(Release, IsOfAPackageWhereThePackageSaysSo) {
  const fs::path mark = own_data("release");
  ASSERT_FALSE(is_packaged());
  fs::create_directory(mark);
  const bool folder_is_one = is_packaged();
  fs::remove(mark);
  EXPECT_FALSE(folder_is_one) << "as in a build, whose folder `release` stands beside that of its programs";
  std::ofstream(mark) << "of this test\n";
  const bool seen = is_packaged();
  fs::remove(mark);
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace mifeng
