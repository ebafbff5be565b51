// Addresses that nobody outside of this machine reaches.
#pragma once

#include <string>

#include "mifeng/base/bytes.h"

namespace mifeng::net {

// A numeric address, without brackets: 127.0.0.0/8, ::1, and IPv4's within IPv6 (::ffff:127.0.0.1). No name is.
bool is_loopback(const std::string& address);
// The same of 4 or 16 bytes in network order.
bool is_loopback(ByteView address);

// Of "HOST", "HOST:PORT" or "[::1]:PORT": such an address, or the name localhost.
bool is_loopback_authority(const std::string& authority);

}  // namespace mifeng::net
