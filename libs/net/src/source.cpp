#include "mifeng/net/source.h"

#include <arpa/inet.h>

#include <cstring>

namespace mifeng::net {

std::string one_source(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (!address.starts_with('[')) return address.substr(0, colon);
  const std::string text = address.substr(1, address.find(']') - 1);
  in6_addr v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  char shown[INET6_ADDRSTRLEN] = "";
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    ::inet_ntop(AF_INET, &v6.s6_addr[12], shown, sizeof shown);
    return shown;
  }
  std::memset(&v6.s6_addr[8], 0, 8);
  ::inet_ntop(AF_INET6, &v6, shown, sizeof shown);
  return std::string(shown) + "/64";
}

}  // namespace mifeng::net
