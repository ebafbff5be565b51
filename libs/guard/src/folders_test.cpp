#include "mifeng/guard/folders.h"

#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "mifeng/guard/config.h"
#include "mifeng/os/file.h"
#include "mifeng/start/unit_lock.h"

namespace mifeng::guard {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

struct FoldersTest : testing::Test {
  void SetUp() override {
    for (fs::path* folder : {&folders.run, &folders.guard, &folders.model, &folders.app}) {
      *folder = root.path() / std::to_string(made++);
      fs::create_directories(*folder / "below/further");
      std::ofstream(*folder / "below/file") << "left behind";
      fs::create_symlink(outside.path(), *folder / "link");
    }
    std::ofstream(outside.path() / "file") << "not the guard's";
  }
  static std::vector<std::string> names(const fs::path& folder) {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path().filename());
    return found;
  }

  TempDir root = TempDir::create(fs::temp_directory_path()).value();
  TempDir outside = TempDir::create(fs::temp_directory_path()).value();
  Folders folders;
  int made = 0;
};

TEST_F(FoldersTest, WhatTheGuardWritesIsEmptiedAndNothingElse) {
  for (int again = 0; again < 2; ++again) {
    const auto cleared = clear_folders(folders, 0ms);
    ASSERT_TRUE(cleared) << cleared.error().message();
    EXPECT_TRUE(names(folders.app).empty());
    EXPECT_TRUE(names(folders.run).empty());
    EXPECT_EQ(names(folders.guard), std::vector<std::string>{start::kLockName});
    EXPECT_EQ(names(folders.model).size(), 2u) << "the model's own are the model's";
    EXPECT_TRUE(fs::exists(outside.path() / "file"));
  }
}

TEST_F(FoldersTest, NothingIsTouchedWhileTheModelBeforeIsThere) {
  ASSERT_TRUE(clear_folders(folders, 0ms));
  std::ofstream(folders.app / "model") << "runs";
  auto model = std::make_unique<Result<start::UnitLock>>(start::UnitLock::hold(folders.guard / start::kLockName));
  ASSERT_TRUE(*model);
  const auto early = clear_folders(folders, 60ms);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().reason(), "model-still-there");
  EXPECT_TRUE(fs::exists(folders.app / "model"));
  model.reset();
  EXPECT_TRUE(clear_folders(folders, 0ms));
  EXPECT_FALSE(fs::exists(folders.app / "model"));
}

}  // namespace
}  // namespace mifeng::guard
