#include "strangers.h"

#include <gtest/gtest.h>

#include "mifeng/net/source.h"
#include "server_fixture.h"

namespace mifeng::net {
namespace {

TEST(StrangersTest, TheOldestOfAFullSourceGoes) {
  Strangers strangers({.all = 10, .of_one_source = 2});
  EXPECT_FALSE(strangers.add(1, "a"));
  EXPECT_FALSE(strangers.add(2, "b"));
  EXPECT_FALSE(strangers.add(3, "a"));
  EXPECT_EQ(strangers.add(4, "a"), 1u);
  EXPECT_EQ(strangers.add(5, "a"), 3u);
  EXPECT_EQ(strangers.count(), 3u);
}

TEST(StrangersTest, WhereThereIsNoMoreRoomTheOldestOfTheSourceWithMostGoes) {
  Strangers strangers({.all = 4, .of_one_source = 3});
  EXPECT_FALSE(strangers.add(1, "a"));
  for (Strangers::Id id = 2; id <= 4; ++id) EXPECT_FALSE(strangers.add(id, "b"));
  EXPECT_EQ(strangers.add(5, "c"), 2u);
  EXPECT_EQ(strangers.count(), 4u);
}

TEST(StrangersTest, WhoIsKnownMakesRoom) {
  Strangers strangers({.all = 2, .of_one_source = 2});
  EXPECT_FALSE(strangers.add(1, "a"));
  EXPECT_FALSE(strangers.add(2, "a"));
  strangers.remove(1);
  strangers.remove(1);
  strangers.remove(77);
  EXPECT_FALSE(strangers.add(3, "a"));
  EXPECT_EQ(strangers.add(4, "a"), 2u);
}

TEST(StrangersTest, WithoutLimitsNobodyGoes) {
  Strangers strangers({});
  for (Strangers::Id id = 0; id < 1000; ++id) EXPECT_FALSE(strangers.add(id, "a"));
  EXPECT_EQ(strangers.count(), 0u);
}

TEST(StrangersTest, OneSourceIsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_EQ(one_source("192.0.2.7:1234"), "192.0.2.7");
  EXPECT_EQ(one_source("[::ffff:192.0.2.7]:1234"), "192.0.2.7");
  EXPECT_EQ(one_source("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::/64");
  EXPECT_EQ(one_source("[2001:db8:1:2::9]:81"), "2001:db8:1:2::/64");
  EXPECT_NE(one_source("[2001:db8:1:3::9]:81"), "2001:db8:1:2::/64");
}

// The handler knows whoever asks for /known.
asio::awaitable<Response> knower(Request request) {
  if (request.path() == "/known") request.peer.known();
  auto body = co_await read_body(*request.body, 1000);
  co_return Response(body ? 200 : 408, body ? *body : body.error().reason(), "text/plain");
}

class StrangersOfAServer : public ServerTest {};

TEST_F(StrangersOfAServer, AConnectionThatSaysNothingGoesForOneThatComes) {
  const auto port = start(knower, {.strangers = {.all = 8, .of_one_source = 2}}).port();
  RawClient first(port), second(port), third(port);
  EXPECT_EQ(first.read_all(), "") << "closed without a word";
  second.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(second.read_until("\r\n\r\n").find("200 OK"), std::string::npos);
  third.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(third.read_until("\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST_F(StrangersOfAServer, WhoIsKnownStaysWhoeverComes) {
  const auto port = start(knower, {.strangers = {.all = 8, .of_one_source = 2}}).port();
  RawClient known(port);
  known.send("POST /known HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(known.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 20; ++i) crowd.push_back(std::make_unique<RawClient>(port));
  EXPECT_EQ(crowd.front()->read_all(), "");
  known.send("ok");
  EXPECT_NE(known.read_until("ok").find("200 OK"), std::string::npos);
}

TEST_F(StrangersOfAServer, AFloodOfConnectionsShutsNobodyOutWhoSpeaksAtOnce) {
  const auto port = start(knower, {.strangers = {.all = 64, .of_one_source = 32}}).port();
  std::atomic<bool> enough = false;
  std::thread flood([&] {
    std::vector<std::unique_ptr<RawClient>> held;
    while (!enough) {
      held.push_back(std::make_unique<RawClient>(port));
      if (held.size() > 64) held.erase(held.begin());
    }
  });
  // A client that is held up between connecting and speaking is sent away as well, and comes again.
  int answered = 0;
  for (int tries = 0; tries < 1000 && answered < 50; ++tries) {
    const auto answer = client({}, "127.0.0.1").send_now({"POST", "/known", "hello", "text/plain"});
    answered += answer && answer->status == 200 ? 1 : 0;
  }
  enough = true;
  flood.join();
  EXPECT_EQ(answered, 50);
}

TEST_F(StrangersOfAServer, ABodyHasItsTimeHoweverSteadilyItComes) {
  const auto port = start(knower, {.body_time_max = 500ms}).port();
  RawClient slow(port);
  slow.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
  const auto begun = std::chrono::steady_clock::now();
  std::thread drops([&] {
    for (int i = 0; i < 12; ++i) {
      slow.send("x");
      std::this_thread::sleep_for(100ms);
    }
  });
  const std::string answer = slow.read_until("body-too-slow");
  drops.join();
  EXPECT_NE(answer.find("408"), std::string::npos) << answer;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
}

TEST_F(StrangersOfAServer, OneRequestAConnectionWhereItWasSaidSo) {
  const auto port = start(knower, {.requests_max = 1}).port();
  RawClient client(port);
  client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answers = client.read_all();
  EXPECT_NE(answers.find("Connection: close"), std::string::npos);
  EXPECT_EQ(answers.find("200 OK"), answers.rfind("200 OK"));
}

}  // namespace
}  // namespace mifeng::net
