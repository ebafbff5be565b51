// Addresses, peers, connections and the end of a server.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <thread>

#include "server_fixture.h"

namespace mifeng::net {
namespace {

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

TEST_F(ServerTest, IsSentNothingWhereItIsAnotherUsers) {
  std::atomic<int> requests = 0;
  const Handler counting = [&](Request) -> asio::awaitable<Response> {
    ++requests;
    co_return Response(200);
  };
  const auto path = dir_.path() / "s.sock";
  start(counting, {.listen = UnixListen{path, 0600}});
  EXPECT_TRUE(HttpClient::create({.endpoint = UnixEndpoint{path, ::geteuid()}})->send_now({"GET", "/"}));
  const auto other = HttpClient::create({.endpoint = UnixEndpoint{path, ::geteuid() + 1}})->send_now({"GET", "/"});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason(), "another-user");
  EXPECT_EQ(requests, 1);
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
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.string().copy(to.sun_path, sizeof to.sun_path - 1);
  const ::pid_t child = ::fork();
  if (child == 0) {  // only async-signal-safe calls
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
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

TEST_F(ServerTest, AStreamThatWouldBeginAfterTheStopDoesNot) {
  std::latch handling(1);
  std::latch finish(1);
  std::atomic<bool> began = false;
  start([&](Request) -> asio::awaitable<Response> {
    handling.count_down();
    auto wait = [&]() -> Result<void> {
      finish.wait();
      return ok();
    };
    auto waited = co_await run_blocking(pool_, std::move(wait));
    EXPECT_TRUE(waited);
    Response response(200);
    response.body = BodyWriter([&](BodySink&) -> Task<void> {
      began = true;
      co_await sleep_for(1h);
      co_return ok();
    });
    co_return response;
  });
  RawClient idle(server_->port()), follower(server_->port());
  follower.send("GET / HTTP/1.1\r\n\r\n");
  handling.wait();
  const auto before = std::chrono::steady_clock::now();
  std::thread stopper([&] { server_->stop(60s); });
  idle.read_all();  // it is closed: the stop has begun
  finish.count_down();
  stopper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
  EXPECT_FALSE(began);
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

}  // namespace
}  // namespace mifeng::net
