#include <charconv>
#include <chrono>

#include "mifeng/deployments/port_service.h"
#include "mifeng/os/child_process.h"

namespace mifeng::deployments {
namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::size_t kOutputMax = 16U << 20;  // a rule has some 200 bytes, and there are 65535 ports
constexpr std::size_t kNameMax = 100;

// What stands behind `key` up to the next one of `ends`; empty where there is no such key.
std::string_view word_after(std::string_view line, std::string_view key, std::string_view ends) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = line.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(ends));
}

int port_of(std::string_view digits) {
  int port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
  return whole && port > 0 && port <= 65535 ? port : 0;
}

// `-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 30149 -m comment --comment "dnat name: NET id: ID" -j CHAIN`;
// a range is `--dport 30149:30151` (iptables-extensions(8), tcp).
void collect(std::string_view line, std::map<int, std::string>& forwards) {
  const std::string_view ports = word_after(line, "--dport ", " ");
  const std::size_t colon = ports.find(':');
  const int first = port_of(ports.substr(0, colon));
  const int last = colon == std::string_view::npos ? first : port_of(ports.substr(colon + 1));
  if (first == 0) return;
  const std::string_view network = word_after(line, "dnat name: ", " \"").substr(0, kNameMax);
  for (int port = first; port <= last; ++port) forwards.emplace(port, network);
}

}  // namespace

Result<std::map<int, std::string>> forwarded_ports(const std::vector<std::string>& command) {
  ChildOptions options;
  options.argv = command;
  std::map<int, std::string> forwards;
  auto done = run_command(std::move(options), kPatience, kOutputMax);
  if (!done) {
    // A machine without the program has no rules of its making.
    if (done.error().code() == ErrorCode::kNotFound) return forwards;
    return done.error();
  }
  // Status 1: no container of this machine ever published a port, so the chain is not there. Any other: we may not
  // look, or the filter was busy; then such a port counts as free, as it did before anybody looked.
  if (!done->exit.success()) return forwards;
  std::string_view rest = done->output;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    collect(rest.substr(0, end), forwards);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return forwards;
}

}  // namespace mifeng::deployments
