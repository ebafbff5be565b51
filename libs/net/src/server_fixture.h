// What the tests of the server share: a server of their own, a client that keeps to no rule, and handlers.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <latch>
#include <memory>
#include <optional>
#include <string>

#include "mifeng/net/client.h"
#include "mifeng/net/server.h"

namespace mifeng::net {

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
  // False once the other side has closed.
  bool try_send(std::string_view text) {
    return ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<::ssize_t>(text.size());
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

inline asio::awaitable<Response> echo(Request request) {
  auto body = co_await read_body(*request.body, 1000);
  if (!body) co_return Response(413, body.error().reason(), "text/plain");
  co_return Response(200, request.method + " " + request.target + " " + *body, "text/plain");
}

// The handler of an answer that never ends by itself.
inline Handler endless(std::latch& started, std::latch& ended) {
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

}  // namespace mifeng::net
