#include "mifeng/guard/rehearsal.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>

#include "health.h"
#include "mifeng/base/guard_words.h"
#include "mifeng/keyholder/listen_socket.h"
#include "mifeng/keyholder/platform_link.h"

namespace mifeng::guard {

namespace asio = boost::asio;

namespace {

// Well within the time for which a platform waits, and within what the door lets a deployment ask (libs/grants).
constexpr std::chrono::seconds kAgain{2};
constexpr std::chrono::milliseconds kPatience{5000};
constexpr std::size_t kAnswerMax = 64 << 10;

asio::awaitable<void> ask_until_let_in(const RehearsalOptions& options, keyholder::HttpPlatformLink& link,
                                       Health& health) {
  std::string logged;
  for (;;) {
    net::Headers headers{{"Mifeng-Deployment", options.config.deployment}, {"Mifeng-Door-Tag", options.config.tag}};
    auto post = link.post("/v1/rehearsals", std::move(headers), Bytes(), "the question at the guards' door");
    const auto answer = co_await std::move(post);
    if (answer) break;
    const std::string why = options.config.platform + ": " + answer.error().message();
    if (why != logged) options.log(std::string(guard_words::kNoGrant) + why);
    logged = why;
    asio::steady_timer timer(co_await asio::this_coro::executor, kAgain);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  options.log(std::string(guard_words::kReady) + "the platform answers at " + options.config.platform);
  health.set_ready(true);
}

}  // namespace

Result<void> rehearse(const RehearsalOptions& options) {
  asio::io_context io{1};
  keyholder::PlatformAddress address{.address = options.config.platform, .tls_certificate_sm3 = {}};
  address.connect_timeout = address.idle_timeout = kPatience;
  address.answer_size_max = kAnswerMax;
  MIFENG_TRY(const auto link, keyholder::HttpPlatformLink::create(address));
  MIFENG_TRY(auto sockets, keyholder::ListenSocket::open_all(options.config.port));
  MIFENG_TRY(auto of_health, keyholder::ListenSocket::open_all(options.health_port));
  std::move(of_health.begin(), of_health.end(), std::back_inserter(sockets));
  MIFENG_TRY(const auto health, Health::start(sockets));
  asio::signal_set signals(io, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code&, int) { io.stop(); });
  asio::co_spawn(io, ask_until_let_in(options, *link, *health), asio::detached);
  io.run();
  return ok();
}

}  // namespace mifeng::guard
