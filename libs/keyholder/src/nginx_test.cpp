#include "mifeng/keyholder/nginx.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mifeng/keyholder/listen_socket.h"
#include "mifeng/keyholder/process.h"
#include "mifeng/os/file.h"

namespace mifeng::keyholder {
namespace {

namespace asio = boost::asio;

TEST(Template, IsFilled) {
  EXPECT_EQ(fill_template("a {{X}} b {{Y}}{{X}}", {{"X", "1"}, {"Y", "2"}}).value(), "a 1 b 21");
  EXPECT_EQ(fill_template("plain { }", {}).value(), "plain { }");
  EXPECT_FALSE(fill_template("{{X}}", {}));
  EXPECT_FALSE(fill_template("{{X", {{"X", "1"}}));
  // A comment that names a value is not where a value of two lines may go.
  EXPECT_EQ(fill_template("  # {{X}} {{Z}}\na {{X}}\n# end", {{"X", "1\n2"}}).value(), "a 1\n2\n");
}

TEST(Template, SectionsAreRepeated) {
  const std::string text = "a\n# begin PORT\np {{P}} {{ALL}}\n# end PORT\nz {{P}}\n";
  EXPECT_EQ(repeat_section(text, "PORT", {{{"P", "1"}}, {{"P", "2"}}}).value(),
            "a\np 1 {{ALL}}\np 2 {{ALL}}\nz {{P}}\n");
  EXPECT_EQ(repeat_section(text, "PORT", {}).value(), "a\nz {{P}}\n");
  EXPECT_FALSE(repeat_section(text, "OTHER", {}));
  EXPECT_FALSE(repeat_section("# end PORT\n# begin PORT\n", "PORT", {}));
}

TEST(Template, PathsCannotLeaveTheirQuotes) {
  EXPECT_EQ(plain_path("/run/a b").value(), "/run/a b");
  for (const char* path : {"/a\"b", "/a;b", "/a$b", "/a\\b", "/a\nb", "/a{b"}) EXPECT_FALSE(plain_path(path)) << path;
}

// What the server at this port says to a GET; empty where it does not answer.
std::string ask(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "";
  const std::string request = "GET / HTTP/1.0\r\n\r\n";
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "";
  std::string answer;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd.get(), buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(got));
  return answer;
}

struct Nginx : testing::Test {
  TempDir dir = TempDir::create("/tmp", "mifeng-nginx-").value();
  ListenSocket socket = ListenSocket::open("127.0.0.1", 0).value();
  asio::io_context io;
  std::string log;

  NginxOptions options(const std::string& configuration) {
    EXPECT_TRUE(write_file_atomic(dir.path() / "nginx.conf", as_bytes(configuration)));
    NginxOptions options;
    options.program = "/usr/sbin/nginx";
    options.prefix = dir.path();
    options.configuration = dir.path() / "nginx.conf";
    options.listen_fds = {socket.fd()};
    options.log = [this](const std::string& line) { log += line + "\n"; };
    options.restart_delay_min = std::chrono::milliseconds(10);
    return options;
  }
  std::string configuration() const {
    const std::string folder = dir.path().string();
    return "daemon off; worker_processes 1; pid " + folder + "/nginx.pid; events {}\nhttp { access_log off;\n" +
           " client_body_temp_path " + folder + "/t1; proxy_temp_path " + folder + "/t2; fastcgi_temp_path " + folder +
           "/t3; uwsgi_temp_path " + folder + "/t4; scgi_temp_path " + folder + "/t5;\n" + " server { listen " +
           socket.name() + "; location / { return 200 served; } } }\n";
  }
  void run(std::function<asio::awaitable<void>()> test) {
    asio::co_spawn(io, std::move(test), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    io.run_for(std::chrono::seconds(30));
    EXPECT_TRUE(io.stopped());
  }
};

TEST_F(Nginx, ServesOnTheSocketThatItWasHanded) {
  NginxSupervisor nginx(io, options(configuration()));
  run([&]() -> asio::awaitable<void> {
    auto started = co_await nginx.start();
    EXPECT_TRUE(started.has_value()) << started.error().message();
    asio::co_spawn(io, nginx.supervise(), asio::detached);
    EXPECT_NE(ask(socket.port()).find("served"), std::string::npos);
    co_await nginx.stop(std::chrono::seconds(20));
  });
  EXPECT_EQ(log, "");
}

TEST_F(Nginx, IsStartedAgainAfterKillNine) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  NginxSupervisor nginx(io, options(configuration()));
  run([&]() -> asio::awaitable<void> {
    auto started = co_await nginx.start();
    EXPECT_TRUE(started.has_value());
    asio::co_spawn(io, nginx.supervise(), asio::detached);
    for (std::size_t round = 1; round <= 3; ++round) {
      const int master = nginx.pid().value();
      ::kill(master, SIGKILL);
      asio::steady_timer timer(io);
      while (nginx.restarts() < round) {
        timer.expires_after(std::chrono::milliseconds(5));
        co_await timer.async_wait(asio::use_awaitable);
      }
      // Its workers went with it: as process 1 would, we get to collect them.
      while (::kill(-master, 0) == 0) {
        reap_orphans([&](int pid) { return pid == nginx.pid(); });
        timer.expires_after(std::chrono::milliseconds(1));
        co_await timer.async_wait(asio::use_awaitable);
      }
      // The socket was ours all the time: a connection waits in its backlog until the new worker takes it.
      EXPECT_NE(ask(socket.port()).find("served"), std::string::npos);
    }
    co_await nginx.stop(std::chrono::seconds(20));
  });
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  EXPECT_NE(log.find("nginx ended (killed by signal 9)"), std::string::npos) << log;
}

TEST_F(Nginx, WithAConfigurationThatItRefusesIsAnError) {
  NginxOptions refused = options("nonsense;");
  refused.start_wait = std::chrono::seconds(20);  // over as soon as nginx has ended
  NginxSupervisor nginx(io, std::move(refused));
  run([&]() -> asio::awaitable<void> {
    auto started = co_await nginx.start();
    EXPECT_FALSE(started.has_value());
    EXPECT_EQ(started ? "started" : started.error().reason(), "nginx-does-not-start");
  });
}

}  // namespace
}  // namespace mifeng::keyholder
