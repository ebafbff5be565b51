#include "health.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "mifeng/net/client.h"

namespace mifeng::guard {
namespace {

struct HealthOfUnit : testing::Test {
  std::vector<keyholder::ListenSocket> sockets = keyholder::ListenSocket::open_all(0).value();
  std::unique_ptr<Health> health = Health::start(sockets).value();

  net::ClientResponse ask(const std::string& path, const std::string& method = "GET") {
    net::ClientOptions options{.endpoint = net::TcpEndpoint{"127.0.0.1", sockets[0].port()}};
    return net::HttpClient::create(std::move(options))->send_now({method, path}).value();
  }
};

TEST_F(HealthOfUnit, IsToldWithoutContent) {
  EXPECT_EQ(ask("/live").status, 200);
  EXPECT_EQ(ask("/ready").status, 503);
  health->set_ready(true);
  EXPECT_EQ(ask("/ready").status, 200);
  EXPECT_EQ(ask("/ready").body, "");
  EXPECT_EQ(ask("/ready?verbose=1", "HEAD").status, 200);
  health->set_ready(false);
  EXPECT_EQ(ask("/ready").status, 503);
  EXPECT_EQ(ask("/").status, 404);
  EXPECT_EQ(ask("/livelier").status, 404);
  EXPECT_EQ(ask("/live", "POST").status, 405);
}

// Silent ones, and ones that have begun to ask: whoever asks next is answered, and the first of them are gone.
TEST_F(HealthOfUnit, HasRoomThatOthersCannotTake) {
  boost::asio::io_context io;
  const boost::asio::ip::tcp::endpoint place(boost::asio::ip::address_v4::loopback(), sockets[0].port());
  std::vector<boost::asio::ip::tcp::socket> others;
  for (int i = 0; i < 300; ++i) {
    others.emplace_back(io).connect(place);
    if (i % 2 == 0) boost::asio::write(others.back(), boost::asio::buffer("GET /live HTT", 13));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(ask("/live").status, 200);
  char byte = 0;
  boost::system::error_code ended;
  EXPECT_EQ(others.front().read_some(boost::asio::buffer(&byte, 1), ended), 0u);
  EXPECT_TRUE(ended) << "it was not let go, so nothing was crowded here";
}

TEST_F(HealthOfUnit, CountsWhatTheWorkersCount) {
  health->add({.deployment = {}, .instance = {}, .calls = 5, .errors = 2, .refusals = {{"bad-tag", 3}, {"other", 1}}});
  health->add({.deployment = {}, .instance = {}, .calls = 1, .errors = 0, .refusals = {}});
  const std::string told = ask("/metrics").body;
  EXPECT_NE(told.find("\nmifeng_calls_total 6\n"), std::string::npos) << told;
  EXPECT_NE(told.find("\nmifeng_errors_total 2\n"), std::string::npos) << told;
  EXPECT_NE(told.find("\nmifeng_refusals_total 4\n"), std::string::npos) << told;
}

TEST_F(HealthOfUnit, WhatIsNoRequestIsNoneOfThese) {
  for (const char* text :
       {"", " ", "GET", "GET ", "\r\n\r\n", "get /live HTTP/1.1\r\n\r\n", "GET  /live HTTP/1.1\r\n\r\n"})
    EXPECT_FALSE(health->answer(text).starts_with("HTTP/1.1 200")) << text;
  EXPECT_TRUE(health->answer("GET /live HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200"));
}

}  // namespace
}  // namespace mifeng::guard
