#include "mifeng/base/beginning.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Beginning, EndsBetweenCharacters) {
  EXPECT_EQ(beginning_of("", 3), "");
  EXPECT_EQ(beginning_of("abc", 3), "abc");
  EXPECT_EQ(beginning_of("abcd", 3), "abc");
  EXPECT_EQ(beginning_of("a密封", 4), "a密");
  EXPECT_EQ(beginning_of("a密封", 5), "a密");
  EXPECT_EQ(beginning_of("a密封", 6), "a密");
  EXPECT_EQ(beginning_of("a密封", 7), "a密封");
  EXPECT_EQ(beginning_of("密", 2), "");
}

TEST(OneLine, HasNoControlCharactersAndSaysThatItWasCut) {
  EXPECT_EQ(one_line("a\r\nb\x1b[0m"), "a  b [0m");
  EXPECT_EQ(one_line("abcd", 4), "abcd");
  EXPECT_EQ(one_line("abcde", 4), "abcd...");
  EXPECT_EQ(one_line("a密封", 5), "a密...");
}

}  // namespace
}  // namespace mifeng
