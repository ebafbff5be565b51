#include "mifeng/keyholder/listen_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace mifeng::keyholder {
namespace {

constexpr const char* kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0\n"
    "   1: 00000000:22B8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 100 0 0 10 0\n"
    "   2: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 13 1 0 20 4 30 10 -1\n"
    "   3: 0205A8C0:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 14 1 0 100 0 0 10 0\n"
    "   4: 0200007F:0051 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 15 1 0 100 0 0 10 0\n";

constexpr const char* kTcp6 =
    "  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
    "tm->when retrnsmt   uid  timeout inode\n"
    "   0: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 "
    "00:00000000 00000000  1000        0 21 1 0 100 0 0 10 0\n"
    "   1: 00000000000000000000000000000000:22B8 00000000000000000000000000000000:0000 0A 00000000:00000000 "
    "00:00000000 00000000  1000        0 22 1 0 100 0 0 10 0\n"
    "   2: 0000000000000000FFFF00000100007F:22B9 00000000000000000000000000000000:0000 0A 00000000:00000000 "
    "00:00000000 00000000  1000        0 23 1 0 100 0 0 10 0\n";

constexpr const char* kUdp =
    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer "
    "drops\n"
    "  100: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 31 2 0000 0\n"
    "  101: 0205A8C0:14EA 0101A8C0:0035 01 00000000:00000000 00:00000000 00000000  1000        0 32 2 0000 0\n"
    "  102: 00000000:8000 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 33 2 0000 0\n"
    "  103: 0100007F:14EB 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 34 2 0000 0\n";

constexpr PortRange kGivenOut{32768, 60999};

TEST(Listeners, AreTheSocketsInListen) {
  const auto listeners = parse_listeners(kTcp, Transport::kTcp, kGivenOut);
  ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
  ASSERT_EQ(listeners->size(), 4u);  // the established connection is none
  EXPECT_EQ((*listeners)[0].address, "127.0.0.1");
  EXPECT_EQ((*listeners)[0].port, 8080);
  EXPECT_EQ((*listeners)[0].inode, 11u);
  EXPECT_TRUE((*listeners)[0].on_loopback);
  EXPECT_EQ((*listeners)[1].address, "0.0.0.0");
  EXPECT_FALSE((*listeners)[1].on_loopback);
  EXPECT_EQ((*listeners)[2].address, "192.168.5.2");
  EXPECT_FALSE((*listeners)[2].on_loopback);
  EXPECT_TRUE((*listeners)[3].on_loopback);  // 127.0.0.2
}

TEST(Listeners, OfIpv6KnowLoopbackInBothForms) {
  const auto listeners = parse_listeners(kTcp6, Transport::kTcp, kGivenOut);
  ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
  ASSERT_EQ(listeners->size(), 3u);
  EXPECT_EQ((*listeners)[0].address, "::1");
  EXPECT_TRUE((*listeners)[0].on_loopback);
  EXPECT_EQ((*listeners)[1].address, "::");
  EXPECT_FALSE((*listeners)[1].on_loopback);
  EXPECT_EQ((*listeners)[2].address, "::ffff:127.0.0.1");
  EXPECT_TRUE((*listeners)[2].on_loopback);
}

// Neither a connected one, nor one on a port that the kernel chose, as a resolver's is.
TEST(Listeners, OfUdpAreNotConnectedAndOnAPortOfTheirOwnChoice) {
  const auto listeners = parse_listeners(kUdp, Transport::kUdp, kGivenOut);
  ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
  ASSERT_EQ(listeners->size(), 2u);
  EXPECT_EQ((*listeners)[0].transport, Transport::kUdp);
  EXPECT_EQ((*listeners)[0].port, 5353);
  EXPECT_EQ((*listeners)[0].inode, 31u);
  EXPECT_FALSE((*listeners)[0].on_loopback);
  EXPECT_EQ((*listeners)[1].port, 5355);
  EXPECT_TRUE((*listeners)[1].on_loopback);
}

TEST(Listeners, OfUdpAreFoundInThisNetwork) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto before = read_listeners();
  ASSERT_TRUE(before.has_value()) << before.error().message();
  const auto find = [](const std::vector<Listener>& listeners, std::uint16_t port) {
    return std::any_of(listeners.begin(), listeners.end(), [&](const Listener& each) {
      return each.transport == Transport::kUdp && each.port == port && each.on_loopback;
    });
  };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::uint16_t port = 20000;  // below what the kernel gives out
  for (; port < 21000; ++port) {
    address.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) break;
  }
  ASSERT_LT(port, 21000);
  EXPECT_FALSE(find(*before, port));
  const auto after = read_listeners();
  ASSERT_TRUE(after.has_value()) << after.error().message();
  EXPECT_TRUE(find(*after, port));
}

TEST(Listeners, KnowTheKernelsRangeOfPorts) {
  const auto range = parse_port_range("32768\t60999\n");
  ASSERT_TRUE(range.has_value()) << range.error().message();
  EXPECT_TRUE(range->has(32768));
  EXPECT_TRUE(range->has(60999));
  EXPECT_FALSE(range->has(32767));
  EXPECT_FALSE(range->has(61000));
  for (const char* text : {"", "32768\n", "32768 x\n", "32768 70000\n", "1 2 3\n"})
    EXPECT_FALSE(parse_port_range(text)) << text;
}

TEST(Listeners, WhatIsNotUnderstoodIsAnError) {
  const std::string heading = "  sl  local_address ...\n";
  for (const char* line :
       {"   0: 0100007F:1F90 00000000:0000 0A\n", "   0: 0100007:1F90 0:0 0A 0:0 0:0 0 1000 0 11\n",
        "   0: 0100007F:XXXX 0:0 0A 0:0 0:0 0 1000 0 11\n", "   0: 0100007G:1F90 0:0 0A 0:0 0:0 0 1000 0 11\n",
        "   0: 0100007F:1F90 0:0 0A 0:0 0:0 0 1000 0 eleven\n"}) {
    EXPECT_FALSE(parse_listeners(heading + line, Transport::kTcp, kGivenOut)) << line;
  }
}

TEST(ListenSocket, IsFoundAmongTheListenersByItsInode) {
  for (const char* address : {"0.0.0.0", "127.0.0.1"}) {
    const auto socket = ListenSocket::open(address, 0);
    ASSERT_TRUE(socket.has_value()) << socket.error().message();
    EXPECT_EQ(socket->name(), std::string(address) + ":" + std::to_string(socket->port()));
    const auto listeners = read_listeners();
    ASSERT_TRUE(listeners.has_value()) << listeners.error().message();
    const auto found = std::find_if(listeners->begin(), listeners->end(),
                                    [&](const Listener& each) { return each.inode == socket->inode(); });
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
