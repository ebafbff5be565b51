#include "mifeng/guard/model.h"

#include <gtest/gtest.h>

namespace mifeng::guard {
namespace {

TEST(ForeignListener, IsOneThatIsNeitherOursNorOnLoopback) {
  const keyholder::Listener ours{.address = "0.0.0.0", .port = 8080, .inode = 5, .on_loopback = false};
  const keyholder::Listener loopback{.address = "127.0.0.1", .port = 9000, .inode = 6, .on_loopback = true};
  const keyholder::Listener open{.address = "::", .port = 9001, .inode = 7, .on_loopback = false};
  EXPECT_FALSE(find_foreign_listener({ours, loopback}, {5}).has_value());
  const auto found = find_foreign_listener({ours, loopback, open}, {5});
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->port, 9001);
  EXPECT_NE(describe_foreign_listener(*found).find("port 9001"), std::string::npos);
  // Another socket on a port of ours (SO_REUSEPORT) is not ours.
  EXPECT_TRUE(find_foreign_listener({ours}, {}).has_value());
}

}  // namespace
}  // namespace mifeng::guard
