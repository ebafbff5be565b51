#include "mifeng/base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace mifeng {
namespace {

TEST(Utf8, CharactersHaveTheirSizes) {
  EXPECT_EQ(character_size(""), 0u);
  EXPECT_EQ(character_size(std::string_view("\0", 1)), 1u);
  EXPECT_EQ(character_size("a密"), 1u);
  EXPECT_EQ(character_size("é"), 2u);
  EXPECT_EQ(character_size("密封"), 3u);
  EXPECT_EQ(character_size("\xf0\x9f\x94\x92"), 4u);
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("Mifeng 密封 \xf4\x8f\xbf\xbf"));
}

TEST(Utf8, WhatIsNoneIsTold) {
  for (const char* text :
       {"\x80", "\xff", "\xc3", "\xe5\xaf", "\xf0\x9f\x94",
        "\xe5\xaf"
        "a",
        "\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    EXPECT_EQ(character_size(text), 0u) << text;
    EXPECT_FALSE(is_utf8(std::string("a密") + text)) << text;
  }
}

}  // namespace
}  // namespace mifeng
