#include "mifeng/keyholder/wait.h"

#include <fcntl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mifeng::keyholder {

namespace asio = boost::asio;

asio::awaitable<bool> wait_until_ended(ChildProcess& child, std::optional<std::chrono::milliseconds> timeout) {
  const auto executor = co_await asio::this_coro::executor;
  // A duplicate: the descriptor closes what it holds.
  asio::posix::stream_descriptor ended(executor, ::fcntl(child.pidfd(), F_DUPFD_CLOEXEC, 3));
  asio::steady_timer timer(executor);
  if (timeout) {
    timer.expires_after(*timeout);
    timer.async_wait([&ended](boost::system::error_code error) {
      if (!error) ended.cancel();
    });
  }
  boost::system::error_code error;
  co_await ended.async_wait(asio::posix::stream_descriptor::wait_read,
                            asio::redirect_error(asio::use_awaitable, error));
  co_return !error;
}

asio::awaitable<std::optional<ChildExit>> wait_for_exit(ChildProcess& child,
                                                        std::optional<std::chrono::milliseconds> timeout) {
  if (!co_await wait_until_ended(child, timeout)) co_return std::nullopt;
  auto exit = child.wait(std::chrono::milliseconds(1000));
  if (!exit) co_return std::nullopt;
  co_return *exit;
}

}  // namespace mifeng::keyholder
