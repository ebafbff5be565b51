#include "mifeng/net/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "mifeng/net/client.h"

namespace mifeng::net {
namespace {

using namespace std::chrono_literals;

// A blocking socket of the test's own, for what no decent client does.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  }
  void send(std::string_view text) {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<::ssize_t>(text.size()));
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  // Until `text` has come, or the end, or 10 s without anything.
  std::string read_until(std::string_view text) {
    char buffer[4096];
    while (seen_.find(text) == std::string::npos) {
      const ::ssize_t count = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (count <= 0) break;
      seen_.append(buffer, static_cast<std::size_t>(count));
    }
    return std::exchange(seen_, "");
  }
  std::string read_all() { return read_until("\1 never sent"); }
  void close() { fd_.reset(); }

 private:
  UniqueFd fd_;
  std::string seen_;
};

asio::awaitable<Response> echo(Request request) {
  auto body = co_await read_body(*request.body, 1000);
  if (!body) co_return Response(413, body.error().reason(), "text/plain");
  co_return Response(200, request.method + " " + request.target + " " + *body, "text/plain");
}

class ServerTest : public ::testing::Test {
 protected:
  HttpServer& start(Handler handler, ServerOptions options = {}) {
    auto started = HttpServer::start(runtime_, std::move(options), std::move(handler));
    EXPECT_TRUE(started) << started.error().message();
    server_ = std::move(*started);
    return *server_;
  }
  HttpClient client(std::optional<ClientTls> tls = std::nullopt, std::string host = "127.0.0.1") {
    ClientOptions options{.endpoint = TcpEndpoint{std::move(host), server_->port()}, .tls = std::move(tls)};
    options.idle_timeout = 10s;
    return HttpClient::create(options).value();
  }

  TempDir dir_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  Runtime runtime_{2};
  BlockingPool pool_{"test", 2, 100};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ServerTest, AnswersOnIpv4AndIpv6) {
  for (const char* address : {"127.0.0.1", "::1"}) {
    start(echo, {.listen = TcpListen{address, 0}});
    const auto answer = client({}, address).send_now({"POST", "/a?b", "hello", "text/plain"});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /a?b hello");
  }
}

TEST_F(ServerTest, SaysWhichAddressIsTaken) {
  const auto port = start(echo).port();
  const auto second = HttpServer::start(runtime_, {.listen = TcpListen{"127.0.0.1", port}}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason(), "address-in-use");
  EXPECT_EQ(HttpServer::start(runtime_, {.listen = TcpListen{"localhost", 0}}, echo).error().reason(), "bad-address");
  EXPECT_EQ(HttpServer::start(runtime_, {.listen = TcpListen{"203.0.113.9", 0}}, echo).error().reason(), "bad-address");
}

TEST_F(ServerTest, KnowsThePeerOfAUnixSocket) {
  const auto path = dir_.path() / "s.sock";
  std::ofstream(dir_.path() / "plain") << "x";
  EXPECT_EQ(HttpServer::start(runtime_, {.listen = UnixListen{dir_.path() / "plain"}}, echo).error().reason(),
            "address-in-use");
  const Handler who = [](Request request) -> asio::awaitable<Response> {
    const auto& process = request.peer.process;
    co_return Response(200, process && process->alive()
                                ? std::to_string(process->pid) + " " + std::to_string(process->uid)
                                : "nobody");
  };
  for (int again = 0; again < 2; ++again) {  // the second start finds the socket of the first
    start(who, {.listen = UnixListen{path, 0600}});
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    const auto answer = HttpClient::create({.endpoint = UnixEndpoint{path}})->send_now({"GET", "/"});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->body, std::to_string(::getpid()) + " " + std::to_string(::getuid()));
  }
}

TEST_F(ServerTest, APeerThatEndedIsNotAlive) {
  const auto path = dir_.path() / "s.sock";
  std::latch asked(1);
  std::latch reaped(1);
  std::atomic<bool> alive_before = false;
  std::atomic<bool> alive_after = true;
  std::latch answered(1);
  start(
      [&](Request request) -> asio::awaitable<Response> {
        alive_before = request.peer.process->alive();
        asked.count_down();
        auto wait = [&]() -> Result<void> {
          reaped.wait();
          return ok();
        };
        auto waited = co_await run_blocking(pool_, std::move(wait));
        EXPECT_TRUE(waited);
        alive_after = request.peer.process->alive();
        answered.count_down();
        co_return Response(200);
      },
      {.listen = UnixListen{path}});
  int go[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  const ::pid_t child = ::fork();
  if (child == 0) {  // only async-signal-safe calls
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.string().copy(to.sun_path, sizeof to.sun_path - 1);
    const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) ::_exit(1);
    if (::write(fd, text, sizeof text - 1) < 0) ::_exit(2);
    char byte = 0;
    if (::read(go[0], &byte, 1) < 0) ::_exit(3);
    ::_exit(0);
  }
  asked.wait();
  ASSERT_EQ(::write(go[1], "x", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  reaped.count_down();
  answered.wait();
  EXPECT_TRUE(alive_before);
  EXPECT_FALSE(alive_after);
  ::close(go[0]);
  ::close(go[1]);
}

TEST_F(ServerTest, SpeaksTlsWithASelfMadeCertificate) {
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"localhost", "127.0.0.1"}, clock);
  ASSERT_TRUE(made) << made.error().message();
  const auto print = certificate_fingerprint(made->certificate).value();
  // Kept as long as it fits, made again for another name.
  ASSERT_TRUE(self_made_certificate(dir_.path(), {"127.0.0.1"}, clock));
  EXPECT_EQ(certificate_fingerprint(made->certificate).value(), print);
  struct stat info {};
  ASSERT_EQ(::stat(made->key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  start(
      [](Request request) -> asio::awaitable<Response> { co_return Response(200, request.peer.tls ? "tls" : "plain"); },
      {.tls = *made});
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"})->body, "tls");
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}, "localhost").send_now({"GET", "/"})->body, "tls");
  EXPECT_EQ(client(ClientTls{.pinned_sm3 = print}).send_now({"GET", "/"})->body, "tls");

  EXPECT_EQ(client(ClientTls{}).send_now({"GET", "/"}).error().reason(), "bad-tls-certificate");
  EXPECT_EQ(client(ClientTls{.pinned_sm3 = std::string(64, '0')}).send_now({"GET", "/"}).error().reason(),
            "bad-tls-certificate");
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}, "127.0.0.2").send_now({"GET", "/"}).error().code(),
            ErrorCode::kUnavailable);             // nothing listens there
  EXPECT_FALSE(client().send_now({"GET", "/"}));  // no TLS at all
  EXPECT_EQ(HttpClient::create({.endpoint = TcpEndpoint{"a", 1}, .tls = ClientTls{.ca_file = dir_.path() / "none"}})
                .error()
                .reason(),
            "bad-certificate");

  ASSERT_TRUE(self_made_certificate(dir_.path(), {"mifeng.example"}, clock));
  EXPECT_NE(certificate_fingerprint(made->certificate).value(), print);
  EXPECT_FALSE(self_made_certificate(dir_.path(), {"a,DNS:b"}, clock));
  // The running server has the old one; the new one is another's.
  EXPECT_FALSE(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"}));
  EXPECT_EQ(
      HttpServer::start(runtime_, {.tls = ServerTls{dir_.path() / "x", dir_.path() / "y"}}, echo).error().reason(),
      "bad-certificate");
}

