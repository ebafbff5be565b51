#include "mifeng/net/listeners.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "mifeng/os/file.h"

namespace mifeng::net {
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

TEST(Listeners, OfTcpAloneComeFromWhatFolderIsGiven) {
  const TempDir proc = TempDir::create("/tmp").value();
  EXPECT_FALSE(read_tcp_listeners(proc.path())) << "where nothing can be read nothing is free";
  std::filesystem::create_directory(proc.path() / "net");
  ASSERT_TRUE(write_file_atomic(proc.path() / "net/tcp", as_bytes(kTcp)));
  EXPECT_EQ(read_tcp_listeners(proc.path())->size(), 4u) << "a host without IPv6 has no second table";
  ASSERT_TRUE(write_file_atomic(proc.path() / "net/tcp6", as_bytes(kTcp6)));
  EXPECT_EQ(read_tcp_listeners(proc.path())->size(), 7u);
  ASSERT_TRUE(write_file_atomic(proc.path() / "net/tcp6", as_bytes("heading\nno line\n")));
  EXPECT_FALSE(read_tcp_listeners(proc.path()));
}

}  // namespace
}  // namespace mifeng::net
