#include "mifeng/proxy/language.h"

#include <gtest/gtest.h>

namespace mifeng::proxy {
namespace {

TEST(Language, ChineseWhereItIsWantedRatherThanEnglish) {
  for (const char* const wanted :
       {"zh", "zh-CN", "ZH-tw", "zh_CN", "zh-CN,zh;q=0.9,en;q=0.8", "en;q=0.8, zh", "fr, de;q=0.9, zh;q=0.1",
        " zh ; q=1 ", "en;q=0, zh;q=0.001", "zh;q=0.5, en;q=0.5", "zh;Q=0.3"})
    EXPECT_TRUE(prefers_chinese(wanted)) << wanted;
}

TEST(Language, EnglishElse) {
  for (const char* const other :
       {"", "en", "en-GB,zh;q=0.9", "zh;q=0.5, en;q=0.6", "en, zh", "zh;q=0", "fr", "*", "zhx", "z", "zh;q", "zh;q=x",
        "zh;q=0.x", "zh;q=2", "zh;level=1", ",,;,", "zh;q=0.5;q=1"})
    EXPECT_FALSE(prefers_chinese(other)) << other;
}

}  // namespace
}  // namespace mifeng::proxy
