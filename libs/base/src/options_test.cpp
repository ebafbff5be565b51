#include "mifeng/base/options.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(ParseNumber, TakesTheWholeTextWithinItsBounds) {
  EXPECT_EQ(parse_number("0", 0, 9), 0);
  EXPECT_EQ(parse_number("9", 0, 9), 9);
  EXPECT_EQ(parse_number("-3", -3, 9), -3);
  EXPECT_EQ(parse_number<std::uint16_t>("65535", 0, 65535), 65535);
  for (const char* wrong : {"", "10", "-1", "+1", " 1", "1 ", "1s", "0x1", "1.0", "99999999999999999999"})
    EXPECT_FALSE(parse_number(wrong, 0, 9)) << wrong;
  // What does not fit the type is refused, not cut or passed over.
  EXPECT_FALSE(parse_number<std::uint16_t>("65536", 0, 65535));
  EXPECT_FALSE(parse_number<std::uint64_t>("18446744073709551616", 0, UINT64_MAX));
}

TEST(ParseListenAddress, TakesAddressAndPort) {
  const auto v4 = parse_listen_address("127.0.0.1:7080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->address, "127.0.0.1");
  EXPECT_EQ(v4->port, 7080);
  const auto v6 = parse_listen_address("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address, "::1");
  EXPECT_EQ(v6->port, 0);
  for (const char* wrong : {"", ":", "7080", ":7080", "[]:7080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                            "127.0.0.1:-1", "127.0.0.1:80x"})
    EXPECT_FALSE(parse_listen_address(wrong)) << wrong;
}

struct Given {
  std::filesystem::path state;
  std::string user;
  unsigned workers = 1;
  bool quiet = false;
};

Result<GivenOptions> read(const std::vector<std::string>& arguments, Given& given) {
  return read_options(arguments,
                      {path_option("--state", given.state), text_option("--user", given.user),
                       number_option("--workers", given.workers, 1U, 64U),
                       number_option("--threads", given.workers, 1U, 64U, "takes 1 to 64"),
                       flag_option("--quiet", given.quiet), question_option("--help"), question_option("--version")});
}

TEST(ReadOptions, TakesEachWithItsValue) {
  Given given;
  const auto read_ones = read({"--quiet", "--state", "--user", "--workers", "3", "--user", "a", "--user", "b"}, given);
  ASSERT_TRUE(read_ones) << read_ones.error().message();
  EXPECT_EQ(given.state, "--user");  // what stands behind an option is its value, whatever it looks like
  EXPECT_EQ(given.user, "b");
  EXPECT_EQ(given.workers, 3U);
  EXPECT_TRUE(given.quiet);
  EXPECT_EQ(read_ones->question, "");
  EXPECT_FALSE(read_ones->behind);
}

TEST(ReadOptions, LeavesWhatStandsBehindTwoDashes) {
  Given given;
  const auto with = read({"--user", "a", "--", "--user", "--", "b"}, given);
  ASSERT_TRUE(with);
  EXPECT_EQ(given.user, "a");
  EXPECT_EQ(with->behind, (std::vector<std::string>{"--user", "--", "b"}));
  const auto with_nothing = read({"--"}, given);
  ASSERT_TRUE(with_nothing);
  EXPECT_EQ(with_nothing->behind, std::vector<std::string>());
}

TEST(ReadOptions, EndsWithAQuestion) {
  Given given;
  const auto asked = read({"--quiet", "--version", "--help", "--other"}, given);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->question, "--version");
}

TEST(ReadOptions, SaysWhatIsWrong) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"--other"}, "unknown option --other"},
      {{"--other", "x"}, "unknown option --other"},
      {{"x"}, "unknown option x"},
      {{"--state=x"}, "unknown option --state=x"},
      {{""}, "unknown option "},
      {{"--quiet", "x"}, "unknown option x"},
      {{"--user"}, "--user needs a value"},
      {{"--user", ""}, "--user cannot be \"\""},
      {{"--workers", "65"}, "--workers cannot be \"65\""},
      {{"--workers", "99999999999"}, "--workers cannot be \"99999999999\""},
      {{"--threads", "x"}, "--threads takes 1 to 64"},
  };
  for (const auto& [arguments, message] : wrong) {
    Given given;
    const auto refused = read(arguments, given);
    ASSERT_FALSE(refused) << message;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(refused.error().reason(), "bad-usage");
    EXPECT_EQ(refused.error().message(), message);
  }
}

}  // namespace
}  // namespace mifeng
