#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>

#include "mifeng/deployments/port_service.h"

namespace mifeng::deployments {
namespace {

constexpr std::string_view kListen = "0A";  // TCP_LISTEN of include/net/tcp_states.h, as the kernel prints it

// "  0: 0100007F:7530 00000000:0000 0A ...": index, local address, remote address, state (proc(5)).
void collect(const std::string& line, std::set<int>& ports) {
  std::string_view rest(line);
  const auto word = [&]() {
    const std::size_t from = std::min(rest.find_first_not_of(' '), rest.size());
    rest.remove_prefix(from);
    const std::size_t to = std::min(rest.find(' '), rest.size());
    const std::string_view found = rest.substr(0, to);
    rest.remove_prefix(to);
    return found;
  };
  (void)word();
  const std::string_view local = word();
  (void)word();
  if (word() != kListen) return;
  const std::size_t colon = local.rfind(':');
  if (colon == std::string_view::npos) return;
  int port = 0;
  const std::string_view digits = local.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port, 16);
  if (parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size() && port > 0 && port <= 65535)
    ports.insert(port);
}

}  // namespace

Result<std::vector<int>> listening_ports(const std::string& proc) {
  std::set<int> ports;
  bool any = false;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    std::ifstream file(proc + table);
    if (!file) continue;  // a host without IPv6 has no second one
    any = true;
    std::string line;
    std::getline(file, line);  // headings
    while (std::getline(file, line)) collect(line, ports);
  }
  if (!any)
    return Error(ErrorCode::kInternal, "cannot-read", proc + "/net/tcp cannot be read; so no port can be called free.");
  return std::vector<int>(ports.begin(), ports.end());
}

}  // namespace mifeng::deployments
