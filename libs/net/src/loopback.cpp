#include "mifeng/net/loopback.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace mifeng::net {

bool is_loopback(ByteView address) {
  constexpr std::array<std::uint8_t, 16> kLoopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<std::uint8_t, 13> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
  if (address.size() == 4) return address[0] == 127;
  return address.size() == 16 && (std::equal(kLoopback.begin(), kLoopback.end(), address.begin()) ||
                                  std::equal(kMapped.begin(), kMapped.end(), address.begin()));
}

bool is_loopback(const std::string& address) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) return is_loopback(ByteView(bytes).first(4));
  return ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1 && is_loopback(ByteView(bytes));
}

bool is_loopback_authority(const std::string& authority) {
  std::string host = authority;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string::npos) return false;
    host = host.substr(1, end - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host.resize(host.find(':'));
  }
  return host == "localhost" || is_loopback(host);
}

}  // namespace mifeng::net
