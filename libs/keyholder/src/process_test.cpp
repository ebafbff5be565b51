#include "mifeng/keyholder/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace mifeng::keyholder {
namespace {

// Waits for a condition without a fixed sleep; the caller asserts it afterwards.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

TEST(Hardening, LeavesNoCoreFilesAndNoWayToAttach) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!harden_process()) ::_exit(1);
    rlimit limit{};
    if (::getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_cur != 0 || limit.rlim_max != 0) ::_exit(2);
    ::_exit(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(DescriptorLimit, IsRaisedAsFarAsItMay) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit low{64, 128};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) ::_exit(1);
    raise_descriptor_limit();
    rlimit limit{};
    ::_exit(::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 128 ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ReapOrphans, CollectsStrangersAndLeavesItsOwn) {
  // As process 1 gets them: a grandchild whose parent ends comes to us.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  const pid_t own = ::fork();
  if (own == 0) ::_exit(7);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) ::_exit(0);
    ::_exit(0);
  }
  const auto is_own = [&](int pid) { return pid == own; };
  int reaped = 0;
  EXPECT_TRUE(eventually([&] { return (reaped += reap_orphans(is_own)) == 2; })) << reaped;
  int status = 0;
  ASSERT_EQ(::waitpid(own, &status, 0), own);  // still there for its owner
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(reap_orphans(is_own), 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
}

}  // namespace
}  // namespace mifeng::keyholder
