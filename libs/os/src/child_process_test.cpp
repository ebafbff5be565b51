#include "mifeng/os/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

namespace mifeng {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ChildOptions shell(const std::string& script) {
  ChildOptions options;
  options.argv = {"/bin/sh", "-c", script};
  return options;
}

TEST(ChildProcess, ReportsExitStatusAndSignal) {
  auto child = ChildProcess::start(shell("exit 7"));
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait(seconds(10))->code, 7);
  EXPECT_EQ(child->wait(std::nullopt)->code, 7) << "the answer must repeat";

  auto killed = ChildProcess::start(shell("kill -9 $$"));
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->wait(seconds(10))->signal, SIGKILL);
}

TEST(ChildProcess, FailsAtStartNotLater) {
  ChildOptions options;
  options.argv = {"/no/such/program"};
  EXPECT_EQ(ChildProcess::start(options).error().reason(), "no-such-program");
  options.argv = {"/etc/passwd"};
  EXPECT_EQ(ChildProcess::start(options).error().reason(), "cannot-start");
  options.argv = {"/bin/true"};
  options.working_directory = "/no/such/folder";
  EXPECT_FALSE(ChildProcess::start(options).has_value());
}

TEST(ChildProcess, StopKillsWhatIgnoresTheSignal) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const UniqueFd read_end(fds[0]), write_end(fds[1]);
  auto options = shell("trap '' TERM; echo >&5; while :; do sleep 0.05; done");
  options.fds = {{5, write_end.get()}};
  auto child = ChildProcess::start(options);
  ASSERT_TRUE(child);
  char byte = 0;
  ASSERT_EQ(::read(read_end.get(), &byte, 1), 1) << "the trap stands";
  EXPECT_EQ(child->wait(milliseconds(100)).error().reason(), "still-running");
  EXPECT_EQ(child->stop(milliseconds(100)).signal, SIGKILL);
}

TEST(ChildProcess, PassesNamedDescriptorsAndNoOthers) {
  const UniqueFd leaked(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC on purpose
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  auto options = shell("echo given >&5; ls /proc/self/fd | tr '\\n' ' ' >&5");
  options.fds = {{5, write_end.get()}};
  auto child = ChildProcess::start(options);
  ASSERT_TRUE(child);
  ASSERT_TRUE(child->wait(seconds(10)));
  char buffer[256];
  const ssize_t got = ::read(read_end.get(), buffer, sizeof buffer);
  ASSERT_GT(got, 0);
  // 3 is what `ls` itself opens.
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(got)), "given\n0 1 2 3 5 ");
}

TEST(RunCommand, CollectsBothOutputsAndBoundsThem) {
  auto run = run_command(shell("echo out; echo err >&2; exit 3"), seconds(10));
  ASSERT_TRUE(run);
  EXPECT_EQ(run->exit.code, 3);
  EXPECT_EQ(run->output, "out\nerr\n");
  auto much = run_command(shell("head -c 100000 /dev/zero"), seconds(10), 1000);
  ASSERT_TRUE(much);
  EXPECT_EQ(much->output.size(), 1000U);
}

TEST(RunCommand, EndsAtItsDeadline) {
  EXPECT_EQ(run_command(shell("sleep 60"), milliseconds(100)).error().reason(), "command-timeout");
}

TEST(RunCommand, GivesTheEnvironmentItWasTold) {
  auto options = shell("echo $ONLY$HOME");
  options.env = {{"ONLY", "this"}, {"PATH", "/usr/bin:/bin"}};
  EXPECT_EQ(run_command(options, seconds(10))->output, "this\n");
}

}  // namespace
}  // namespace mifeng
