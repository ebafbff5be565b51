#include "mifeng/base/spelling.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

const std::vector<std::string> kFields{"entry", "files", "sources", "vendor"};

TEST(Spelling, TheNearestIsMeant) {
  for (const char* const meant : {"source", "sorces", "souces", "Sources", "suorces", "sourcess"})
    EXPECT_EQ(nearest(meant, kFields), "sources") << meant;
}

TEST(Spelling, NothingIsMeantByWhatIsFarFromAll) {
  for (const char* const other : {"", "licence", "xy", "resource-limits"})
    EXPECT_EQ(nearest(other, kFields), "") << other;
  EXPECT_EQ(nearest("sources", {}), "");
  EXPECT_EQ(nearest("x", {""}), "");
  EXPECT_EQ(nearest(std::string(100'000, 's'), kFields), "") << "nobody types that by mistake";
}

}  // namespace
}  // namespace mifeng
