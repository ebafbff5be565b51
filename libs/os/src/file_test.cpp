#include "mifeng/os/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace mifeng {
namespace {

class FileTest : public testing::Test {
 protected:
  TempDir dir_ = std::move(TempDir::create(std::filesystem::temp_directory_path())).value();
};

TEST_F(FileTest, WritesWholeAndReadsBack) {
  const auto path = dir_.path() / "a";
  Bytes content(10'000, 7);
  ASSERT_TRUE(write_file_atomic(path, content, 0600));
  EXPECT_EQ(*read_file(path, 10'000), content);
  EXPECT_EQ(read_secret_file(path, 10'000)->size(), 10'000U);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ASSERT_TRUE(write_file_atomic(path, as_bytes("new")));
  EXPECT_EQ(*read_text_file(path, 100), "new");
}

TEST_F(FileTest, SaysWhyItCannotRead) {
  EXPECT_EQ(read_file(dir_.path() / "absent", 10).error().reason(), "no-such-file");
  EXPECT_EQ(read_file(dir_.path(), 10).error().reason(), "cannot-read");
  ASSERT_TRUE(write_file_atomic(dir_.path() / "big", Bytes(11, 1)));
  EXPECT_EQ(read_file(dir_.path() / "big", 10).error().reason(), "file-too-large");
  EXPECT_EQ(read_secret_file(dir_.path() / "big", 10).error().reason(), "file-too-large");
  EXPECT_TRUE(read_file(dir_.path() / "big", 11).has_value());
}

TEST_F(FileTest, AFailedWriteLeavesWhatWasThere) {
  EXPECT_FALSE(write_file_atomic(dir_.path() / "no" / "folder", as_bytes("x")).has_value());
  // A folder stands where the file should go: the rename fails and the temporary file is gone.
  std::filesystem::create_directories(dir_.path() / "taken" / "inside");
  EXPECT_FALSE(write_file_atomic(dir_.path() / "taken", as_bytes("x")).has_value());
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir_.path())) ++entries;
  EXPECT_EQ(entries, 1U);
}

TEST(Errno, NamesAFullDisk) {
  // /dev/full fails every write with ENOSPC; it cannot be renamed over, so the mapping is asked directly.
  EXPECT_EQ(errno_error(ENOSPC, "write").reason(), "disk-full");
  EXPECT_EQ(errno_error(EIO, "write").reason(), "cannot-write");
}

TEST(TempDirTest, RemovesWhatItHeld) {
  std::filesystem::path path;
  {
    auto dir = TempDir::create(std::filesystem::temp_directory_path());
    ASSERT_TRUE(dir);
    path = dir->path();
    ASSERT_TRUE(write_file_atomic(path / "x", as_bytes("x")));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace mifeng
