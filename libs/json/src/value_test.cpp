#include "mifeng/json/value.h"

#include <gtest/gtest.h>

namespace mifeng::json {
namespace {

TEST(Parse, KeepsOrderAndKinds) {
  const auto value = parse(R"( {"b": [1, -2, 2.5, 1e3, 18446744073709551615, true, null, "é\n"], "a": {}} )");
  ASSERT_TRUE(value) << value.error().message();
  EXPECT_EQ(serialize(*value), R"({"b":[1,-2,2.5,1000.0,18446744073709551615,true,null,"é\n"],"a":{}})");
}

TEST(Parse, WhatWasSerializedReadsBackTheSame) {
  const Value value = Object{{"z", 0.1},
                             {"a", Array{INT64_MIN, UINT64_MAX, -0.0, 1e300, 5e-324}},
                             {"text", std::string("\0\x1f\"\\/\u4e2d", 8)}};
  const auto again = parse(serialize(value));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, value);
  const auto pretty = parse(serialize_pretty(value));
  ASSERT_TRUE(pretty);
  EXPECT_EQ(*pretty, value);
}

TEST(Serialize, IsJsonWhateverTheTextHolds) {
  const Value value =
      Object{{"a\xff", "ends in half: \xe5\xaf"}, {"whole", "密封 \xf0\x9f\x94\x92"}, {"sur", "\xed\xa0\x80"}};
  EXPECT_EQ(serialize(value),
            "{\"a\ufffd\":\"ends in half: \ufffd\ufffd\",\"whole\":\"密封 "
            "\xf0\x9f\x94\x92\",\"sur\":\"\ufffd\ufffd\ufffd\"}");
  EXPECT_TRUE(parse(serialize(value)));
}

TEST(Parse, RefusesDuplicateNamesAtAnyDepth) {
  for (const char* text : {R"({"a":1,"a":2})", R"([{"x":{"b":1,"c":2,"b":1}}])", R"({"a":1,"\u0061":2})"}) {
    const auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().reason(), "duplicate-key");
  }
  EXPECT_TRUE(parse(R"([{"a":1},{"a":2}])"));
  const std::string name = std::string(99, 'x') + "密封";
  const auto twice = parse("{\"" + name + "\":1,\"" + name + "\":2}");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message().find("密"), std::string::npos);
  EXPECT_TRUE(parse(serialize(Value(twice.error().message())))) << "no half character";
}

TEST(Parse, RefusesWhatIsNotJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "{'a':1}",
                                      "// x\n1",
                                      "1 2",
                                      "nul",
                                      "01",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "NaN",
                                      "Infinity",
                                      "\"\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\\ud800\"",
                                      "\"a\nb\"",
                                      "[1}",
                                      "{\"a\"}",
                                      "1e999",
                                      "\xef\xbb\xbf{}"}) {
    const auto value = parse(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().reason(), "bad-json") << text;
  }
}

TEST(Parse, SaysWhere) {
  const auto value = parse("{\n  \"a\": tru\n}");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("line 2"), std::string::npos) << value.error().message();
}

TEST(Parse, HoldsItsLimits) {
  ParseLimits limits;
  EXPECT_TRUE(parse(std::string(32, '[') + std::string(32, ']'), limits));
  for (const auto& [text, small] :
       std::vector<std::pair<std::string, ParseLimits>>{{std::string(33, '[') + std::string(33, ']'), {}},
                                                        {std::string(1'000'000, '['), {}},
                                                        {"\"" + std::string(100, 'x') + "\"", {.bytes = 100}},
                                                        {"[1,2,3,4]", {.values = 4}}}) {
    const auto value = parse(text, small);
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().code(), ErrorCode::kResourceExhausted);
    EXPECT_EQ(value.error().reason(), "json-too-large");
  }
}

TEST(ParseObject, RefusesOtherKinds) {
  EXPECT_TRUE(parse_object("{}"));
  const auto value = parse_object("[1]");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("a list"), std::string::npos);
}

TEST(Object, SetReplacesInPlace) {
  Object object{{"a", 1}, {"b", 2}};
  object.set("a", "x");
  object.set("c", true);
  object.erase("b");
  EXPECT_EQ(serialize(object), R"({"a":"x","c":true})");
}

TEST(Serialize, PrettyIsIndented) {
  EXPECT_EQ(serialize_pretty(Object{{"a", Array{1, Object{}}}, {"b", Array{}}}),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}\n");
}

}  // namespace
}  // namespace mifeng::json
