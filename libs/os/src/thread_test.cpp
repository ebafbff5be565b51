#include "mifeng/os/thread.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace mifeng {
namespace {

sigset_t mask_of_this_thread() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

TEST(ThreadWithoutSignals, TakesNoneAndLeavesItsStarterAsItWas) {
  const sigset_t before = mask_of_this_thread();
  sigset_t there;
  sigemptyset(&there);
  start_thread_without_signals([&] { there = mask_of_this_thread(); }).join();
  EXPECT_EQ(sigismember(&there, SIGTERM), 1);
  EXPECT_EQ(sigismember(&there, SIGCHLD), 1);
  const sigset_t here = mask_of_this_thread();
  for (int signal = 1; signal < SIGRTMIN; ++signal)
    EXPECT_EQ(sigismember(&here, signal), sigismember(&before, signal)) << signal;
}

}  // namespace
}  // namespace mifeng
