#include "mifeng/os/part_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "mifeng/os/child_process.h"

namespace mifeng {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void put(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

TEST(PartFile, AppearsWholeOrNotAtAll) {
  const auto folder = TempDir::create("/tmp").value();
  const fs::path path = folder.path() / "model.mfpkg";
  put(path, "old");
  {
    auto part = PartFile::create(path);
    ASSERT_TRUE(part);
    ASSERT_EQ(::write(part->fd(), "half", 4), 4);
    EXPECT_EQ(names_in(folder.path()).size(), 2U);
  }
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"model.mfpkg"});
  EXPECT_EQ(read_text_file(path, 100).value(), "old");

  auto part = PartFile::create(path);
  ASSERT_TRUE(part);
  ASSERT_EQ(::write(part->fd(), "new", 3), 3);
  ASSERT_TRUE(part->commit(0644));
  EXPECT_EQ(names_in(folder.path()), std::vector<std::string>{"model.mfpkg"});
  EXPECT_EQ(read_text_file(path, 100).value(), "new");
}

TEST(PartFile, TakesAwayWhatNobodyHoldsAndNothingElse) {
  const auto folder = TempDir::create("/tmp").value();
  const fs::path path = folder.path() / "model.mfpkg";
  const std::vector<std::string> kept = {".model.mfpkg.abcdef.parts", ".model.mfpkg.abcde.part",
                                         ".model.mfpkg.abc-ef.part", ".other.mfpkg.abcdef.part", "model.mfpkg.backup"};
  for (const std::string& name : kept) put(folder.path() / name, "somebody's");
  put(folder.path() / ".model.mfpkg.aB3dEf.part", "left by a killed process");
  const auto held = PartFile::create(path);
  ASSERT_TRUE(held);
  EXPECT_EQ(names_in(folder.path()).size(), kept.size() + 1);
  {
    const auto second = PartFile::create(path);
    ASSERT_TRUE(second);
    EXPECT_EQ(names_in(folder.path()).size(), kept.size() + 2) << "the first is held, so it stays";
  }
  for (const std::string& name : kept) EXPECT_TRUE(fs::exists(folder.path() / name)) << name;
  EXPECT_FALSE(PartFile::create(folder.path() / "no/such/folder/x"));
}

TEST(PartFile, KnowsItsNames) {
  EXPECT_TRUE(PartFile::is_name(".model.mfpkg.aB3dEf.part"));
  for (const char* const other : {"model.mfpkg", ".part", ".aB3dEf.part", "x.aB3dEf.part", ".x.aB3-Ef.part"})
    EXPECT_FALSE(PartFile::is_name(other)) << other;
}

TEST(WorkFolder, TheNextOneTakesAwayWhatAKilledProcessLeft) {
  const auto parent = TempDir::create("/tmp").value();
  fs::create_directories(parent.path() / "pack-aB3dEf/deep");
  put(parent.path() / "pack-aB3dEf/deep/file", "left");
  fs::create_directories(parent.path() / "pack-notes");
  {
    const auto first = WorkFolder::create(parent.path(), "pack-");
    ASSERT_TRUE(first);
    const auto second = WorkFolder::create(parent.path(), "pack-");
    ASSERT_TRUE(second);
    EXPECT_TRUE(fs::is_directory(first->path()));
    EXPECT_EQ(names_in(parent.path()).size(), 3U) << "two that are held, and one of another name";
  }
  EXPECT_EQ(names_in(parent.path()), std::vector<std::string>{"pack-notes"});
}

TEST(WorkFolder, IsNotHeldByTheChildrenOfItsMaker) {
  const auto parent = TempDir::create("/tmp").value();
  ChildOptions options;
  options.argv = {"/bin/sleep", "60"};
  fs::path left;
  std::optional<ChildProcess> child;
  {
    auto folder = WorkFolder::create(parent.path(), "pack-");
    ASSERT_TRUE(folder);
    left = folder->path();
    child.emplace(ChildProcess::start(options).value());
  }
  fs::create_directories(left);  // as if its maker had been killed
  ASSERT_TRUE(WorkFolder::create(parent.path(), "pack-"));
  EXPECT_FALSE(fs::exists(left));
}

}  // namespace
}  // namespace mifeng
