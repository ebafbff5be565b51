#include "wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace mifeng::net {
namespace {

using namespace std::chrono_literals;

std::array<UniqueFd, 2> pair_of_sockets() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// The reactor hears of two sockets at once; what it tells of the first reads the second empty, and only then asks for
// the end of that.
TEST(Wire, ReadinessThatIsOverIsNotTakenForTheEnd) {
  asio::io_context io{1};
  auto first = pair_of_sockets(), second = pair_of_sockets();
  asio::posix::stream_descriptor ready(io, first[0].release());
  const auto wire = make_plain_wire(io.get_executor(), std::move(second[0]));
  bool asked = false, ended = false;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
        char byte = 0;
        EXPECT_EQ(::read(wire->fd(), &byte, 1), 1);
        asked = true;
        co_await wire->wait_peer_closed();
        ended = true;
      },
      asio::detached);
  io.poll();
  ASSERT_FALSE(asked);
  ASSERT_EQ(::write(first[1].get(), "x", 1), 1);
  ASSERT_EQ(::write(second[1].get(), "x", 1), 1);
  while (!asked) io.run_one();
  io.run_for(50ms);
  EXPECT_FALSE(ended);
  second[1] = UniqueFd();
  io.restart();
  while (!ended && io.run_one_for(10s) != 0) {
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace mifeng::net
