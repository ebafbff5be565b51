#include "mifeng/base/recent.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Recent, ForgetsWhoWasNotAskedForLongest) {
  Recent<int> recent(3);
  recent.at("a") = 1;
  recent.at("b") = 2;
  recent.at("c") = 3;
  ASSERT_NE(recent.find("a"), nullptr);
  recent.at("d") = 4;
  EXPECT_EQ(recent.find("b"), nullptr);
  ASSERT_NE(recent.find("a"), nullptr);
  EXPECT_EQ(*recent.find("a"), 1);
  EXPECT_EQ(recent.at("c"), 3);
  EXPECT_EQ(recent.size(), 3u);
  recent.at("b");
  EXPECT_EQ(recent.find("d"), nullptr);
}

TEST(Recent, StaysWithinItsBoundHoweverManyNamesCome) {
  Recent<int> recent(100);
  for (int i = 0; i < 10'000; ++i) recent.at(std::to_string(i)) = i;
  EXPECT_EQ(recent.size(), 100u);
  EXPECT_EQ(recent.at("9999"), 9999);
  recent.erase("9999");
  recent.erase("never there");
  EXPECT_EQ(recent.size(), 99u);
  EXPECT_EQ(recent.at("9999"), 0) << "begun anew";
}

}  // namespace
}  // namespace mifeng
