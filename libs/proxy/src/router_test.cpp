#include "mifeng/proxy/router.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <functional>

#include "test_table.h"

namespace mifeng::proxy {
namespace {

TEST(Router, TakesTheLongestPrefix) {
  const auto router = Router::create(test_table());
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
  const auto router = Router::create(test_table());
  const auto* first = router->match("/digits")->entry->endpoints;
  ASSERT_NE(first, nullptr);
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[1].name, "[::1]:30002");
  EXPECT_EQ((*first)[1].address.ss_family, AF_INET6);
  EXPECT_EQ(router->match("/digits/deep")->entry->endpoints->size(), 1u);
  EXPECT_EQ(router->match("/other")->entry->endpoints, nullptr);
}

TEST(Router, AsksForKeys) {
  const auto router = Router::create(test_table());
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
  const auto router = Router::create(test_table());
  ASSERT_NE(router->instance("dep-1", point(1)), nullptr);
  EXPECT_EQ(router->instance("dep-1", point(1))->id, "i-1");
  EXPECT_EQ(router->instance("dep-2", point(1)), nullptr);
  EXPECT_EQ(router->instance("dep-1", point(3)), nullptr);
}

TEST(Router, Expires) {
  const auto router = Router::create(test_table());
  EXPECT_FALSE(router->expired(1'999));
  EXPECT_TRUE(router->expired(2'000));
}

struct Fault {
  std::function<void(Table&)> make;
  std::string said;
};

// Whatever is wrong with one entry, the others serve, and it is said which one it is.
TEST(Router, LeavesOutWhatItCannotTakeAndTakesTheRest) {
  const std::vector<Fault> faults = {
      {[](Table& t) { t.routes[1].id = "r-1"; }, "route r-1: its id is another route's too"},
      {[](Table& t) { t.routes[1].prefix = "/digits"; }, "route r-2: its prefix is that of route r-1"},
      {[](Table& t) { t.routes[1].prefix = "/%64igits"; }, "route r-2: its prefix: "},
      {[](Table& t) { t.routes[1].prefix = "deep"; }, "route r-2: its prefix: "},
      {[](Table& t) { t.routes[1].prefix = "/deep/"; }, "route r-2: its prefix: "},
      {[](Table& t) { t.routes[1].prefix = "/deep?x"; }, "route r-2: its prefix: "},
      {[](Table& t) { t.routes[1].prefix = "/a//b"; }, "route r-2: its prefix: "},
      {[](Table& t) { t.routes[1].forward = "http://x"; }, "route r-2: "},
      {[](Table& t) { t.endpoints[0].addresses.insert(t.endpoints[0].addresses.begin(), "localhost:1"); },
       "port http of deployment dep-1: \"localhost:1\" is no address"},
      {[](Table& t) { t.endpoints[1].port = ""; }, "a port of deployment dep-2: it has no name"},
      {[](Table& t) { t.endpoints[1].port = "grpc"; }, "port grpc of deployment dep-2: it stands there twice"},
      {[](Table& t) { t.instances[1].signing_key = point(1); }, "instance i-2: it has the signing key of instance i-1"},
      {[](Table& t) { t.instances[1].signing_key = {}; }, "instance i-2: it has no signing key"},
      {[](Table& t) { t.callers[1].key_sm3 = t.callers[0].key_sm3; }, "caller c-2: it has a key of caller c-1"},
  };
  for (const Fault& fault : faults) {
    Table table = test_table();
    fault.make(table);
    const auto router = Router::create(std::move(table));
    EXPECT_EQ(router->left_out().count, 1u) << fault.said;
    EXPECT_TRUE(router->left_out().text().starts_with(fault.said)) << router->left_out().text();
    const auto match = router->match("/digits/predict");
    ASSERT_TRUE(match) << fault.said;
    ASSERT_NE(match->entry->endpoints, nullptr) << fault.said;
    EXPECT_EQ(match->entry->endpoints->size(), 2u) << fault.said;
    EXPECT_TRUE(router->authorise(*match->entry, "key one")) << fault.said;
    EXPECT_NE(router->instance("dep-1", point(1)), nullptr) << fault.said;
  }
  EXPECT_EQ(Router::create(test_table())->left_out().text(), "");
}

// Or its callers would send their data to whatever is served under a shorter prefix.
TEST(Router, ARouteThatLeadsNowhereKeepsItsPrefix) {
  for (const auto& spoil : std::vector<std::function<void(Table&)>>{[](Table& t) { t.routes[1].forward = "http://x"; },
                                                                    [](Table& t) { t.routes[1].id = "r-1"; }}) {
    Table table = test_table();
    spoil(table);
    const auto router = Router::create(std::move(table));
    const auto match = router->match("/digits/deep/predict");
    ASSERT_TRUE(match);
    EXPECT_EQ(match->entry->route.prefix, "/digits/deep");
    EXPECT_EQ(match->entry->endpoints, nullptr);
  }
}

TEST(Router, SaysTheFirstOfWhatItLeavesOutAndHowManyMore) {
  Table table = test_table();
  for (int i = 0; i < 100; ++i) table.callers.push_back(table.callers[0]);
  const auto router = Router::create(std::move(table));
  EXPECT_EQ(router->left_out().count, 100u);
  EXPECT_EQ(router->left_out().said.size(), LeftOut::kSaidMax);
  EXPECT_TRUE(router->left_out().text().ends_with("; and 84 more"));
}

TEST(EndpointAddress, RefusesWhatIsNoAddress) {
  for (const std::string text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:1x",
                                 "::1:80", "[::1]", "[]:1", "x:1", "1.2.3:1", ":1", "127.0.0.1:-1", "127.0.0.1: 1"}) {
    EXPECT_FALSE(parse_endpoint(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace mifeng::proxy
