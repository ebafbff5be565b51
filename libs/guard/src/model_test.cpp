#include "mifeng/guard/model.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <thread>

#include "mifeng/net/runtime.h"
#include "mifeng/os/file.h"
#include "mifeng/os/socket.h"
#include "mifeng/start/link.h"

namespace mifeng::guard {
namespace {

TEST(ForeignListener, IsOneThatIsNeitherOursNorOnLoopback) {
  const net::Listener ours{
      .transport = net::Transport::kTcp, .address = "0.0.0.0", .port = 8080, .inode = 5, .on_loopback = false};
  const net::Listener loopback{
      .transport = net::Transport::kTcp, .address = "127.0.0.1", .port = 9000, .inode = 6, .on_loopback = true};
  const net::Listener open{
      .transport = net::Transport::kUdp, .address = "::", .port = 9001, .inode = 7, .on_loopback = false};
  EXPECT_FALSE(find_foreign_listener({ours, loopback}, {5}).has_value());
  const auto found = find_foreign_listener({ours, loopback, open}, {5});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->port, 9001);
  EXPECT_NE(describe_foreign_listener(*found).find("UDP port 9001"), std::string::npos);
  // Another socket on a port of ours (SO_REUSEPORT) is not ours.
  EXPECT_TRUE(find_foreign_listener({ours}, {}).has_value());
}

// What listens on the model's socket, and what it is sent.
struct ModelSocket : testing::Test {
  TempDir dir = TempDir::create("/tmp", "mifeng-model-").value();
  std::filesystem::path path = dir.path() / "model.sock";
  UniqueFd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};

  void SetUp() override {
    const auto address = unix_address(path).value();
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 4), 0);
  }
  // The model answers one request with `status`; gives what it was sent.
  std::string ask(::uid_t user, const std::string& readiness, const std::string& status, Result<void>& answer) {
    std::string sent;
    std::thread model([&] {
      const UniqueFd taken(::accept(listener.get(), nullptr, nullptr));
      char buffer[4096];
      while (sent.find("\r\n\r\n") == std::string::npos) {
        const ssize_t got = ::read(taken.get(), buffer, sizeof buffer);
        if (got <= 0) return;
        sent.append(buffer, static_cast<std::size_t>(got));
      }
      const std::string text = "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      EXPECT_EQ(::write(taken.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    });
    net::run_to_end([&]() -> boost::asio::awaitable<void> {
      auto asking = ask_ready(path, user, readiness);
      answer = co_await std::move(asking);
    });
    model.join();
    return sent;
  }
};

TEST_F(ModelSocket, IsReadyByItsOwnAnswer) {
  Result<void> answer = ok();
  EXPECT_TRUE(ask(::geteuid(), "/ready", "200 OK", answer).starts_with("GET /ready HTTP/1.1\r\n"));
  EXPECT_TRUE(answer) << answer.error().message();
  ask(::geteuid(), "/ready", "503 Not yet", answer);
  EXPECT_EQ(answer.error().reason(), "model-not-ready");
  ask(::geteuid(), "", "404 Not Found", answer);
  EXPECT_TRUE(answer) << "it has no readiness path, so any answer does";
}

TEST_F(ModelSocket, ThatAnswersBitByBitDoesNotKeepItsGuard) {
  std::thread model([&] {
    const UniqueFd taken(::accept(listener.get(), nullptr, nullptr));
    const std::string text = "HTTP/1.1 200 OK\r\nX: ";
    for (std::size_t i = 0;; ++i) {
      const char next = i < text.size() ? text[i] : 'x';
      if (::send(taken.get(), &next, 1, MSG_NOSIGNAL) != 1) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Result<void> answer = ok();
  net::run_to_end([&]() -> boost::asio::awaitable<void> {
    auto asking = ask_ready(path, ::geteuid(), "/ready", std::chrono::milliseconds(200));
    answer = co_await std::move(asking);
  });
  model.join();
  EXPECT_EQ(answer.error().reason(), "no-answer");
}

TEST_F(ModelSocket, OfAnotherUserIsSentNothing) {
  Result<void> answer = ok();
  EXPECT_EQ(ask(::geteuid() + 1, "/ready", "200 OK", answer), "");
  EXPECT_EQ(answer.error().reason(), "another-user");
}

}  // namespace
}  // namespace mifeng::guard
