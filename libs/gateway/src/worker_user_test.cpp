#include "worker_user.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mifeng::gateway {
namespace {

TEST(WorkerUser, IsNeverRoot) {
  if (::geteuid() == 0) {
    const auto chosen = choose_worker_user("").value();
    ASSERT_TRUE(chosen);
    EXPECT_NE(chosen->uid, 0u);
    EXPECT_NE(chosen->gid, 0u);
    EXPECT_FALSE(chosen->group.empty());
    EXPECT_EQ(choose_worker_user(chosen->name).value()->uid, chosen->uid);
    EXPECT_EQ(choose_worker_user("root").error().reason(), "bad-user");
    EXPECT_EQ(choose_worker_user("no-such-user-here").error().reason(), "bad-user");
  } else {
    EXPECT_FALSE(choose_worker_user("").value());
    EXPECT_EQ(choose_worker_user("nobody").error().reason(), "bad-user");
  }
}

}  // namespace
}  // namespace mifeng::gateway
