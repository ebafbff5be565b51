#include "mifeng/os/held_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace mifeng {
namespace {

TEST(HeldLock, IsOneHoldersUntilHeEnds) {
  const auto folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  const auto file = folder.path() / "lock";
  int ready[2], end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const ::pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    const auto held = try_lock(file);
    char byte = held && held->fd ? '1' : '0';
    (void)!::write(ready[1], &byte, 1);
    (void)!::read(end[0], &byte, 1);
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, '1');
  const auto refused = try_lock(file).value();
  EXPECT_FALSE(refused.fd);
  EXPECT_EQ(refused.holder, std::to_string(holder));
  ::kill(holder, SIGKILL);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
  const auto mine = try_lock(file).value();
  EXPECT_TRUE(mine.fd);
  EXPECT_EQ(read_text_file(file, 100).value(), std::to_string(::getpid()) + "\n");
  for (const int fd : {ready[0], ready[1], end[0], end[1]}) ::close(fd);
}

// Killed between fork and exec of a program that it starts.
TEST(HeldLock, OfAHolderWhoIsGoneIsWaitedFor) {
  const auto folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  const auto file = folder.path() / "lock";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const ::pid_t holder = ::fork();
  ASSERT_GE(holder, 0);
  if (holder == 0) {
    const auto held = try_lock(file);
    if (::fork() == 0) {
      ::usleep(300'000);
      ::_exit(0);
    }
    const char byte = held && held->fd ? '1' : '0';
    (void)!::write(ready[1], &byte, 1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(byte, '1');
  ::kill(holder, SIGKILL);
  ASSERT_EQ(::waitpid(holder, nullptr, 0), holder);
  EXPECT_TRUE(try_lock(file).value().fd);
  for (const int fd : ready) ::close(fd);
}

TEST(HeldLock, EndsWithItsDescriptor) {
  const auto folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  const auto file = folder.path() / "lock";
  auto first = try_lock(file).value();
  EXPECT_TRUE(first.fd);
  EXPECT_FALSE(try_lock(file).value().fd) << "also against the same process";
  first.fd.reset();
  EXPECT_TRUE(try_lock(file).value().fd);
  EXPECT_FALSE(try_lock(folder.path() / "no" / "folder"));
}

}  // namespace
}  // namespace mifeng
