#include "mifeng/keyholder/listen_socket.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

namespace mifeng::keyholder {

namespace {

constexpr int kBacklog = 511;  // nginx's own default on Linux
constexpr std::size_t kProcFileMax = 16 << 20;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  int family() const { return storage.ss_family; }
};

Result<Address> parse_address(const std::string& text, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
  } else {
    return Error(ErrorCode::kInvalidArgument, "bad-address",
                 "\"" + text + "\" is no numeric address to listen on; use 127.0.0.1, 0.0.0.0, ::1 or ::");
  }
  return address;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string_view::npos) return out;
    line.remove_prefix(start);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    out.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// Whether the whole word is a number that fits.
template <class Integer>
bool read_number(std::string_view word, int base, Integer& number) {
  const char* const end = word.data() + word.size();
  const auto [stopped, error] = std::from_chars(word.data(), end, number, base);
  return error == std::errc() && stopped == end;
}

// proc(5): each 32-bit word of the address as the host's integer in hex, so in host byte order.
Result<Listener> parse_local(std::string_view local) {
  const auto bad = [] {
    return Error(ErrorCode::kInvalidArgument, "bad-proc-net-tcp", "a line of /proc/net cannot be understood");
  };
  const std::size_t colon = local.find(':');
  if (colon != 8 && colon != 32) return bad();
  std::array<std::uint32_t, 4> parts{};
  const std::size_t count = colon / 8;
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_number(local.substr(i * 8, 8), 16, parts[i])) return bad();
  }
  Listener listener;
  if (!read_number(local.substr(colon + 1), 16, listener.port)) return bad();
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), parts.data(), count * 4);
  char text[INET6_ADDRSTRLEN];
  if (::inet_ntop(count == 1 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text) == nullptr) return bad();
  listener.address = text;
  if (count == 1) {
    listener.on_loopback = bytes[0] == 127;
  } else {
    constexpr std::array<std::uint8_t, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    constexpr std::array<std::uint8_t, 13> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
    listener.on_loopback = bytes == kLoopback || std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
  }
  return listener;
}

}  // namespace

Result<ListenSocket> ListenSocket::open(const std::string& address, std::uint16_t port) {
  MIFENG_TRY(Address where, parse_address(address, port));
  UniqueFd fd(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd && errno == EAFNOSUPPORT)
    return Error(ErrorCode::kUnavailable, "no-such-family", "the kernel has no addresses like " + address);
  if (!fd) return errno_error(errno, "make a socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (where.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    const std::string name = address + " port " + std::to_string(port);
    if (error == EADDRINUSE)
      return Error(ErrorCode::kConflict, "port-taken", "another program listens on " + name + " already");
    if (error == EADDRNOTAVAIL && where.family() == AF_INET6)
      return Error(ErrorCode::kUnavailable, "no-such-family", "this host has no address " + address);
    return errno_error(error, "listen on " + name);
  }
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&where.storage), &where.size);
  const std::uint16_t bound =
      ntohs(where.family() == AF_INET ? reinterpret_cast<const sockaddr_in*>(&where.storage)->sin_port
                                      : reinterpret_cast<const sockaddr_in6*>(&where.storage)->sin6_port);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return errno_error(errno, "look at a socket");
  std::string name = (where.family() == AF_INET ? address : "[" + address + "]") + ":" + std::to_string(bound);
  return ListenSocket(std::move(fd), bound, status.st_ino, std::move(name));
}

Result<void> ListenSocket::stop_new_connections() const {
  // The kernel shows a listening socket's filter the packet from its TCP header on; the flags are its byte 13. What the
  // filter returns is how much of the packet is kept: nothing of a SYN.
  constexpr std::uint32_t kFlags = 13;
  constexpr std::uint32_t kSyn = 0x02;
  ::sock_filter code[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlags), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 0xffff'ffff)};
  const ::sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return errno_error(errno, "stop new connections to " + name_);
  return ok();
}

Result<std::vector<ListenSocket>> ListenSocket::open_all(std::uint16_t port) {
  std::vector<ListenSocket> sockets;
  MIFENG_TRY(ListenSocket v4, open("0.0.0.0", port));
  sockets.push_back(std::move(v4));
  auto v6 = open("::", sockets[0].port());
  if (v6) {
    sockets.push_back(std::move(*v6));
  } else if (v6.error().reason() != "no-such-family") {
    return v6.error();
  }
  return sockets;
}

Result<PortRange> parse_port_range(std::string_view text) {
  const std::vector<std::string_view> field = words(text.substr(0, text.find('\n')));
  PortRange range;
  if (field.size() != 2 || !read_number(field[0], 10, range.first) || !read_number(field[1], 10, range.last))
    return Error(ErrorCode::kInvalidArgument, "bad-port-range", "the kernel's range of ports cannot be understood");
  return range;
}

Result<std::vector<Listener>> parse_listeners(std::string_view text, Transport transport, PortRange given_out) {
  // include/net/tcp_states.h, whose TCP_CLOSE is an unconnected socket of UDP, and TCP_ESTABLISHED a connected one.
  const std::string_view open_to_all = transport == Transport::kTcp ? "0A" : "07";
  std::vector<Listener> listeners;
  bool heading = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (std::exchange(heading, false) || line.find_first_not_of(' ') == std::string_view::npos) continue;
    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...
    const std::vector<std::string_view> field = words(line);
    if (field.size() < 10)
      return Error(ErrorCode::kInvalidArgument, "bad-proc-net-tcp", "a line of /proc/net is too short");
    if (field[3] != open_to_all) continue;
    MIFENG_TRY(Listener listener, parse_local(field[1]));
    listener.transport = transport;
    if (transport == Transport::kUdp && given_out.has(listener.port)) continue;
    if (!read_number(field[9], 10, listener.inode))
      return Error(ErrorCode::kInvalidArgument, "bad-proc-net-tcp", "an inode of /proc/net is no number");
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

Result<std::vector<Listener>> read_listeners() {
  struct Table {
    const char* path;
    Transport transport;
    bool may_be_missing;  // where the kernel has no IPv6
  };
  constexpr std::array<Table, 4> kTables{{{"/proc/net/tcp", Transport::kTcp, false},
                                          {"/proc/net/tcp6", Transport::kTcp, true},
                                          {"/proc/net/udp", Transport::kUdp, false},
                                          {"/proc/net/udp6", Transport::kUdp, true}}};
  MIFENG_TRY(const std::string ports, read_text_file("/proc/sys/net/ipv4/ip_local_port_range", 64));
  MIFENG_TRY(const PortRange given_out, parse_port_range(ports));
  std::vector<Listener> listeners;
  for (const Table& table : kTables) {
    const auto text = read_text_file(table.path, kProcFileMax);
    if (!text && text.error().code() == ErrorCode::kNotFound && table.may_be_missing) continue;
    if (!text) return text.error();
    MIFENG_TRY(std::vector<Listener> some, parse_listeners(*text, table.transport, given_out));
    listeners.insert(listeners.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return listeners;
}

}  // namespace mifeng::keyholder
