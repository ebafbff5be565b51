// Who counts as one where strangers are counted.
#pragma once

#include <string>

namespace mifeng::net {

// Of an address such as "127.0.0.1:40312" or "[2001:db8::1]:40312": the IPv4 address, also where it is mapped into
// IPv6; of IPv6 the first 64 bits, since who has one address there has all of them. "unix" stays.
std::string one_source(const std::string& address);

}  // namespace mifeng::net
