// What goes out: answers whole and in pieces, and what the client makes of them.
#include <latch>

#include "server_fixture.h"

namespace mifeng::net {
namespace {

TEST_F(ServerTest, AnswersHeadWithoutABodyAndCleansHeaderFields) {
  start([](Request) -> asio::awaitable<Response> {
    Response response(200, "text", "text/plain");
    response.headers.add("X-Bad", "a\r\nX-Injected: b");
    response.headers.add("X-Good", "c");
    co_return response;
  });
  RawClient raw(server_->port());
  raw.send("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answer = raw.read_all();
  EXPECT_NE(answer.find("Content-Length: 4\r\n"), std::string::npos);
  EXPECT_EQ(answer.substr(answer.size() - 4), "\r\n\r\n");
  EXPECT_EQ(answer.find("Injected"), std::string::npos);
  EXPECT_NE(answer.find("X-Good: c\r\n"), std::string::npos);
}

TEST_F(ServerTest, StreamsAnAnswerPieceByPiece) {
  start([](Request) -> asio::awaitable<Response> {
    Response response(200);
    response.body = BodyWriter([](BodySink& sink) -> Task<void> {
      for (int i = 0; i < 3; ++i) {
        std::string line = "line " + std::to_string(i) + "\n";
        auto written = co_await sink.write_text(std::move(line));
        if (!written) co_return written;
      }
      co_return ok();
    });
    co_return response;
  });
  std::string text;
  const auto status = client().stream_now({"GET", "/"}, [&](int, ByteView piece) -> Result<void> {
    text += as_text(piece);
    return ok();
  });
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(text, "line 0\nline 1\nline 2\n");
  RawClient old(server_->port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  const std::string answer = old.read_all();
  EXPECT_EQ(answer.substr(answer.find("\r\n\r\n") + 4), text);
}

TEST_F(ServerTest, AnAnswerThatBreaksOffIsSeenAsSuch) {
  start([](Request) -> asio::awaitable<Response> {
    Response response(200);
    response.body = BodyWriter([](BodySink& sink) -> Task<void> {
      std::string text = "half";
      auto written = co_await sink.write_text(std::move(text));
      if (!written) co_return written;
      co_return Error(ErrorCode::kInternal, "broken", "on purpose");
    });
    co_return response;
  });
  EXPECT_EQ(client().send_now({"GET", "/"}).error().reason(), "connection-lost");
}

TEST_F(ServerTest, AStreamEndsWhenItsClientGoes) {
  std::latch started(1);
  std::latch ended(1);
  start(endless(started, ended));
  RawClient raw(server_->port());
  raw.send("GET / HTTP/1.1\r\n\r\n");
  raw.read_until("first");
  raw.close();
  ended.wait();
}

TEST_F(ServerTest, AStreamOverTlsEndsWhenItsClientGoes) {
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"127.0.0.1"}, clock);
  ASSERT_TRUE(made);
  std::latch started(1);
  std::latch ended(1);
  start(endless(started, ended), {.tls = *made});
  const auto stopped = client(ClientTls{.ca_file = made->certificate}).stream_now({"GET", "/"}, [](int, ByteView) {
    return Result<void>(Error(ErrorCode::kCancelled, "enough", "enough"));
  });
  EXPECT_EQ(stopped.error().reason(), "enough");
  ended.wait();
}

TEST_F(ServerTest, TheClientHoldsItsOwnLimits) {
  start([](Request) -> asio::awaitable<Response> { co_return Response(200, std::string(5000, 'x')); });
  ClientRequest request("GET", "/");
  request.max_response_bytes = 4999;
  EXPECT_EQ(client().send_now(std::move(request)).error().reason(), "response-too-large");
  EXPECT_EQ(client().send_now({"GET", "/a b"}).error().reason(), "bad-request");
  EXPECT_EQ(client().send_now({"GET", "http://x/"}).error().reason(), "bad-request");
  ClientRequest injected("GET", "/");
  injected.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(client().send_now(std::move(injected)).error().reason(), "bad-request");
  ClientRequest missing("PUT", "/");
  missing.body = UploadFile{dir_.path() / "none", {}};
  EXPECT_EQ(client().send_now(std::move(missing)).error().reason(), "no-such-file");
}

TEST_F(ServerTest, TheClientGivesUpOnASilentServer) {
  std::latch finish(1);
  start([&](Request) -> asio::awaitable<Response> {
    auto wait = [&]() -> Result<void> {
      finish.wait();
      return ok();
    };
    auto waited = co_await run_blocking(pool_, std::move(wait));
    EXPECT_TRUE(waited);
    co_return Response(200);
  });
  ClientOptions options{.endpoint = TcpEndpoint{"127.0.0.1", server_->port()}};
  options.idle_timeout = 100ms;
  EXPECT_EQ(HttpClient::create(options)->send_now({"GET", "/"}).error().reason(), "no-answer");
  finish.count_down();
  server_->stop(10s);  // its handler refers to `finish`
  EXPECT_EQ(
      HttpClient::create({.endpoint = UnixEndpoint{dir_.path() / "none"}})->send_now({"GET", "/"}).error().reason(),
      "cannot-connect");
}

}  // namespace
}  // namespace mifeng::net
