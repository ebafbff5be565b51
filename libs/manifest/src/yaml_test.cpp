#include "mifeng/manifest/yaml.h"

#include <gmock/gmock.h>

namespace mifeng::manifest {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Yaml, KeepsSpellingAndPlace) {
  const auto root = parse_yaml("a: no\nb:\n  - 1\n  - 'x'\n", "f");
  ASSERT_TRUE(root) << root.error().message();
  ASSERT_EQ(root->fields.size(), 2U);
  EXPECT_EQ(root->fields[0].value.scalar, "no");
  EXPECT_FALSE(root->fields[0].value.quoted);
  EXPECT_EQ(root->fields[1].value.items[1].scalar, "x");
  EXPECT_TRUE(root->fields[1].value.items[1].quoted);
  EXPECT_EQ(root->fields[1].value.items[0].mark.line, 3);
  EXPECT_EQ(root->fields[1].value.items[0].mark.column, 5);
}

TEST(Yaml, RefusesWhatItCannotRead) {
  const struct {
    std::string text;
    const char* start;
  } cases[] = {
      {"", "f:1:1: the file is empty"},
      {"a: [1, 2", "f:"},
      {"a: b\n\tc: d\n", "f:2:"},
      {"a: \"\n", "f:1:4: the quote"},
      {"a: 'it''s\n", "f:1:4: the quote"},
      {"a: \"x\\\"\n", "f:1:4: the quote"},
      {std::string("a: b\0c", 6), "f:1:5: a byte that is not UTF-8"},
      {"a: \xff\n", "f:1:4: a byte that is not UTF-8"},
      {"a: \xed\xa0\x80\n", "f:1:4: a byte that is not UTF-8"},
      {"a: \xc0\x80\n", "f:1:4: a byte that is not UTF-8"},
      {"? [a, b]\n: c\n", "f:"},
      {"a: *b\n", "f:1:4:"},
  };
  for (const auto& one : cases) {
    const auto root = parse_yaml(one.text, "f");
    ASSERT_FALSE(root) << one.text;
    EXPECT_EQ(root.error().reason(), "bad-yaml");
    EXPECT_THAT(root.error().message(), StartsWith(one.start));
  }
}

TEST(Yaml, ReadsQuotedAndBlockStrings) {
  const auto root = parse_yaml(
      "\xef\xbb\xbf"
      "a: 'it''s'\nb: \"x\\\"y\"\nc: |\n  one\n  two\n手: \"é\"\n",
      "f");
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(root->fields[0].value.scalar, "it's");
  EXPECT_EQ(root->fields[1].value.scalar, "x\"y");
  EXPECT_EQ(root->fields[2].value.scalar, "one\ntwo\n");
  EXPECT_TRUE(root->fields[2].value.quoted);
  EXPECT_EQ(root->fields[3].value.scalar, "é");
}

TEST(Yaml, HoldsItsLimits) {
  EXPECT_FALSE(parse_yaml(std::string(300 * 1024, ' ') + "a: b", "f"));
  const std::string deep = std::string(25, '[') + std::string(25, ']');
  EXPECT_THAT(parse_yaml(deep, "f").error().message(), HasSubstr("24 levels"));
  EXPECT_TRUE(parse_yaml(std::string(24, '[') + std::string(24, ']'), "f"));
  EXPECT_FALSE(parse_yaml(std::string(100'000, '['), "f"));
  std::string many = "[";
  for (int i = 0; i < 21'000; ++i) many += "1,";
  EXPECT_THAT(parse_yaml(many + "1]", "f").error().message(), HasSubstr("20000 values"));
}

TEST(Yaml, FirstErrorOfAReaderStays) {
  const auto root = parse_yaml("a: 1\nb: x\nc: y\n", "f");
  FieldReader fields(*root, "f", "");
  fields.string("a");
  EXPECT_EQ(fields.integer("b", 0, 5), 0);
  const auto finished = fields.finish();
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message(), StartsWith("f:1:4: a: expected a string, found 1"));
}

TEST(Yaml, StringsThatLookLikeSomethingElseAreQuoted) {
  for (const std::string text : {"1.0", "no",   "null", "~",  "",   "a b",  "x:", "-a",         "0x1",  "1e3",
                                 "\"",  "a\nb", "a\tb", "手", "#a", "True", "@a", "2024-01-01", "1:20", "\x01"}) {
    const std::string yaml = yaml_string(text);
    EXPECT_EQ(yaml.front(), '"') << text;
    const auto root = parse_yaml("k: " + yaml + "\n", "f");
    ASSERT_TRUE(root) << yaml;
    EXPECT_EQ(root->fields[0].value.scalar, text);
  }
  EXPECT_EQ(yaml_string("acme/digits@sha256:00"), "acme/digits@sha256:00");
}

}  // namespace
}  // namespace mifeng::manifest
