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
  std::ofstream(mark) << "of this test\n";
  const bool seen = is_packaged();
  fs::remove(mark);
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace mifeng
