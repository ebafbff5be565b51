#include "mifeng/proxy/balancer.h"

#include <gtest/gtest.h>

#include "test_table.h"

namespace mifeng::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = Balancer::Outcome;

struct BalancerTest : testing::Test {
  std::vector<EndpointAddress> endpoints = {*parse_endpoint("127.0.0.1:1"), *parse_endpoint("127.0.0.1:2"),
                                            *parse_endpoint("127.0.0.1:3")};
  Balancer balancer;
  Balancer::Time now{};

  std::string choose(std::vector<const EndpointAddress*> tried = {}) {
    const EndpointAddress* const chosen = balancer.choose(endpoints, tried, now);
    return chosen == nullptr ? "none" : chosen->name.substr(10);
  }
  void done(const std::string& port, Outcome outcome) { balancer.done("127.0.0.1:" + port, outcome, now); }
};

TEST_F(BalancerTest, TakesThemInTurn) {
  for (int round = 0; round < 2; ++round) {
    for (const std::string port : {"1", "2", "3"}) {
      EXPECT_EQ(choose(), port);
      done(port, Outcome::kAnswered);
    }
  }
}

TEST_F(BalancerTest, PrefersTheOneWithTheFewestUnderWay) {
  EXPECT_EQ(choose(), "1");
  EXPECT_EQ(choose(), "2");
  done("1", Outcome::kAnswered);
  EXPECT_EQ(choose(), "3");
  EXPECT_EQ(choose(), "1");
  done("2", Outcome::kUnused);
  EXPECT_EQ(choose(), "2");
}

TEST_F(BalancerTest, LeavesOutWhatWasTried) {
  EXPECT_EQ(choose({&endpoints[0], &endpoints[2]}), "2");
  EXPECT_EQ(choose({&endpoints[0], &endpoints[1], &endpoints[2]}), "none");
}

TEST_F(BalancerTest, MarksAFailureForLongerEachTime) {
  for (const int mark_s : {1, 2, 4, 8, 16, 16}) {
    while (choose() != "1") done("2", Outcome::kAnswered), done("3", Outcome::kAnswered);
    done("1", Outcome::kFailed);
    for (int i = 0; i < 4; ++i) {
      const std::string port = choose();
      EXPECT_NE(port, "1");
      done(port, Outcome::kAnswered);
    }
    now += seconds(mark_s) - milliseconds(1);
    EXPECT_NE(choose(), "1");
    done("2", Outcome::kAnswered);
    done("3", Outcome::kAnswered);
    now += milliseconds(1);
  }
  while (choose() != "1") done("2", Outcome::kAnswered), done("3", Outcome::kAnswered);
  done("1", Outcome::kAnswered);
  // An answer clears the count.
  while (choose() != "1") done("2", Outcome::kAnswered), done("3", Outcome::kAnswered);
  done("1", Outcome::kFailed);
  now += seconds(1);
  bool again = false;
  for (int i = 0; i < 3; ++i) again = choose() == "1" || again;
  EXPECT_TRUE(again);
}

TEST_F(BalancerTest, ChoosesAMarkedOneWhereAllAre) {
  for (const std::string port : {"1", "2", "3"}) {
    EXPECT_EQ(choose(), port);
    done(port, Outcome::kFailed);
  }
  EXPECT_EQ(choose(), "1");
}

TEST_F(BalancerTest, ABalancedAddressIsTriedAgain) {
  for (EndpointAddress& endpoint : endpoints) endpoint.kind = EndpointKind::kBalanced;
  std::vector<const EndpointAddress*> tried;
  std::string order;
  for (int i = 0; i < 8; ++i) {
    const EndpointAddress* const chosen = balancer.choose(endpoints, tried, now);
    ASSERT_NE(chosen, nullptr);
    order += chosen->name.substr(10);
    tried.push_back(chosen);
    balancer.done(chosen->name, Outcome::kUnused, now);
  }
  EXPECT_EQ(order, "12312312");  // each as often as the others
  // None is marked by one connection that failed; only when nothing behind it was reached.
  EXPECT_EQ(choose(), "3");
  done("3", Outcome::kAnswered);
  balancer.mark("127.0.0.1:1", now);
  for (const std::string port : {"2", "3", "2"}) {
    EXPECT_EQ(choose(), port);
    done(port, Outcome::kAnswered);
  }
}

TEST_F(BalancerTest, WhoSaysThatItLeavesComesLast) {
  EXPECT_EQ(choose(), "1");
  done("1", Outcome::kLeaving);
  for (const std::string port : {"2", "3", "2", "3"}) {
    EXPECT_EQ(choose(), port);
    done(port, Outcome::kAnswered);
  }
  EXPECT_EQ(choose({&endpoints[1], &endpoints[2]}), "1");
  done("1", Outcome::kLeaving);
  // A failure shortly before its end does not take the mark away sooner.
  EXPECT_EQ(choose({&endpoints[1], &endpoints[2]}), "1");
  done("1", Outcome::kFailed);
  now += seconds(10) - milliseconds(1);
  EXPECT_EQ(choose(), "2");
  done("2", Outcome::kAnswered);
  now += milliseconds(1);
  EXPECT_EQ(choose(), "3");  // in turn again
  EXPECT_EQ(choose(), "1");
}

TEST_F(BalancerTest, ForgetsWhatIsNotListed) {
  EXPECT_EQ(choose(), "1");
  done("1", Outcome::kFailed);
  balancer.keep_only(*Router::create(test_table()));
  EXPECT_EQ(choose(), "1");
}

}  // namespace
}  // namespace mifeng::proxy
