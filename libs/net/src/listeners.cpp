#include "mifeng/net/listeners.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

#include "mifeng/net/loopback.h"
#include "mifeng/os/file.h"

namespace mifeng::net {
namespace {

enum class Presence { kRequired, kOptional };  // there is no table of IPv6 where the kernel has none

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
  listener.on_loopback = is_loopback(ByteView(bytes).first(count * 4));
  return listener;
}

}  // namespace

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

namespace {

// Appends what the table lists; one that is not there is one that the kernel has no use for.
Result<void> append_table(const std::filesystem::path& path, Transport transport, PortRange given_out,
                          Presence presence, std::size_t table_max, std::vector<Listener>& listeners) {
  const auto text = read_text_file(path, table_max);
  if (!text && text.error().code() == ErrorCode::kNotFound && presence == Presence::kOptional) return ok();
  if (!text) return text.error();
  MIFENG_TRY(std::vector<Listener> some, parse_listeners(*text, transport, given_out));
  listeners.insert(listeners.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  return ok();
}

}  // namespace

Result<std::vector<Listener>> read_tcp_listeners(const std::filesystem::path& proc, std::size_t table_max) {
  std::vector<Listener> listeners;
  MIFENG_CHECK(append_table(proc / "net/tcp", Transport::kTcp, {}, Presence::kRequired, table_max, listeners));
  MIFENG_CHECK(append_table(proc / "net/tcp6", Transport::kTcp, {}, Presence::kOptional, table_max, listeners));
  return listeners;
}

Result<std::vector<Listener>> read_listeners() {
  MIFENG_TRY(const std::string ports, read_text_file("/proc/sys/net/ipv4/ip_local_port_range", 64));
  MIFENG_TRY(const PortRange given_out, parse_port_range(ports));
  MIFENG_TRY(std::vector<Listener> listeners, read_tcp_listeners());
  MIFENG_CHECK(append_table("/proc/net/udp", Transport::kUdp, given_out, Presence::kRequired, kTableMax, listeners));
  MIFENG_CHECK(append_table("/proc/net/udp6", Transport::kUdp, given_out, Presence::kOptional, kTableMax, listeners));
  return listeners;
}

}  // namespace mifeng::net
