// Who listens on this machine, as /proc/net shows it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"

namespace mifeng::net {

enum class Transport { kTcp, kUdp };

// A socket that strangers can send to first, as proc(5) shows it: of TCP, one in LISTEN; of UDP, one that is not
// connected, on a port that the kernel does not give out by itself (a resolver's or QUIC client's socket has such a
// one).
struct Listener {
  Transport transport = Transport::kTcp;
  std::string address;  // "0.0.0.0", "::"
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
  bool on_loopback = false;
};
struct PortRange {
  std::uint16_t first = 0, last = 0;
  bool has(std::uint16_t port) const { return first <= port && port <= last; }
};
// What the kernel gives out by itself, of the text of /proc/sys/net/ipv4/ip_local_port_range.
Result<PortRange> parse_port_range(std::string_view text);

// Of the text of /proc/net/tcp or tcp6, udp or udp6. A line that cannot be understood is kInvalidArgument
// "bad-proc-net-tcp": what is not understood must not pass for nothing.
Result<std::vector<Listener>> parse_listeners(std::string_view text, Transport transport, PortRange given_out);
// Of this network namespace, now.
Result<std::vector<Listener>> read_listeners();
inline constexpr std::size_t kTableMax = 64 << 20;  // bytes; a line is 150, and connections have one too
// Those of TCP alone, below another folder than /proc as well; an error where a table has more than `table_max` bytes.
Result<std::vector<Listener>> read_tcp_listeners(const std::filesystem::path& proc = "/proc",
                                                 std::size_t table_max = kTableMax);

}  // namespace mifeng::net
