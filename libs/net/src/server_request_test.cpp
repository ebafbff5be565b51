// What comes in: requests, their bodies, and what is none.
#include <fcntl.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "server_fixture.h"

namespace mifeng::net {
namespace {

TEST_F(ServerTest, TakesALargeUploadToAFileAndTellsProgress) {
  const auto source = dir_.path() / "upload";
  const auto target = dir_.path() / "stored";
  {
    std::ofstream out(source, std::ios::binary);
    std::string piece(1 << 20, '\0');
    for (int i = 0; i < 40; ++i) {
      std::fill(piece.begin(), piece.end(), static_cast<char>('a' + i % 26));
      out << piece;
    }
    out << "end";
  }
  const auto size = std::filesystem::file_size(source);
  const Handler store = [&](Request request) -> asio::awaitable<Response> {
    UniqueFd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    auto saved = co_await save_body(*request.body, fd.get(), 1 << 30, pool_);
    co_return saved ? Response(200, std::to_string(*saved)) : Response(500, saved.error().message());
  };
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"127.0.0.1"}, clock);
  ASSERT_TRUE(made);
  for (const bool tls : {false, true}) {
    start(store, tls ? ServerOptions{.tls = *made} : ServerOptions{});
    std::uint64_t last = 0;
    ClientRequest request("PUT", "/");
    request.body = UploadFile{source, [&](std::uint64_t sent, std::uint64_t total) {
                                EXPECT_GT(sent, last);
                                EXPECT_EQ(total, size);
                                last = sent;
                              }};
    const auto answer = client(tls ? std::optional(ClientTls{.ca_file = made->certificate}) : std::nullopt)
                            .send_now(std::move(request));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, std::to_string(size));
    EXPECT_EQ(last, size);
    EXPECT_EQ(read_file(source, size).value(), read_file(target, size).value());
  }
}

TEST_F(ServerTest, ARefusalReachesAClientThatStillSends) {
  const auto source = dir_.path() / "upload";
  std::ofstream(source).close();
  std::filesystem::resize_file(source, 200 << 20);
  const Handler refuse = [](Request) -> asio::awaitable<Response> { co_return Response(401, "no"); };
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"127.0.0.1"}, clock);
  ASSERT_TRUE(made);
  for (const bool tls : {false, true}) {
    start(refuse, tls ? ServerOptions{.tls = *made} : ServerOptions{});
    ClientRequest request("PUT", "/");
    request.body = UploadFile{source, {}};
    const auto answer = client(tls ? std::optional(ClientTls{.ca_file = made->certificate}) : std::nullopt)
                            .send_now(std::move(request));
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 401);
    EXPECT_EQ(answer->body, "no");
  }
}

TEST_F(ServerTest, HoldsBodiesToTheirLimit) {
  start(echo);
  EXPECT_EQ(client().send_now({"POST", "/", std::string(1000, 'x'), "text/plain"})->status, 200);
  EXPECT_EQ(client().send_now({"POST", "/", std::string(1001, 'x'), "text/plain"})->body, "body-too-large");
  RawClient chunked(server_->port());
  chunked.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" + std::string(2048, 'x') +
               "\r\n");
  EXPECT_NE(chunked.read_until("body-too-large").find("413"), std::string::npos);
}

