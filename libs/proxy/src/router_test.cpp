#include "mifeng/proxy/router.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <functional>

#include "test_table.h"

namespace mifeng::proxy {
namespace {

TEST(Router, TakesTheLongestPrefix) {
  const auto router = Router::create(test_table()).value();
  EXPECT_EQ(router->match("/digits")->entry->route.id, "r-1");
  EXPECT_EQ(router->match("/digits/x?y")->target, "/x?y");
  const auto deep = router->match("/digits/deep/x").value();
  EXPECT_EQ(deep.entry->route.id, "r-2");
  EXPECT_EQ(deep.target, "/v2/x");
  EXPECT_EQ(router->match("/digits/deeper")->entry->route.id, "r-1");
  EXPECT_EQ(router->match("/digit").error().reason(), "unknown-prefix");
  EXPECT_EQ(router->match("/%64igits").error().reason(), "bad-path");
  EXPECT_EQ(router->match("/digits?a#b").error().reason(), "bad-path");
}

TEST(Router, FindsEndpointsByPortName) {
  const auto router = Router::create(test_table()).value();
  const auto* first = router->match("/digits")->entry->endpoints;
  ASSERT_NE(first, nullptr);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[1].name, "[::1]:30002");
  EXPECT_EQ((*first)[1].address.ss_family, AF_INET6);
  EXPECT_EQ(router->match("/digits/deep")->entry->endpoints->size(), 1u);
  EXPECT_EQ(router->match("/other")->entry->endpoints, nullptr);
}

TEST(Router, AsksForKeys) {
  const auto router = Router::create(test_table()).value();
  const RouteEntry& listed = *router->match("/digits")->entry;
  const RouteEntry& open = *router->match("/digits/deep")->entry;
  const RouteEntry& any = *router->match("/other")->entry;
  EXPECT_TRUE(router->authorise(listed, "key one"));
  EXPECT_EQ(router->authorise(listed, "key two").error().code(), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(router->authorise(any, "key two"));
  EXPECT_EQ(router->authorise(any, "").error().reason(), "no-caller-key");
  EXPECT_EQ(router->authorise(any, "key").error().reason(), "unknown-caller-key");
  EXPECT_TRUE(router->authorise(open, ""));
}

TEST(Router, KnowsAnInstanceForItsOwnDeploymentOnly) {
  const auto router = Router::create(test_table()).value();
  ASSERT_NE(router->instance("dep-1", point(1)), nullptr);
  EXPECT_EQ(router->instance("dep-1", point(1))->id, "i-1");
  EXPECT_EQ(router->instance("dep-2", point(1)), nullptr);
  EXPECT_EQ(router->instance("dep-1", point(3)), nullptr);
}

TEST(Router, Expires) {
  const auto router = Router::create(test_table()).value();
  EXPECT_FALSE(router->expired(1'999));
  EXPECT_TRUE(router->expired(2'000));
}

TEST(Router, RefusesATableThatContradictsItself) {
  const std::vector<std::function<void(Table&)>> faults = {
      [](Table& t) { t.routes[1].id = "r-1"; },
      [](Table& t) { t.routes[1].prefix = "/digits"; },
      [](Table& t) { t.routes[1].prefix = "/%64igits"; },
      [](Table& t) { t.routes[0].prefix = "digits"; },
      [](Table& t) { t.routes[0].prefix = "/digits/"; },
      [](Table& t) { t.routes[0].prefix = "/digits?x"; },
      [](Table& t) { t.routes[0].prefix = "/a//b"; },
      [](Table& t) { t.routes[0].forward = "http://x"; },
      [](Table& t) { t.endpoints[0].addresses[0] = "localhost:1"; },
      [](Table& t) { t.endpoints[0].port = ""; },
      [](Table& t) { t.endpoints[1].port = "grpc"; },
      [](Table& t) { t.instances[1].signing_key = point(1); },
      [](Table& t) { t.instances[0].signing_key = {}; },
      [](Table& t) { t.callers[1].key_sm3 = t.callers[0].key_sm3; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    Table table = test_table();
    faults[i](table);
    const auto router = Router::create(std::move(table));
    ASSERT_FALSE(router.has_value()) << i;
    EXPECT_EQ(router.error().reason(), "bad-table") << i;
  }
}

TEST(EndpointAddress, RefusesWhatIsNoAddress) {
  for (const std::string text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:1x",
                                 "::1:80", "[::1]", "[]:1", "x:1", "1.2.3:1", ":1", "127.0.0.1:-1", "127.0.0.1: 1"}) {
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace mifeng::proxy
