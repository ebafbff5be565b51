#include "mifeng/proxy/path.h"

#include <gtest/gtest.h>

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
  const auto full = parse_forward_url("mifeng://dep-1:grpc/v2/models/x/").value();
  EXPECT_EQ(full.port, "grpc");
  EXPECT_EQ(full.path, "/v2/models/x");
  EXPECT_EQ(parse_forward_url("mifeng://dep-1/").value().path, "");
}

TEST(ForwardUrl, RefusesWhatIsNone) {
  for (const std::string url : {"", "http://dep-1", "mifeng:/dep-1", "mifeng://", "mifeng:///x", "mifeng://a b",
                                "mifeng://d:", "mifeng://d:HTTP", "mifeng://d:-x", "mifeng://d/..", "mifeng://d/a?b",
                                "mifeng://d//", "mifeng://d:a:b", "mifeng://\xE6"}) {
    const auto result = parse_forward_url(url);
    ASSERT_FALSE(result.has_value()) << url;
    EXPECT_EQ(result.error().reason(), "bad-forward-url") << url;
  }
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
