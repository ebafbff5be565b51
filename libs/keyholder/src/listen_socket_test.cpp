#include "mifeng/keyholder/listen_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "mifeng/net/listeners.h"

namespace mifeng::keyholder {
namespace {

TEST(ListenSocket, IsFoundAmongTheListenersByItsInode) {
  for (const char* address : {"0.0.0.0", "127.0.0.1"}) {
    const auto socket = ListenSocket::open(address, 0);
    ASSERT_TRUE(socket.has_value()) << socket.error().message();
    EXPECT_EQ(socket->name(), std::string(address) + ":" + std::to_string(socket->port()));
    const auto listeners = net::read_listeners();
    ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
    const auto found = std::find_if(listeners->begin(), listeners->end(),
                                    [&](const net::Listener& each) { return each.inode == socket->inode(); });
    ASSERT_NE(found, listeners->end());
    EXPECT_EQ(found->port, socket->port());
    EXPECT_EQ(found->on_loopback, std::string(address) == "127.0.0.1");
  }
}

TEST(ListenSocket, OnAllAddressesHasOnePort) {
  const auto sockets = ListenSocket::open_all(0);
  ASSERT_TRUE(sockets.has_value()) << sockets.error().message();
  for (const ListenSocket& socket : *sockets) EXPECT_EQ(socket.port(), sockets->front().port());
}

TEST(ListenSocket, SaysWhatIsWrong) {
  const auto first = ListenSocket::open("127.0.0.1", 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(ListenSocket::open("127.0.0.1", first->port()).error().reason(), "port-taken");
  EXPECT_EQ(ListenSocket::open("localhost", 0).error().reason(), "bad-address");
}

// A connection to a port of loopback, that does not wait.
UniqueFd begin_connection(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::connect(fd.get(), reinterpret_cast<::sockaddr*>(&address), sizeof address);
  return fd;
}

// What became of it: 0 where it was made, EINPROGRESS where nothing has come.
int outcome(const UniqueFd& fd, int wait_ms) {
  ::pollfd wanted{fd.get(), POLLOUT, 0};
  if (::poll(&wanted, 1, wait_ms) != 1) return EINPROGRESS;
  int error = 0;
  ::socklen_t size = sizeof error;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

TEST(ListenSocket, StopsNewConnectionsAndKeepsThoseThatWait) {
  for (const char* address : {"127.0.0.1", "0.0.0.0"}) {
    const ListenSocket socket = ListenSocket::open(address, 0).value();
    const UniqueFd before = begin_connection(socket.port());
    ASSERT_EQ(outcome(before, 5000), 0);
    ASSERT_TRUE(socket.stop_new_connections());
    const UniqueFd after = begin_connection(socket.port());
    EXPECT_EQ(outcome(after, 200), EINPROGRESS);  // neither refused nor made
    const UniqueFd taken(::accept4(socket.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    ASSERT_TRUE(taken);
    EXPECT_EQ(::send(before.get(), "x", 1, MSG_NOSIGNAL), 1);
    ::pollfd wanted{taken.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&wanted, 1, 5000), 1);
    char byte = 0;
    EXPECT_EQ(::recv(taken.get(), &byte, 1, 0), 1);
    // Shut down, whoever tries again is refused.
    ASSERT_EQ(::shutdown(socket.fd(), SHUT_RD), 0);
    EXPECT_EQ(outcome(begin_connection(socket.port()), 5000), ECONNREFUSED);
  }
}

}  // namespace
}  // namespace mifeng::keyholder
