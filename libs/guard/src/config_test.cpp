#include "mifeng/guard/config.h"

#include <gtest/gtest.h>

#include "mifeng/base/bytes.h"

namespace mifeng::guard {
namespace {

const std::string& point() {
  static const std::string text = to_base64(crypto::Sm2PrivateKey::generate().value().public_key().point());
  return text;
}

std::map<std::string, std::string> good_environment() {
  return {{"MIFENG_DEPLOYMENT", "dep-1"},
          {"MIFENG_UNIT", "mf-1"},
          {"MIFENG_PLATFORM", "unix:/mifeng/platform/platform.sock"},
          {"MIFENG_IDENTITY_KEY", point()},
          {"MIFENG_DELIVERY_KEY", point()},
          {"MIFENG_MODEL_UID", "1900000007"},
          {"MIFENG_PORTS", "http=8080,more-x=9000"},
          {"MIFENG_READINESS", "/v2/health/ready"},
          {"MIFENG_TERMINATION_GRACE", "20"},
          {"LANG", "C.UTF-8"}};
}

TEST(GuardConfig, IsReadFromTheEnvironment) {
  const auto config = read_config(good_environment(), {});
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->ports, (std::vector<NamedPort>{{"http", 8080}, {"more-x", 9000}}));
  EXPECT_EQ(config->termination_grace, std::chrono::seconds(20));
  EXPECT_EQ(config->lame_duck, std::chrono::seconds(5));
  auto without = good_environment();
  without["MIFENG_LAME_DUCK"] = "0";
  EXPECT_EQ(read_config(without, {})->lame_duck, std::chrono::seconds(0));
  EXPECT_EQ(config->model_uid, 1900000007U);
  EXPECT_EQ(to_base64(config->identity_key.point()), point());
  EXPECT_EQ(config->start_socket(), "/mifeng/guard/start.sock");
  EXPECT_EQ(config->model_socket(0), "/mifeng/model/model.sock");
  EXPECT_EQ(config->model_socket(1), "/mifeng/model/model-more-x.sock");
}

TEST(GuardConfig, TheDoorComesWithTagPodAndToken) {
  auto environment = good_environment();
  EXPECT_FALSE(read_config(environment, {})->door);
  environment["MIFENG_PLATFORM"] = "http://10.0.0.1:7083";
  environment["MIFENG_DOOR_TAG"] = "ward.00ff";
  environment["MIFENG_POD_UID"] = "5f0c";
  environment["MIFENG_TOKEN_FILE"] = "/var/run/mifeng/token";
  const auto config = read_config(environment, {});
  ASSERT_TRUE(config.has_value()) << config.error().message();
  ASSERT_TRUE(config->door);
  EXPECT_EQ(config->door->tag, "ward.00ff");
  EXPECT_EQ(config->door->pod_uid, "5f0c");
  EXPECT_EQ(config->door->token_file, "/var/run/mifeng/token");
  for (const auto& [name, wrong] : std::map<std::string, std::vector<std::string>>{
           {"MIFENG_DOOR_TAG", {"", "a b", "a\r\nb", std::string(257, 'a')}},
           {"MIFENG_POD_UID", {""}},
           {"MIFENG_TOKEN_FILE", {"", "token"}},
           {"MIFENG_PLATFORM", {"https://10.0.0.1:7083", "10.0.0.1:7083"}}})
    for (const std::string& value : wrong) {
      auto changed = environment;
      changed[name] = value;
      const auto refused = read_config(changed, {});
      ASSERT_FALSE(refused) << name << "=" << value;
      EXPECT_NE(refused.error().message().find(name), std::string::npos) << refused.error().message();
    }
  // A socket of one's own needs none of them, so something is not as it was meant to be.
  for (const char* name : {"MIFENG_DOOR_TAG", "MIFENG_POD_UID", "MIFENG_TOKEN_FILE"}) {
    auto at_socket = good_environment();
    at_socket[name] = "/x";
    EXPECT_FALSE(read_config(at_socket, {})) << name;
  }
}

TEST(GuardConfig, WithoutAModelFourVariablesAreEnough) {
  const std::map<std::string, std::string> environment{{"MIFENG_DEPLOYMENT", "rehearsal-1"},
                                                       {"MIFENG_PLATFORM", "http://10.0.0.1:7083"},
                                                       {"MIFENG_DOOR_TAG", "ward.00ff"},
                                                       {"MIFENG_PORTS", "http=8080"}};
  const auto config = read_rehearsal(environment);
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->deployment, "rehearsal-1");
  EXPECT_EQ(config->platform, "http://10.0.0.1:7083");
  EXPECT_EQ(config->tag, "ward.00ff");
  EXPECT_EQ(config->port, 8080);
  for (const auto& [name, value] : environment) {
    auto without = environment;
    without.erase(name);
    EXPECT_EQ(read_rehearsal(without).error().reason(), "bad-environment") << name;
  }
  auto wrong = environment;
  wrong["MIFENG_DOOR_TAG"] = "a tag\r\nMore: x";
  EXPECT_EQ(read_rehearsal(wrong).error().reason(), "bad-environment");
}

TEST(GuardConfig, SaysWhichVariableIsWrong) {
  const auto refused = [](const std::string& name, const std::string& value) {
    auto environment = good_environment();
    environment[name] = value;
    const auto config = read_config(environment, {});
    return !config && config.error().message().find(name) != std::string::npos;
  };
  for (const char* name : {"MIFENG_DEPLOYMENT", "MIFENG_UNIT", "MIFENG_PLATFORM", "MIFENG_PORTS", "MIFENG_IDENTITY_KEY",
                           "MIFENG_DELIVERY_KEY", "MIFENG_MODEL_UID"})
    EXPECT_TRUE(refused(name, "")) << name;
  for (const std::string& key : {std::string("BA=="), std::string("no base64!"), point() + point(),
                                 to_base64(Bytes(crypto::kSm2PointSize, 4))}) {
    EXPECT_TRUE(refused("MIFENG_IDENTITY_KEY", key)) << key;
    EXPECT_TRUE(refused("MIFENG_DELIVERY_KEY", key)) << key;
  }
  for (const char* user : {"0", "-1", "4294967295", "65536 ", "0x10", "model"})
    EXPECT_TRUE(refused("MIFENG_MODEL_UID", user)) << user;
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
}

}  // namespace
}  // namespace mifeng::guard