TEST_F(ServerTest, RefusesANameThatTheCertificateDoesNotCarry) {
  const SystemClock clock;
  const auto made = self_made_certificate(dir_.path(), {"mifeng.example"}, clock);
  ASSERT_TRUE(made);
  start(echo, {.tls = *made});
  EXPECT_EQ(client(ClientTls{.ca_file = made->certificate}).send_now({"GET", "/"}).error().reason(),
            "bad-tls-certificate");
}

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
      {.header_timeout = 200ms, .idle_timeout = 200ms, .body_timeout = 200ms});
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

TEST_F(ServerTest, AHandlerThatThrowsIsA500) {
  start([](Request) -> asio::awaitable<Response> {
    throw std::runtime_error("a secret detail");
    co_return Response(200);
  });
  const auto answer = client().send_now({"GET", "/"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body.find("secret"), std::string::npos);
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

// The handler of an answer that never ends by itself.
Handler endless(std::latch& started, std::latch& ended) {
  return [&](Request) -> asio::awaitable<Response> {
    Response response(200);
    response.body = BodyWriter([&](BodySink& sink) -> Task<void> {
      struct AtEnd {
        std::latch& latch;
        ~AtEnd() { latch.count_down(); }
      } const at_end{ended};
      std::string text = "first";
      auto written = co_await sink.write_text(std::move(text));
      started.count_down();
      co_await sleep_for(1h);
      co_return written;
    });
    co_return response;
  };
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

TEST_F(ServerTest, StoppingEndsStreamsAndIdleConnectionsAndLetsRequestsFinish) {
  std::latch streaming(1);
  std::latch ended(1);
  std::latch handling(1);
  std::latch finish(1);
  const Handler stream = endless(streaming, ended);
  start([&](Request request) -> asio::awaitable<Response> {
    if (request.target == "/stream") co_return co_await stream(std::move(request));
    if (request.target == "/slow") {
      handling.count_down();
      auto wait = [&]() -> Result<void> {
        finish.wait();
        return ok();
      };
      auto waited = co_await run_blocking(pool_, std::move(wait));
      EXPECT_TRUE(waited);
    }
    co_return Response(200, "done");
  });
  RawClient idle(server_->port());
  RawClient used(server_->port());
  used.send("GET /quick HTTP/1.1\r\n\r\n");
  used.read_until("done");
  RawClient streamed(server_->port());
  streamed.send("GET /stream HTTP/1.1\r\n\r\n");
  RawClient slow(server_->port());
  slow.send("GET /slow HTTP/1.1\r\n\r\n");
  streaming.wait();
  handling.wait();
  std::thread stopper([&] { server_->stop(10s); });
  ended.wait();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_EQ(used.read_all(), "");
  finish.count_down();
  const std::string answer = slow.read_all();
  EXPECT_NE(answer.find("done"), std::string::npos);
  stopper.join();
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(client().send_now({"GET", "/"}).error().reason(), "cannot-connect");
}

TEST_F(ServerTest, FurtherConnectionsWaitForRoom) {
  start(echo, {.max_connections = 2});
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.send("GET /1 HTTP/1.1\r\n\r\n");
  second.send("GET /2 HTTP/1.1\r\n\r\n");
  first.read_until("GET /1");
  second.read_until("GET /2");
  RawClient third(server_->port());
  third.send("GET /3 HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(server_->connections(), 2u);
  first.close();
  EXPECT_NE(third.read_all().find("GET /3"), std::string::npos);
}

TEST_F(ServerTest, ManyClientsAtOnce) {
  start([&](Request request) -> asio::awaitable<Response> {
    std::string target = request.target;
    auto job = [target]() -> Result<std::string> { return "did " + target; };
    auto done = co_await run_blocking(pool_, std::move(job));
    co_return Response(200, *done);
  });
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const auto mine = client();
      for (int i = 0; i < 25; ++i) {
        const std::string target = "/" + std::to_string(t) + "/" + std::to_string(i);
        const auto answer = mine.send_now({"GET", target});
        if (answer && answer->body == "did " + target) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
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
