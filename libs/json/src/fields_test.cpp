#include "mifeng/json/fields.h"

#include <gtest/gtest.h>

namespace mifeng::json {
namespace {

Object object(std::string_view text) {
  auto parsed = parse_object(text);
  EXPECT_TRUE(parsed);
  return *parsed;
}

TEST(Fields, ReadsWhatIsThere) {
  const Object body = object(R"({"name":"digits","n":3,"share":0.5,"one":1,"on":true,"role":"vendor","key":"0aff",
    "raw":"AQI=","list":["a","b"],"env":{"A":"1","B":"2"},"spec":{"ports":[{"containerPort":8080}]},"extra":[1]})");
  Fields fields(body);
  EXPECT_EQ(fields.string("name", {1, 63}), "digits");
  EXPECT_EQ(fields.integer("n", 1, 9), 3);
  EXPECT_EQ(fields.number("share", 0, 1), 0.5);
  EXPECT_EQ(fields.number("one", 0, 1), 1);
  EXPECT_TRUE(fields.boolean("on"));
  EXPECT_EQ(fields.word("role", {"operator", "vendor"}), 1u);
  EXPECT_EQ(fields.hex("key", 2, 2), (Bytes{0x0a, 0xff}));
  EXPECT_EQ(fields.base64("raw", 1, 2), (Bytes{1, 2}));
  EXPECT_EQ(fields.strings("list"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fields.string_map("env").at(1), (std::pair<std::string, std::string>{"B", "2"}));
  Fields spec = fields.object("spec");
  auto ports = spec.objects("ports");
  ASSERT_EQ(ports.size(), 1u);
  EXPECT_EQ(ports[0].integer("containerPort", 1, 65535), 8080);
  EXPECT_NE(fields.any("extra"), nullptr);
  EXPECT_FALSE(fields.optional_string("absent"));
  EXPECT_FALSE(fields.optional_object("absent"));
  EXPECT_TRUE(fields.strings("absent").empty());
  const auto done = fields.finish();
  EXPECT_TRUE(done) << done.error().message();
}

template <typename Read>
std::string mistake(std::string_view text, Read read) {
  const Object body = object(text);
  Fields fields(body);
  read(fields);
  const auto done = fields.finish();
  return done ? "" : done.error().reason() + ": " + done.error().message();
}

TEST(Fields, NamesThePathOfTheFirstMistake) {
  EXPECT_EQ(mistake(R"({"spec":{"ports":[{"containerPort":0}]}})",
                    [](Fields& f) { f.object("spec").objects("ports")[0].integer("containerPort", 1, 65535); }),
            "bad-field: spec.ports[0].containerPort must be an integer from 1 to 65535.");
  EXPECT_EQ(mistake(R"({"a":"x"})",
                    [](Fields& f) {
                      f.integer("a", 0, 1);
                      f.string("b");
                    }),
            "bad-field: a must be an integer from 0 to 1.");
  EXPECT_EQ(mistake("{}", [](Fields& f) { f.string("name"); }), "missing-field: name is missing.");
  EXPECT_EQ(mistake(R"({"name":null})", [](Fields& f) { f.string("name"); }), "missing-field: name is missing.");
  EXPECT_EQ(mistake(R"({"name":7})", [](Fields& f) { f.string("name"); }),
            "bad-field: name must be a string, not an integer.");
  EXPECT_EQ(mistake(R"({"r":"x"})", [](Fields& f) { f.word("r", {"a", "b"}); }), "bad-field: r must be one of: a, b.");
  EXPECT_EQ(mistake(R"({"l":["a",2]})", [](Fields& f) { f.strings("l"); }),
            "bad-field: l[1] must be a string, not an integer.");
  EXPECT_EQ(mistake(R"({"l":[1,0]})", [](Fields& f) { f.integers("l", 1, 9); }),
            "bad-field: l[1] must be an integer from 1 to 9.");
  EXPECT_EQ(mistake(R"({"l":[1,9]})", [](Fields& f) { EXPECT_EQ(f.integers("l", 1, 9).size(), 2u); }), "");
  EXPECT_EQ(mistake(R"({"l":[1]})", [](Fields& f) { f.objects("l"); }),
            "bad-field: l[0] must be an object, not an integer.");
  EXPECT_EQ(mistake(R"({"e":{"A":1}})", [](Fields& f) { f.string_map("e"); }),
            "bad-field: e.A must be a string, not an integer.");
  EXPECT_EQ(mistake(R"({"p":1})", [](Fields& f) { f.refuse("p", "is taken"); }), "bad-field: p is taken.");
}

TEST(Fields, RefusesWrongKindsAndSizes) {
  EXPECT_NE(mistake(R"({"a":1.0})", [](Fields& f) { f.integer("a", 0, 9); }), "");
  EXPECT_NE(mistake(R"({"a":18446744073709551615})", [](Fields& f) { f.integer("a", 0, INT64_MAX); }), "");
  EXPECT_NE(mistake(R"({"a":""})", [](Fields& f) { f.string("a", {1, 5}); }), "");
  EXPECT_NE(mistake(R"({"a":"123456"})", [](Fields& f) { f.string("a", {1, 5}); }), "");
  EXPECT_NE(mistake(R"({"a":"0"})", [](Fields& f) { f.hex("a", 0, 5); }), "");
  EXPECT_NE(mistake(R"({"a":"AQI"})", [](Fields& f) { f.base64("a", 0, 5); }), "");
  EXPECT_NE(mistake(R"({"a":0})", [](Fields& f) { f.boolean("a"); }), "");
  EXPECT_NE(mistake(R"({"a":[]})", [](Fields& f) { f.object("a"); }), "");
  EXPECT_NE(mistake("{}", [](Fields& f) { f.objects("a", {.min = 1}); }), "");
}

TEST(Fields, RefusesUnknownMembersInEveryObjectThatWasEntered) {
  EXPECT_EQ(mistake(R"({"spec":{"a":1,"b":2}})", [](Fields& f) { f.object("spec").integer("a", 0, 9); }),
            "unknown-field: spec.b is not known here; remove it or correct its spelling.");
  EXPECT_EQ(mistake(R"({"spec":{"a":1,"b":2}})", [](Fields& f) { f.object("spec").whole(); }), "");
  const std::string said_back(99, 'x');
  EXPECT_EQ(mistake("{\"" + said_back + "密封\":1}", [](Fields&) {}),
            "unknown-field: " + said_back + " is not known here; remove it or correct its spelling.")
      << "no half character";
  const Object body = object(R"({"x":1})");
  Fields fields(body);
  EXPECT_TRUE(fields.finish(Fields::Unknown::kIgnore));
  EXPECT_FALSE(fields.finish());
}

}  // namespace
}  // namespace mifeng::json
