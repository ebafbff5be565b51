#include "mifeng/start/unit_lock.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

namespace mifeng::start {
namespace {

using namespace std::chrono_literals;

struct Lock : testing::Test {
  TempDir folder = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::filesystem::path file = folder.path() / kLockName;
};

TEST_F(Lock, AGuardWaitsForTheEndOfTheModelBefore) {
  ASSERT_TRUE(UnitLock::wait_for_end_of_model(file, 0ms)) << "nobody was there before";
  auto model = std::make_unique<Result<UnitLock>>(UnitLock::hold(file));
  ASSERT_TRUE(*model) << model->error().message();
  const auto late = UnitLock::wait_for_end_of_model(file, 60ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason(), "model-still-there");
  std::thread ends([&] {
    std::this_thread::sleep_for(100ms);
    model.reset();
  });
  EXPECT_TRUE(UnitLock::wait_for_end_of_model(file, 30s));
  ends.join();
}

TEST_F(Lock, NoModelComesBesideAGuardThatClearsUp) {
  EXPECT_FALSE(UnitLock::hold(file)) << "no guard has ever been there";
  {
    const auto guard = UnitLock::wait_for_end_of_model(file, 0ms);
    ASSERT_TRUE(guard);
    const auto model = UnitLock::hold(file);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().reason(), "no-guard");
  }
  EXPECT_TRUE(UnitLock::hold(file));
}

TEST_F(Lock, IsReadableForTheGroupAloneWhateverTheUmask) {
  const ::mode_t before = ::umask(0077);
  ASSERT_TRUE(UnitLock::wait_for_end_of_model(file, 0ms));
  ::umask(before);
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
}

TEST_F(Lock, LeadsNowhereElse) {
  std::filesystem::create_symlink("/etc/passwd", file);
  EXPECT_FALSE(UnitLock::wait_for_end_of_model(file, 0ms));
  EXPECT_FALSE(UnitLock::hold(file));
}

}  // namespace
}  // namespace mifeng::start
