#include "mifeng/guard/model.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "mifeng/base/guard_words.h"
#include "mifeng/net/client.h"

namespace mifeng::guard {

namespace asio = boost::asio;

namespace {

asio::awaitable<Result<void>> ask(std::filesystem::path socket, ::uid_t user, std::string path) {
  net::ClientOptions options;
  options.endpoint = net::UnixEndpoint{std::move(socket), user};
  options.connect_timeout = std::chrono::milliseconds(2000);
  options.idle_timeout = std::chrono::milliseconds(5000);
  auto client = net::HttpClient::create(std::move(options));
  if (!client) co_return client.error();
  const bool has_path = !path.empty();
  net::ClientRequest request("GET", has_path ? std::move(path) : "/");
  request.max_response_bytes = 1 << 20;
  auto sent = client->send(std::move(request));
  auto response = co_await std::move(sent);
  if (!response) co_return response.error();
  if (has_path && response->status != 200)
    co_return Error(ErrorCode::kUnavailable, "model-not-ready",
                    std::string(guard_words::kAnswers) + std::to_string(response->status));
  co_return ok();
}

}  // namespace

asio::awaitable<Result<void>> ask_ready(std::filesystem::path socket, ::uid_t user, std::string path,
                                        std::chrono::milliseconds patience) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, patience);
  boost::system::error_code ignored;
  auto first = co_await (ask(std::move(socket), user, std::move(path)) ||
                         timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored)));
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return Error(ErrorCode::kTimeout, "no-answer",
                  "its readiness path has not answered within " + std::to_string(patience.count()) + " ms");
}

std::optional<net::Listener> find_foreign_listener(const std::vector<net::Listener>& listeners,
                                                   const std::set<std::uint64_t>& own_inodes) {
  for (const net::Listener& listener : listeners)
    if (!listener.on_loopback && !own_inodes.contains(listener.inode)) return listener;
  return std::nullopt;
}

std::string describe_foreign_listener(const net::Listener& listener) {
  const bool is_udp = listener.transport == net::Transport::kUdp;
  return "the model listens on " + listener.address + (is_udp ? " UDP port " : " port ") +
         std::to_string(listener.port) +
         ", where its answers would leave unsealed, so it is stopped. Let it serve on the Unix socket in "
         "MIFENG_SOCKET, "
         "or on 127.0.0.1";
}

}  // namespace mifeng::guard
