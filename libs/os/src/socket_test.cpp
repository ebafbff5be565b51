#include "mifeng/os/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mifeng/os/file.h"

namespace mifeng {
namespace {

TEST(UnixAddress, TakesAPathUpToTheKernelsLimit) {
  const std::string longest(sizeof(sockaddr_un::sun_path) - 1, 'x');
  const auto address = unix_address(longest);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->sun_family, AF_UNIX);
  EXPECT_EQ(address->sun_path, longest);
  EXPECT_EQ(unix_address(longest + "x").error().reason(), "bad-address");
}

TEST(PeerOf, TellsWhoseProcessTheOtherEndIs) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd here(ends[0]), there(ends[1]);
  EXPECT_TRUE(is_peer_of(here.get(), ::geteuid()));
  EXPECT_FALSE(is_peer_of(here.get(), ::geteuid() + 1));
  EXPECT_FALSE(is_peer_of(-1, ::geteuid())) << "no socket at all";
}

}  // namespace
}  // namespace mifeng
