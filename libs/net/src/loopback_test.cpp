#include "mifeng/net/loopback.h"

#include <gtest/gtest.h>

namespace mifeng::net {
namespace {

TEST(Loopback, IsAnAddressOfThisMachineAlone) {
  for (const char* address : {"127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(address)) << address;
  for (const char* address : {"", "0.0.0.0", "::", "128.0.0.1", "::2", "::ffff:10.0.0.1", "127.0.0.1.example.org",
                              "127.1", "localhost", "[::1]", "127.0.0.1:80", " 127.0.0.1"})
    EXPECT_FALSE(is_loopback(address)) << address;
}

TEST(Loopback, OfAnAuthorityTheHostCounts) {
  for (const char* authority : {"127.0.0.1:5000", "localhost", "localhost:5000", "[::1]:5000", "[::1]", "::1"})
    EXPECT_TRUE(is_loopback_authority(authority)) << authority;
  for (const char* authority : {"", ":", "[", "[]", "registry.example:5000", "localhost.example", "127.0.0.1.example:1",
                                "10.0.0.1:127", "[::2]:1", "[::1", "user@localhost"})
    EXPECT_FALSE(is_loopback_authority(authority)) << authority;
}

}  // namespace
}  // namespace mifeng::net
