#include "mifeng/net/http.h"

#include <gtest/gtest.h>

#include "mifeng/net/client.h"

namespace mifeng::net {
namespace {

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers{{"Content-Type", "a"}, {"X-One", "1"}, {"content-type", "b"}};
  EXPECT_EQ(*headers.find("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.count("content-type"), 2u);
  headers.set("Content-type", "c");
  EXPECT_EQ(headers.count("content-type"), 1u);
  EXPECT_EQ(headers.find("X-Two"), nullptr);
}

TEST(Request, SplitsItsTarget) {
  const Request request("GET", "/a/b?c=d?e");
  EXPECT_EQ(request.path(), "/a/b");
  EXPECT_EQ(request.query(), "c=d?e");
  EXPECT_EQ(Request("GET", "/a").query(), "");
}

TEST(PercentDecode, TakesUtf8AndRefusesTheRest) {
  EXPECT_EQ(percent_decode("a%20b+c%E4%B8%AD", false).value(), "a b+c中");
  EXPECT_EQ(percent_decode("a+b", true).value(), "a b");
  for (const char* bad : {"%", "%2", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "%e4%b8"})
    EXPECT_FALSE(percent_decode(bad, false)) << bad;
  EXPECT_EQ(percent_decode(percent_encode("a/b?c=中 ~"), false).value(), "a/b?c=中 ~");
}

TEST(ParseQuery, ReadsPairsInOrder) {
  const auto fields = parse_query("name=a%20b&page=2&&flag");
  ASSERT_TRUE(fields);
  EXPECT_EQ(*fields, (std::vector<std::pair<std::string, std::string>>{{"name", "a b"}, {"page", "2"}, {"flag", ""}}));
  EXPECT_FALSE(parse_query("=x"));
  EXPECT_FALSE(parse_query("a=%f"));
  std::string many;
  for (int i = 0; i < 101; ++i) many += "a&";
  EXPECT_FALSE(parse_query(many));
}

TEST(ParseUrl, KnowsThreeForms) {
  const auto plain = parse_url("http://host:8700/base/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(std::get<TcpEndpoint>(plain->options.endpoint).host, "host");
  EXPECT_EQ(std::get<TcpEndpoint>(plain->options.endpoint).port, 8700);
  EXPECT_EQ(plain->base_path, "/base");
  EXPECT_FALSE(plain->options.tls);
  const auto secure = parse_url("https://[::1]");
  ASSERT_TRUE(secure);
  EXPECT_EQ(std::get<TcpEndpoint>(secure->options.endpoint).host, "::1");
  EXPECT_EQ(std::get<TcpEndpoint>(secure->options.endpoint).port, 443);
  EXPECT_TRUE(secure->options.tls);
  EXPECT_EQ(std::get<UnixEndpoint>(parse_url("unix:/run/x.sock")->options.endpoint).path, "/run/x.sock");
  for (const char* bad : {"", "host", "ftp://a", "http://", "http://a:0", "http://a:70000", "http://a:x", "http://a b",
                          "http://u@h", "http://h/?q", "http://[::1", "unix:relative", "http://h\r\nX: y"})
    EXPECT_FALSE(parse_url(bad)) << bad;
}

}  // namespace
}  // namespace mifeng::net
