// kill -9 at random moments: what was committed and told stays, and nothing is there by half.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <random>
#include <thread>

#include "mifeng/os/file.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/grants.h"

namespace mifeng::store {
namespace {

// Each transaction takes a number and writes two rows that must be there together; told numbers go into the pipe.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int pipe) {
  auto database = Database::open({.path = path, .connections = 1});
  if (!database) ::_exit(3);
  while (true) {
    std::int64_t number = 0;
    auto done = (*database)->write([&](Transaction& tx) -> Result<void> {
      MIFENG_TRY(number, next_change(tx));
      AuditRow entry;
      entry.seq = number;
      entry.detail = std::string(static_cast<std::size_t>(number % 5000), 'x');
      MIFENG_CHECK(insert(tx, entry));
      AuditHeadRow head;
      head.seq = number;
      return insert(tx, head);
    });
    if (!done) ::_exit(4);
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(5);
  }
}

TEST(KilledWriter, LosesNothingThatWasToldAndLeavesNothingByHalf) {
  TempDir folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  const auto path = folder.path() / "mifeng.db";
  std::mt19937 random(20240611);  // NOLINT: the same moments each time, as far as the machine allows
  std::int64_t told = 0;
  std::int64_t rounds_with_writes = 0;
  for (int round = 0; round < 50; ++round) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const ::pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipe[0]);
      write_until_killed(path, pipe[1]);
    }
    ::close(pipe[1]);
    // A random number of answers, then a random moment within the next transaction.
    const int answers = static_cast<int>(random() % 20);
    std::int64_t number = 0;
    for (int i = 0; i < answers && ::read(pipe[0], &number, sizeof number) == sizeof number; ++i) told = number;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    ::kill(child, SIGKILL);
    while (::read(pipe[0], &number, sizeof number) == sizeof number) told = number;
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with " << WEXITSTATUS(status);

    auto database = Database::open({.path = path, .connections = 1});
    ASSERT_TRUE(database) << database.error().message();
    auto checked = (*database)->read([&](Transaction& tx) -> Result<void> {
      MIFENG_TRY(const std::int64_t change, current_change(tx));
      MIFENG_TRY(auto entries, all<AuditRow>(tx));
      MIFENG_TRY(auto heads, all<AuditHeadRow>(tx));
      EXPECT_GE(change, told);
      EXPECT_EQ(static_cast<std::int64_t>(entries.size()), change - 1);  // the counter starts at 1
      EXPECT_EQ(entries.size(), heads.size());
      for (std::size_t i = 0; i < entries.size(); ++i) EXPECT_EQ(entries[i].seq, static_cast<std::int64_t>(i) + 2);
      return ok();
    });
    ASSERT_TRUE(checked) << checked.error().message();
    ASSERT_EQ(*(*database)->check_integrity(), std::nullopt);
    if (answers > 0) ++rounds_with_writes;
  }
  EXPECT_GT(rounds_with_writes, 30);
  EXPECT_GT(told, 100);
}

}  // namespace
}  // namespace mifeng::store
