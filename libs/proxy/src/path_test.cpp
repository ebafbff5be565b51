#include "mifeng/proxy/path.h"

#include <gtest/gtest.h>

#include "mifeng/base/bounds.h"

namespace mifeng::proxy {
namespace {

TEST(NormalisePath, DecodesWhatIsOrdinary) {
  EXPECT_EQ(normalise_path("/").value(), "/");
  EXPECT_EQ(normalise_path("/a/").value(), "/a/");
  EXPECT_EQ(normalise_path("/v2/models/%E6%A8%A1/infer").value(), "/v2/models/\xE6\xA8\xA1/infer");
  EXPECT_EQ(normalise_path("/a%20b/..c/d..").value(), "/a b/..c/d..");
  EXPECT_EQ(normalise_path("/.../x").value(), "/.../x");
}

TEST(NormalisePath, RefusesWhatTwoReadersCouldSeeDifferently) {
  for (const std::string path : {"",      "a",       "//",    "/a//b",  "/.",     "/..",    "/./a",  "/../a", "/a/.",
                                 "/a/..", "/a/../b", "/%2e",  "/a%2Eb", "/a%2fb", "/a%5Cb", "/a\\b", "/a%00", "/a#b",
                                 "/a%",   "/a%4",    "/a%4g", "/a b",   "/a\tb",  "/a\nb",  "/a\x7f"}) {
    const auto result = normalise_path(path);
    ASSERT_FALSE(result.has_value()) << path;
    EXPECT_EQ(result.error().reason(), "bad-path") << path;
  }
}

TEST(ForwardUrl, HasDeploymentPortAndPath) {
  const auto bare = parse_forward_url("mifeng://dep-1").value();
  EXPECT_EQ(bare.deployment, "dep-1");
  EXPECT_EQ(bare.port, "");
  EXPECT_EQ(bare.path, "");
  const auto full = parse_forward_url("mifeng://dep-1:grpc/v2/models/x").value();
  EXPECT_EQ(full.port, "grpc");
  EXPECT_EQ(full.path, "/v2/models/x");
  EXPECT_EQ(parse_forward_url("mifeng://dep-1/").value().path, "");
  const std::string longest =
      "mifeng://" + std::string(128, 'A') + ":" + std::string(15, 'p') + "/" + std::string(511, 'x');
  EXPECT_EQ(longest.size(), bounds::kForwardUrlMax);
  EXPECT_EQ(to_string(parse_forward_url(longest).value()), longest);
}

TEST(ForwardUrl, RefusesWhatIsNone) {
  for (const std::string url : {"", "http://dep-1", "mifeng:/dep-1", "mifeng://", "mifeng:///x", "mifeng://a b",
                                "mifeng://d:", "mifeng://d:HTTP", "mifeng://d:-x", "mifeng://d/..", "mifeng://d/a?b",
                                "mifeng://d//", "mifeng://d:a:b", "mifeng://\xE6", "mifeng://a@b", "mifeng://a/b/",
                                "mifeng://a/%2e", "mifeng://a/%41", "mifeng://a/%e6"}) {
    const auto result = parse_forward_url(url);
    ASSERT_FALSE(result.has_value()) << url;
    EXPECT_EQ(result.error().reason(), "bad-forward") << url;
  }
  for (const std::string& url : {"mifeng://" + std::string(129, 'a'), "mifeng://a:" + std::string(16, 'p'),
                                 "mifeng://a/" + std::string(512, 'x')})
    EXPECT_FALSE(parse_forward_url(url)) << url;
}

TEST(RoutePath, IsSpeltInOneWayOnly) {
  for (const char* good : {"/", "/digits", "/a/b-c_d.e~f", "/v2/%E6%A8%A1", "/a..b", "/..."}) {
    EXPECT_FALSE(complain_of_route_path(good)) << good;
    EXPECT_TRUE(normalise_path(good)) << good;
  }
  for (const char* bad : {"",       "digits", "/digits/", "//",     "/a//b", "/.",   "/..",   "/a/../b", "/a%2Fb",
                          "/a%2fb", "/a%5Cb", "/a%2Eb",   "/a%00b", "/a%",   "/a%2", "/a%zz", "/a%e6",   "/a%41",
                          "/a b",   "/a?b",   "/a#b",     "/模型",  "/a\\b", "/a;b", "/a\nb"})
    EXPECT_TRUE(complain_of_route_path(bad)) << bad;
  EXPECT_FALSE(complain_of_route_path("/" + std::string(511, 'a')));
  EXPECT_TRUE(complain_of_route_path("/" + std::string(512, 'a')));
}

TEST(ForwardTarget, JoinsForwardPathAndRest) {
  EXPECT_EQ(forward_target("/m", "/m", ""), "/");
  EXPECT_EQ(forward_target("/m?q", "/m", ""), "/?q");
  EXPECT_EQ(forward_target("/m/", "/m", ""), "/");
  EXPECT_EQ(forward_target("/m/a%20b?q=/m", "/m", ""), "/a%20b?q=/m");
  EXPECT_EQ(forward_target("/m", "/m", "/v2"), "/v2");
  EXPECT_EQ(forward_target("/m/x?y", "/m", "/v2"), "/v2/x?y");
  EXPECT_EQ(forward_target("/x/y", "/", ""), "/x/y");
  EXPECT_EQ(forward_target("/x", "/", "/v2"), "/v2/x");
}

}  // namespace
}  // namespace mifeng::proxy
