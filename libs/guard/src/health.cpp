#include "health.h"

#include <fcntl.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <thread>

#include "mifeng/os/thread.h"

namespace mifeng::guard {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

// Whoever asks for health asks briefly. Where more ask at once, the one who has been silent longest goes: whoever asks
// has his answer before he is that.
constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kRequestMax = 8 << 10;
constexpr milliseconds kPatience{5000};
constexpr milliseconds kNoDescriptor{200};

}  // namespace

struct Health::Server {
  explicit Server(const Health& owner) : health(owner) {}
  ~Server() {
    io.stop();
    if (thread.joinable()) thread.join();
  }

  const Health& health;
  asio::io_context io{1};
  std::list<tcp::acceptor> acceptors;
  struct Guest {
    asio::steady_timer timer;
    std::list<Guest*>::iterator place;
    bool stays = true;
  };
  std::list<Guest*> guests;  // the oldest first
  std::thread thread;

  asio::awaitable<void> accept_all(tcp::acceptor& acceptor);
  asio::awaitable<void> talk(tcp::socket& socket);
  asio::awaitable<void> serve(tcp::socket socket);
};

asio::awaitable<void> Health::Server::accept_all(tcp::acceptor& acceptor) {
  for (;;) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      // Nothing says when there are descriptors again.
      asio::steady_timer timer(io, kNoDescriptor);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    } else {
      if (guests.size() >= kConnectionsMax) {
        Guest& oldest = *guests.front();
        guests.pop_front();
        oldest.stays = false;
        oldest.timer.cancel();
      }
      asio::co_spawn(io, serve(std::move(socket)), asio::detached);
    }
  }
}

asio::awaitable<void> Health::Server::talk(tcp::socket& socket) {
  error_code error;
  std::string request;
  co_await asio::async_read_until(socket, asio::dynamic_buffer(request, kRequestMax), "\r\n\r\n",
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return;
  const std::string text = health.answer(request);
  co_await asio::async_write(socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
  socket.shutdown(tcp::socket::shutdown_send, error);
}

asio::awaitable<void> Health::Server::serve(tcp::socket socket) {
  using namespace asio::experimental::awaitable_operators;
  Guest guest{.timer = asio::steady_timer(io, kPatience), .place = {}};
  guest.place = guests.insert(guests.end(), &guest);
  error_code ignored;
  co_await (talk(socket) || guest.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
  if (guest.stays) guests.erase(guest.place);
}

Health::Health() = default;
Health::~Health() = default;

Result<std::unique_ptr<Health>> Health::start(const std::vector<keyholder::ListenSocket>& sockets) {
  std::unique_ptr<Health> health(new Health());
  health->server_ = std::make_unique<Server>(*health);
  Server& server = *health->server_;
  for (const keyholder::ListenSocket& socket : sockets) {
    const int copy = ::fcntl(socket.fd(), F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return errno_error(errno, "duplicate a socket");
    const bool v6 = socket.name().starts_with('[');
    tcp::acceptor& acceptor = server.acceptors.emplace_back(server.io, v6 ? tcp::v6() : tcp::v4(), copy);
    asio::co_spawn(server.io, server.accept_all(acceptor), asio::detached);
  }
  server.thread = start_thread_without_signals([&server] { server.io.run(); });
  return health;
}

void Health::add(const proxy::CountRow& row) {
  calls_ += row.calls;
  errors_ += row.errors;
  for (const auto& [reason, count] : row.refusals) refusals_ += count;
}

std::string Health::answer(std::string_view request) const {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const bool head = line.starts_with("HEAD ");
  const std::size_t begin = line.find(' ') + 1;
  const std::string_view path = line.substr(begin, line.find_first_of(" ?", begin) - begin);
  std::string status = "404 Not Found", body;
  if (!head && !line.starts_with("GET ")) {
    status = "405 Method Not Allowed";
  } else if (path == "/live") {
    status = "200 OK";
  } else if (path == "/ready") {
    status = ready_ ? "200 OK" : "503 Service Unavailable";
  } else if (path == "/metrics") {
    status = "200 OK";
    body = metrics();
  }
  std::string text = "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
                     "\r\nContent-Type: text/plain; version=0.0.4\r\nConnection: close\r\n\r\n";
  return head ? text : text + body;
}

std::string Health::metrics() const {
  std::string text;
  const auto line = [&](const std::string& name, const std::string& help, std::uint64_t value) {
    text += "# HELP " + name + " " + help + "\n# TYPE " + name + " counter\n";
    text += name + " " + std::to_string(value) + "\n";
  };
  line("mifeng_calls_total", "Requests that were passed on.", calls_);
  line("mifeng_errors_total", "Of these, those with a status of 500 or more, or broken off.", errors_);
  line("mifeng_refusals_total", "Requests and answers that were refused.", refusals_);
  return text;
}

}  // namespace mifeng::guard
