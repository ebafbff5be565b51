#include "mifeng/base/phrase.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Phrase, IsTheTextWithItsPartsInPlace) {
  EXPECT_EQ(phrase("stopping"), "stopping");
  EXPECT_EQ(phrase(""), "");
  EXPECT_EQ(phrase("starting {} again", std::string("podman")), "starting podman again");
  EXPECT_EQ(phrase("{} of {}, {} ms", 3, "four", std::int64_t{-5}), "3 of four, -5 ms");
  EXPECT_EQ(phrase("{}{}", "", "b"), "b");
}

TEST(Phrase, LeavesBracesOfAPartAlone) { EXPECT_EQ(phrase("{} and {}", "{}", "b"), "{} and b"); }

}  // namespace
}  // namespace mifeng