TEST_F(ServerTest, RefusesWhatIsNoRequest) {
  start(echo, {.max_header_bytes = 2000});
  const auto answer_to = [&](std::string_view text) {
    RawClient raw(server_->port());
    raw.send(text);
    return raw.read_all().substr(0, 12);
  };
  EXPECT_EQ(answer_to("nonsense\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("GET / HTTP/2.0\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nBad Name: x\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(answer_to("GET / HTTP/1.1\r\nX: " + std::string(3000, 'x') + "\r\n\r\n"), "HTTP/1.1 431");
  // A malformed body is the handler's to answer.
  EXPECT_EQ(answer_to("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "HTTP/1.1 413");
}

TEST_F(ServerTest, DoesNotWaitForASlowHeaderOrBody) {
  std::latch told(1);
  start(
      [&](Request request) -> asio::awaitable<Response> {
        auto body = co_await read_body(*request.body, 1000);
        if (!body) {
          EXPECT_EQ(body.error().reason(), "body-too-slow");
          told.count_down();
          co_return Response(408);
        }
        co_return Response(200);
      },
      {.header_timeout = 2s, .idle_timeout = 200ms, .body_timeout = 200ms});
  RawClient header(server_->port());
  header.send("GET / HT");
  const std::string late = header.read_all();
  EXPECT_EQ(late.substr(0, 12), "HTTP/1.1 408");
  EXPECT_NE(late.find("Connection: close"), std::string::npos);
  EXPECT_NE(late.find("header-too-slow"), std::string::npos);
  RawClient silent(server_->port());
  EXPECT_EQ(silent.read_all(), "");
  RawClient body(server_->port());
  body.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(body.read_all().substr(0, 12), "HTTP/1.1 408");
  told.wait();
  RawClient idle(server_->port());
  idle.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(idle.read_all().substr(0, 12), "HTTP/1.1 200");  // and is closed afterwards
}

// Answers with the size of the body, or why there is none; who says "known" is known from then on.
asio::awaitable<Response> weigh(Request request) {
  if (request.headers.find("Known") != nullptr) request.peer.known();
  auto body = co_await read_body(*request.body, 1 << 20);
  co_return body ? Response(200, std::to_string(body->size())) : Response(413, body.error().reason());
}

TEST_F(ServerTest, AStrangerSendsLittleAndOnceKnownMore) {
  start(weigh, {.strangers = {.all = 8, .of_one_source = 8, .body_bytes = 1000}});
  const auto answer_to = [&](const std::string& head, const std::string& body) {
    RawClient raw(server_->port());
    raw.send("POST / HTTP/1.1\r\n" + head + "\r\n" + body);
    raw.end_sending();
    return raw.read_all();
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(answer_to("Content-Length: 1000\r\n", std::string(1000, 'x')), "200 OK"));
  // Refused although nothing of it has come, so nothing of it is waited for.
  EXPECT_TRUE(has(answer_to("Content-Length: 1001\r\n", ""), "body-too-large"));
  EXPECT_TRUE(has(answer_to("Content-Length: 1001\r\nExpect: 100-continue\r\n", ""), "body-too-large"));
  const std::string chunk = "200\r\n" + std::string(512, 'x') + "\r\n";
  EXPECT_TRUE(has(answer_to("Transfer-Encoding: chunked\r\n", chunk + "0\r\n\r\n"), "200 OK"));
  EXPECT_TRUE(has(answer_to("Transfer-Encoding: chunked\r\n", chunk + chunk + "0\r\n\r\n"), "body-too-large"));
  EXPECT_TRUE(has(answer_to("Known: 1\r\nContent-Length: 5000\r\n", std::string(5000, 'x')), "\r\n5000"));
  RawClient kept(server_->port());
  kept.send("POST / HTTP/1.1\r\nKnown: 1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(has(kept.read_until("2"), "200 OK"));
  kept.send("POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + std::string(5000, 'x'));
  EXPECT_TRUE(has(kept.read_until("5000"), "200 OK")) << "it is the connection that is known";
}

TEST_F(ServerTest, OnAUnixSocketNobodyIsAStranger) {
  start(weigh, {.listen = UnixListen{dir_.path() / "socket"},
                .strangers = {.all = 1, .of_one_source = 1, .body_bytes = 10, .body_time = 1ms}});
  const auto client = HttpClient::create({.endpoint = UnixEndpoint{dir_.path() / "socket"}}).value();
  EXPECT_EQ(client.send_now({"POST", "/", std::string(1000, 'x'), "text/plain"})->body, "1000");
}

// Sends a byte every few milliseconds until an answer comes.
std::string trickle(std::uint16_t port, const std::string& head) {
  RawClient raw(port);
  raw.send("POST / HTTP/1.1\r\n" + head + "\r\n");
  std::atomic<bool> answered = false;
  std::thread sender([&] {
    while (!answered) {
      if (!raw.try_send("x")) break;
      std::this_thread::sleep_for(20ms);
    }
  });
  std::string answer = raw.read_until("body-too-slow");
  answered = true;
  sender.join();
  return answer;
}

TEST_F(ServerTest, SomeProgressIsNotEnoughForABody) {
  start(weigh, {.body_timeout = 200ms, .body_rate_min = 10'000});
  EXPECT_NE(trickle(server_->port(), "Content-Length: 100000\r\n").find("body-too-slow"), std::string::npos);
  start(weigh, {.strangers = {.all = 8, .of_one_source = 8, .body_time = 200ms}});
  EXPECT_NE(trickle(server_->port(), "Content-Length: 100000\r\n").find("body-too-slow"), std::string::npos);
  start(weigh, {.body_time_max = 200ms});
  EXPECT_NE(trickle(server_->port(), "Known: 1\r\nContent-Length: 100000\r\n").find("body-too-slow"),
            std::string::npos);
}

TEST_F(ServerTest, KeepsConnectionsAndTakesPipelinedRequests) {
  start(echo);
  RawClient raw(server_->port());
  raw.send(
      "GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nConnection: "
      "close\r\n\r\n");
  const std::string all = raw.read_all();
  EXPECT_NE(all.find("GET /1 "), std::string::npos);
  EXPECT_NE(all.find("POST /2 hi"), std::string::npos);
  EXPECT_NE(all.find("GET /3 "), std::string::npos);
}

TEST_F(ServerTest, AHalfClosedClientGetsItsAnswer) {
  start(echo);
  RawClient raw(server_->port());
  raw.send("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
  raw.end_sending();
  EXPECT_NE(raw.read_all().find("POST / abc"), std::string::npos);
  RawClient cut(server_->port());
  cut.send("POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc");
  cut.end_sending();
  EXPECT_NE(cut.read_all().find("peer-closed"), std::string::npos);
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsWanted) {
  start(echo);
  RawClient raw(server_->port());
  raw.send("POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_NE(raw.read_until("\r\n\r\n").find("100 Continue"), std::string::npos);
  raw.send("abc");
  EXPECT_NE(raw.read_until("abc").find("200 OK"), std::string::npos);
  RawClient refused(server_->port());
  refused.send("POST / HTTP/1.1\r\nContent-Length: 3000\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = refused.read_all();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.1 413");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

}  // namespace
}  // namespace mifeng::net
