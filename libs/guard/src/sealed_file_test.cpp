#include "mifeng/guard/sealed_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mifeng::guard {
namespace {

constexpr std::uint64_t kMax = 1 << 20;

struct SealedFiles : testing::Test {
  TempDir dir = TempDir::create("/tmp", "mifeng-sealed-").value();
  std::string path(const std::string& name) const { return (dir.path() / name).string(); }
  std::string write(const std::string& name, const std::string& content) const {
    EXPECT_TRUE(write_file_atomic(path(name), as_bytes(content)));
    return path(name);
  }
  static std::string reason(int fd) {
    const auto taken = SealedFile::take(UniqueFd(fd), "segments", kMax);
    return taken ? "ok" : taken.error().reason();
  }
};

TEST_F(SealedFiles, IsReadOnceFromBeginningToEnd) {
  const std::string text(300'000, 'x');
  auto file = SealedFile::open(write("segments", text), kMax);
  ASSERT_TRUE(file);
  EXPECT_EQ(file->size(), text.size());
  Bytes buffer(64 << 10);
  std::string all;
  for (;;) {
    const auto got = file->read(buffer);
    ASSERT_TRUE(got);
    if (*got == 0) break;
    all += as_text(ByteView(buffer).first(*got));
  }
  EXPECT_EQ(all, text);
  EXPECT_EQ(as_text(file->read_all().value()), text);
}

TEST_F(SealedFiles, WhatIsNoFileToBeReadIsNotTaken) {
  write("segments", "content");
  EXPECT_EQ(reason(::open(path("segments").c_str(), O_RDONLY | O_CLOEXEC)), "ok");
  EXPECT_EQ(reason(::open(path("segments").c_str(), O_RDWR | O_CLOEXEC)), "bad-handover");
  EXPECT_EQ(reason(::open(path("segments").c_str(), O_WRONLY | O_CLOEXEC)), "bad-handover");
  EXPECT_EQ(reason(::open(path("segments").c_str(), O_PATH | O_CLOEXEC)), "bad-handover");
  EXPECT_EQ(reason(::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), "bad-handover");
  EXPECT_EQ(reason(::open("/dev/zero", O_RDONLY | O_CLOEXEC)), "bad-handover");
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(reason(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)), "bad-handover");
  EXPECT_EQ(SealedFile::open(path("pipe"), kMax).error().reason(), "bad-handover");
  ASSERT_EQ(::symlink(path("segments").c_str(), path("link").c_str()), 0);
  EXPECT_FALSE(SealedFile::open(path("link"), kMax));
  EXPECT_FALSE(SealedFile::open(path("not-there"), kMax));
}

TEST_F(SealedFiles, EmptyOrTooLargeIsNotTaken) {
  EXPECT_EQ(SealedFile::open(write("empty", ""), kMax).error().reason(), "bad-handover");
  EXPECT_TRUE(SealedFile::open(write("full", std::string(kMax, 'x')), kMax));
  EXPECT_EQ(SealedFile::open(write("over", std::string(kMax + 1, 'x')), kMax).error().reason(), "bad-handover");
}

TEST_F(SealedFiles, OneThatGrowsOrShrinksMeanwhileIsSeen) {
  for (const ::off_t size : {0, 500, 1001, 100'000}) {
    const std::string name = write("segments", std::string(1000, 'x'));
    auto file = SealedFile::open(name, kMax);
    ASSERT_TRUE(file);
    Bytes buffer(400);
    ASSERT_TRUE(file->read(buffer));
    ASSERT_EQ(::truncate(name.c_str(), size), 0);
    const auto all = file->read_all();
    ASSERT_FALSE(all) << size;
    EXPECT_EQ(all.error().reason(), "payload-changed");
  }
}

}  // namespace
}  // namespace mifeng::guard
