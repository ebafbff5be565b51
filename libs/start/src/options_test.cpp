#include "mifeng/start/options.h"

#include <gtest/gtest.h>

namespace mifeng::start {
namespace {

TEST(StartOptionsTest, TakesWhatTheEngineSays) {
  const auto options = parse_options({"--link",     "/g/s.sock", "--header",   "/h",         "--segments",
                                      "/s",         "--folder",  "/m",         "--env",      "A",
                                      "--env",      "B_2",       "--writable", "/data",      "--only-unix-sockets",
                                      "--patience", "5",         "--",         "/bin/model", "--",
                                      "-x"});
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->link, "/g/s.sock");
  EXPECT_EQ(options->header, "/h");
  EXPECT_EQ(options->segments, "/s");
  EXPECT_EQ(options->folder, "/m");
  EXPECT_EQ(options->env, (std::vector<std::string>{"A", "B_2"}));
  EXPECT_EQ(options->writable, std::vector<std::filesystem::path>{"/data"});
  EXPECT_TRUE(options->only_unix_sockets);
  EXPECT_EQ(options->patience, std::chrono::seconds(5));
  EXPECT_EQ(options->command, (std::vector<std::string>{"/bin/model", "--", "-x"}));
}

TEST(StartOptionsTest, RefusesEverythingElse) {
  const std::vector<std::vector<std::string>> wrong{
      {},
      {"/bin/model"},
      {"--"},
      {"--", "model"},
      {"--env"},
      {"--env", "A=1", "--", "/m"},
      {"--env", "", "--", "/m"},
      {"--link", "relative", "--", "/m"},
      {"--patience", "-1", "--", "/m"},
      {"--patience", "3601", "--", "/m"},
      {"--patience", "1s", "--", "/m"},
      {"--other", "/x", "--", "/m"},
  };
  for (const auto& arguments : wrong) {
    const auto options = parse_options(arguments);
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().reason(), "bad-usage");
  }
}

}  // namespace
}  // namespace mifeng::start
