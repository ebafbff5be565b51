#include "mifeng/os/stop_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "mifeng/os/child_process.h"

namespace mifeng {
namespace {

using namespace std::chrono_literals;

TEST(StopSignal, SaysWhichSignalCame) {
  auto stop = StopSignal::create();
  ASSERT_TRUE(stop);
  EXPECT_FALSE(stop->requested());
  EXPECT_TRUE(stop->check());
  EXPECT_TRUE(check(nullptr));
  ::kill(::getpid(), SIGHUP);
  EXPECT_TRUE(stop->wait(10s));
  EXPECT_EQ(stop->signal(), SIGHUP);
  EXPECT_EQ(check(&*stop).error().reason(), "interrupted");
  EXPECT_EQ(stop->check().error().code(), ErrorCode::kCancelled) << "once asked, it stays so";
}

TEST(StopSignal, LeavesWhatIsIgnoredIgnored) {
  ::signal(SIGHUP, SIG_IGN);  // as nohup does
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  auto stop = StopSignal::create();
  ASSERT_TRUE(stop);
  ::kill(::getpid(), SIGHUP);
  ::kill(::getpid(), SIGTERM);
  EXPECT_TRUE(stop->wait(10s));
  EXPECT_EQ(stop->signal(), SIGTERM);
  ::signal(SIGHUP, SIG_DFL);
}

// Runs a script that writes a child's pid into `pid`, stops its tree; whether the child ended too.
bool ends_with_its_parent(const std::string& script, std::chrono::milliseconds grace, int signal) {
  const auto folder = TempDir::create("/tmp").value();
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", script};
  options.working_directory = folder.path();
  auto child = ChildProcess::start(options).value();
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!std::filesystem::exists(folder.path() / "pid")) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    (void)child.wait(5ms);
  }
  const int pid = std::atoi(read_text_file(folder.path() / "pid", 32).value().c_str());
  EXPECT_EQ(child.stop_tree(grace).signal, signal);
  const auto ended = [&] {  // whoever adopted it may not have reaped it yet
    const auto stat = read_text_file("/proc/" + std::to_string(pid) + "/stat", 4096);
    return !stat || stat->find(") Z") != std::string::npos;
  };
  while (!ended() && std::chrono::steady_clock::now() < deadline) ::usleep(1000);
  return ended();
}

TEST(StopTree, EndsGentlyWhatItCanAndTheRestByForce) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", "exec sleep 60"};
  auto gentle = ChildProcess::start(options);
  ASSERT_TRUE(gentle);
  EXPECT_EQ(gentle->stop_tree(10s).signal, SIGTERM);

  // What has a session of its own is left by the signal, and by its parent.
  EXPECT_TRUE(
      ends_with_its_parent("setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 60' & wait", 10s, SIGTERM));
  EXPECT_TRUE(ends_with_its_parent(
      "trap '' TERM; setsid sh -c 'echo $$ > pid.new; mv pid.new pid; exec sleep 60' & wait; wait", 50ms, SIGKILL));
}

}  // namespace
}  // namespace mifeng
