#include "mifeng/guard/config.h"

#include <gtest/gtest.h>

#include "mifeng/base/file.h"
#include "mifeng/json/value.h"

namespace mifeng::guard {
namespace {

// The example on the page of the format.
std::string page_example() {
  const std::string page = read_text_file(MIFENG_SOURCE_DIR "/spec/grant.md", 1 << 20).value();
  const std::size_t start = page.find("```json image\n") + 14;
  return page.substr(start, page.find("```", start) - start);
}

std::map<std::string, std::string> good_environment() {
  return {{"MIFENG_DEPLOYMENT", "dep-1"},
          {"MIFENG_UNIT", "mf-1"},
          {"MIFENG_PLATFORM", "unix:/mifeng/platform/platform.sock"},
          {"MIFENG_PORTS", "http=8080,more-x=9000"},
          {"MIFENG_READINESS", "/v2/health/ready"},
          {"MIFENG_TERMINATION_GRACE", "20"},
          {"LANG", "C.UTF-8"},
          {"WORKERS", "2"}};
}

TEST(ImageFacts, OfTheExample) {
  const auto facts = decode_image_facts(as_bytes(page_example()));
  ASSERT_TRUE(facts.has_value()) << facts.error().message();
  EXPECT_EQ(facts->model, "digits");
  ASSERT_EQ(facts->cards.size(), 1u);
  const auto card = choose_card(*facts, std::nullopt);
  ASSERT_TRUE(card.has_value()) << card.error().message();
  EXPECT_EQ(card->delivery.key, facts->vendor_key);  // as the page says of its example
  EXPECT_TRUE(choose_card(*facts, to_hex(card->identity.key_id())));
  EXPECT_EQ(choose_card(*facts, "0011223344556677").error().reason(), "no-card");
}

TEST(ImageFacts, WithSeveralCardsNeedAChoice) {
  auto facts = decode_image_facts(as_bytes(page_example())).value();
  facts.cards.push_back(facts.cards[0]);
  EXPECT_EQ(choose_card(facts, std::nullopt).error().reason(), "no-card");
  EXPECT_TRUE(choose_card(facts, to_hex(facts.cards[0].identity.key_id())));
}

TEST(ImageFacts, RefuseEveryMissingOrUnknownField) {
  const json::Object object = json::parse_object(page_example()).value();
  for (const auto& [field, value] : object) {
    json::Object without = object;
    without.erase(field);
    EXPECT_EQ(decode_image_facts(as_bytes(json::serialize(without))).error().reason(), "bad-image") << field;
  }
  json::Object more = object;
  more.set("x", 1);
  EXPECT_FALSE(decode_image_facts(as_bytes(json::serialize(more))));
  more = object;
  more.set("vendor_public_key", to_base64(Bytes(65, 4)));
  EXPECT_FALSE(decode_image_facts(as_bytes(json::serialize(more))));
}

TEST(GuardConfig, IsReadFromTheEnvironment) {
  const auto config = read_config(good_environment(), {"/app/model", "--fast"}, {});
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->ports, (std::vector<NamedPort>{{"http", 8080}, {"more-x", 9000}}));
  EXPECT_EQ(config->termination_grace, std::chrono::seconds(20));
  EXPECT_EQ(config->lame_duck, std::chrono::seconds(5));
  auto without = good_environment();
  without["MIFENG_LAME_DUCK"] = "0";
  EXPECT_EQ(read_config(without, {"/app/model"}, {})->lame_duck, std::chrono::seconds(0));
  EXPECT_EQ(config->command, (std::vector<std::string>{"/app/model", "--fast"}));
}

TEST(GuardConfig, SaysWhichVariableIsWrong) {
  const auto refused = [](const std::string& name, const std::string& value) {
    auto environment = good_environment();
    environment[name] = value;
    const auto config = read_config(environment, {"/app/model"}, {});
    return !config && config.error().message().find(name) != std::string::npos;
  };
  for (const char* name : {"MIFENG_DEPLOYMENT", "MIFENG_UNIT", "MIFENG_PLATFORM", "MIFENG_PORTS"})
    EXPECT_TRUE(refused(name, "")) << name;
  for (const char* ports : {"http", "http=", "http=0", "http=65536", "http=80 ", "=80", "a=1,a=2", "a=1,b=1", "A=1"})
    EXPECT_TRUE(refused("MIFENG_PORTS", ports)) << ports;
  for (const char* path : {"ready", "/a b", "/a;b", "/a\"b"}) EXPECT_TRUE(refused("MIFENG_READINESS", path)) << path;
  for (const char* grace : {"0", "-1", "ten", "86401"})
    EXPECT_TRUE(refused("MIFENG_TERMINATION_GRACE", grace)) << grace;
  for (const char* lame_duck : {"-1", "61", "", "5 s"})
    EXPECT_TRUE(refused("MIFENG_LAME_DUCK", lame_duck)) << lame_duck;
  for (const char* age : {"1", "901", "-5", "a minute"}) EXPECT_TRUE(refused("MIFENG_SEAL_KEY_SECONDS", age)) << age;
  for (const char* count : {"999", "1048577", "-1", "1e3"})
    EXPECT_TRUE(refused("MIFENG_SEAL_KEY_ANSWERS", count)) << count;
  EXPECT_EQ(read_config(good_environment(), {}, {}).error().reason(), "no-command");
}

TEST(GuardConfig, GivesTheModelNothingOfThePlatforms) {
  const auto config = read_config(good_environment(), {"/app/model"}, {}).value();
  const auto facts = decode_image_facts(as_bytes(page_example())).value();
  const std::map<std::string, std::string> expected = {{"LANG", "C.UTF-8"},
                                                       {"WORKERS", "2"},
                                                       {"MIFENG_MODEL_NAME", "digits"},
                                                       {"MIFENG_MODEL_VERSION", "1.0.0"},
                                                       {"MIFENG_SOCKET", "/mifeng/run/model.sock"},
                                                       {"MIFENG_SOCKET_MORE_X", "/mifeng/run/model-more-x.sock"}};
  EXPECT_EQ(model_environment(config, facts), expected);
}

}  // namespace
}  // namespace mifeng::guard
