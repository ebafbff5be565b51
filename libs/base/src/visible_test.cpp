#include "mifeng/base/visible.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Visible, LeavesTextAsItIs) {
  for (const std::string text : {"", "plain\n\ttext\n", "模型输出 €𝄞é", "C:\\dir", "no line end"})
    EXPECT_EQ(visible(text), text);
}

TEST(Visible, ShowsWhatActsOnATerminal) {
  EXPECT_EQ(visible("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(visible("\x1b[2J\x1b[1;31m"), "\\x1b[2J\\x1b[1;31m");
  EXPECT_EQ(visible(std::string("a\0b\x7f", 4)), "a\\x00b\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"
                    "2J"),
            "\\u009b2J")
      << "C1, as UTF-8";
  EXPECT_EQ(visible("\x9b"
                    "2J"),
            "\\x9b2J")
      << "C1, as a byte";
  EXPECT_EQ(visible("user\xe2\x80\xae"
                    "nimda"),
            "user\\u202enimda");
  EXPECT_EQ(visible("overwritten\rline"), "overwritten\\x0dline");
  EXPECT_EQ(visible("a line\r\nanother\r"), "a line\nanother\\x0d");
  EXPECT_EQ(visible("back\b\b"), "back\\x08\\x08");
}

TEST(Visible, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(visible("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(visible("\xc0\x9b"), "\\xc0\\x9b") << "overlong";
  EXPECT_EQ(visible("\xe0\x82\x9b"), "\\xe0\\x82\\x9b") << "overlong";
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a surrogate";
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(visible("\xe6\xa8"
                    "x"),
            "\\xe6\\xa8x")
      << "cut short";
  EXPECT_EQ(visible("\xe6\xa8"), "\\xe6\\xa8") << "cut short at the end";
}

TEST(Visible, PiecesMayEndAnywhere) {
  const std::string text =
      "模型\r\n\x1b[31m€\xc2\x9b\xff"
      "a\r\x1b\xf0\x9d\x84\x9e\xe6\xa8";
  for (std::size_t size = 1; size <= text.size(); ++size) {
    Visible pieces;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += size) out += pieces.add(text.substr(at, size));
    out += pieces.end();
    EXPECT_EQ(out, visible(text)) << size;
  }
}

TEST(Visible, InALineStaysInIt) { EXPECT_EQ(visible_in_line("a\nb\tc\x1b"), "a\\nb\\tc\\x1b"); }

}  // namespace
}  // namespace mifeng
