#include "mifeng/archive/tar.h"

#include <gmock/gmock.h>

#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

namespace mifeng::archive {
namespace {

using testing::HasSubstr;

struct Recorder final : TarHandler {
  Result<void> entry(const TarEntry& one) override {
    entries.push_back(one);
    contents.emplace_back();
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    contents.back().append(as_text(bytes));
    return ok();
  }
  Result<void> end() override {
    ++ends;
    return ok();
  }
  std::vector<TarEntry> entries;
  std::vector<std::string> contents;
  int ends = 0;
};

// `edit` writes the entries.
template <typename Edit>
Bytes make_tar(Edit edit) {
  Bytes out;
  TarWriter tar([&](ByteView bytes) {
    append(out, bytes);
    return ok();
  });
  edit(tar);
  EXPECT_TRUE(tar.finish());
  EXPECT_EQ(tar.bytes(), out.size());
  return out;
}

const std::string kLong = std::string(90, 'a') + "/" + std::string(90, 'b') + "/" + std::string(90, 'c');

Bytes sample() {
  return make_tar([](TarWriter& tar) {
    EXPECT_TRUE(tar.add({"usr", TarEntry::Type::kDirectory, 0755, 0, {}}));
    EXPECT_TRUE(tar.add_file("usr/empty", {}));
    EXPECT_TRUE(tar.add_file("usr/tool", as_bytes("#!/bin/sh\n"), 0755));
    EXPECT_TRUE(tar.add_file(kLong, as_bytes(std::string(1000, 'x'))));
    EXPECT_TRUE(tar.add({"usr/link", TarEntry::Type::kSymlink, 0777, 0, "../" + kLong}));
  });
}

Result<void> read(ByteView bytes, TarHandler& handler, TarLimits limits = {}, std::size_t piece = 100'000) {
  TarReader reader(handler, limits);
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    MIFENG_CHECK(reader.feed(part));
  }
  return reader.finish();
}

void set_checksum(Bytes& tar, std::size_t header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) sum += i >= 148 && i < 156 ? std::uint32_t{' '} : tar[header + i];
  char text[8];
  std::snprintf(text, sizeof text, "%06o", sum);
  std::copy_n(text, 7, tar.begin() + static_cast<std::ptrdiff_t>(header) + 148);
}

TEST(Tar, ComesBackInPiecesOfAnySize) {
  const Bytes tar = sample();
  for (const std::size_t piece : {1U, 7U, 511U, 512U, 513U, 100'000U}) {
    Recorder recorder;
    TarLimits limits;
    limits.symlinks = true;
    const auto done = read(tar, recorder, limits, piece);
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_EQ(recorder.entries.size(), 5U);
    EXPECT_EQ(recorder.ends, 5);
    EXPECT_EQ(recorder.entries[0].path, "usr");
    EXPECT_EQ(recorder.entries[0].type, TarEntry::Type::kDirectory);
    EXPECT_EQ(recorder.entries[2].mode, 0755U);
    EXPECT_EQ(recorder.contents[2], "#!/bin/sh\n");
    EXPECT_EQ(recorder.entries[3].path, kLong);
    EXPECT_EQ(recorder.contents[3], std::string(1000, 'x'));
    EXPECT_EQ(recorder.entries[4].link_target, "../" + kLong);
  }
}

TEST(Tar, OtherToolsReadIt) {
  const auto folder = TempDir::create("/tmp");
  ASSERT_TRUE(folder);
  ASSERT_TRUE(write_file_atomic(folder->path() / "a.tar", sample()));
  ChildOptions options;
  options.argv = {"tar", "-tvf", (folder->path() / "a.tar").string()};
  const auto listed = run_command(options, std::chrono::seconds(20));
  ASSERT_TRUE(listed);
  EXPECT_TRUE(listed->exit.success()) << listed->output;
  EXPECT_THAT(listed->output, HasSubstr(kLong));
  EXPECT_THAT(listed->output, HasSubstr("1970-01-01"));
}

TEST(Tar, SizesAreKnownBeforehand) {
  std::uint64_t expected = 2 * kTarBlock;
  Recorder recorder;
  TarLimits limits;
  limits.symlinks = true;
  ASSERT_TRUE(read(sample(), recorder, limits));
  for (const TarEntry& entry : recorder.entries) expected += tar_entry_size(entry);
  EXPECT_EQ(expected, sample().size());
  // A size that needs a pax header: only the header is written here.
  EXPECT_EQ(tar_entry_size({"big", TarEntry::Type::kFile, 0644, std::uint64_t{1} << 34, {}}),
            3 * kTarBlock + (std::uint64_t{1} << 34));
}

TEST(Tar, AWriterRefusesBadPaths) {
  Bytes out;
  TarWriter tar([&](ByteView bytes) {
    append(out, bytes);
    return ok();
  });
  for (const char* path : {"", "/etc/passwd", "..", "a/../b", "a//b", "a/", "./a", "a\\b", "a\nb"})
    EXPECT_EQ(tar.add_file(path, {}).error().reason(), "bad-entry") << path;
  EXPECT_FALSE(tar.add({"l", TarEntry::Type::kSymlink, 0777, 0, ""}));
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(tar.add({"a", TarEntry::Type::kFile, 0644, 3, {}}));
  EXPECT_FALSE(tar.add_file("b", {}));       // a is not complete
  EXPECT_FALSE(tar.data(as_bytes("four")));  // longer than announced
  EXPECT_FALSE(tar.finish());
  EXPECT_TRUE(tar.data(as_bytes("abc")));
  EXPECT_TRUE(tar.finish());
}

TEST(Tar, AReaderRefuses) {
  const Bytes good = make_tar([](TarWriter& tar) { ASSERT_TRUE(tar.add_file("name", as_bytes("abc"))); });
  const auto refused = [](const Bytes& tar) {
    Recorder recorder;
    const auto done = read(tar, recorder);
    return done ? std::string("accepted") : done.error().message();
  };
  const auto with_name = [&](std::string_view name) {
    Bytes tar = good;
    std::fill_n(tar.begin(), 100, std::uint8_t{0});
    std::copy(name.begin(), name.end(), tar.begin());
    set_checksum(tar, 0);
    return tar;
  };
  EXPECT_EQ(refused(good), "accepted");
  EXPECT_THAT(refused(with_name("/name")), HasSubstr("absolute"));
  EXPECT_THAT(refused(with_name("../name")), HasSubstr("'..'"));
  EXPECT_THAT(refused(with_name("a/./b")), HasSubstr("'.'"));
  EXPECT_THAT(refused(with_name("a\tb")), HasSubstr("control"));
  EXPECT_THAT(refused(with_name("")), HasSubstr("empty"));
  for (const char type : {'1', '3', '4', '6', '7', 'g', 'L', 'K', 'S', '\0', 'A'}) {
    Bytes tar = good;
    tar[156] = static_cast<std::uint8_t>(type);
    set_checksum(tar, 0);
    EXPECT_THAT(refused(tar), HasSubstr("neither")) << type;
  }
  Bytes tar = good;
  tar[156] = '2';
  set_checksum(tar, 0);
  EXPECT_THAT(refused(tar), HasSubstr("a link, which is not allowed"));
  tar = good;
  tar[0] ^= 1;
  EXPECT_THAT(refused(tar), HasSubstr("checksum"));
  tar = good;
  tar[124] = 0x80;  // a size in base 256, GNU's extension
  set_checksum(tar, 0);
  EXPECT_THAT(refused(tar), HasSubstr("malformed field"));
  tar = good;
  tar[257] = 'U';
  set_checksum(tar, 0);
  EXPECT_THAT(refused(tar), HasSubstr("not ustar"));
  tar = good;
  tar[kTarBlock + 3] = 1;  // padding
  EXPECT_THAT(refused(tar), HasSubstr("padding"));
  tar = good;
  tar.push_back(0);
  EXPECT_THAT(refused(tar), HasSubstr("follows the end"));
  for (const std::size_t size : {0UL, 1UL, kTarBlock, kTarBlock + 1, 2 * kTarBlock, 3 * kTarBlock}) {
    tar = good;
    tar.resize(size);
    EXPECT_THAT(refused(tar), HasSubstr("was cut")) << size;
  }
  tar = good;
  tar.resize(3 * kTarBlock);
  tar.insert(tar.end(), good.begin(), good.end());
  EXPECT_THAT(refused(tar), HasSubstr("one zero block"));
  tar = make_tar([](TarWriter& writer) {
    ASSERT_TRUE(writer.add_file("a", {}));
    ASSERT_TRUE(writer.add_file("a", {}));
  });
  EXPECT_THAT(refused(tar), HasSubstr("twice"));
}

TEST(Tar, AReaderRefusesOtherPaxHeaders) {
  for (const std::string records :
       {"18 uid=1234567890\n", "13 path=abcd\n\n", "11 path=ab\n11 path=ab\n", "9 path=a", "99 path=a\n", "0 path=a\n",
        "10 size=-1\n", "11 size=0x1\n", "xx\n", "19 GNU.sparse.x=1\n"}) {
    // A pax header is an ordinary block of type 'x': take a file's and change its type.
    Bytes tar = make_tar([&](TarWriter& writer) {
      ASSERT_TRUE(writer.add_file("pax", as_bytes(records)));
      ASSERT_TRUE(writer.add_file("b", as_bytes("b")));
    });
    tar[156] = 'x';
    set_checksum(tar, 0);
    Recorder recorder;
    const auto done = read(tar, recorder);
    ASSERT_FALSE(done) << records;
    EXPECT_EQ(done.error().reason(), "bad-archive");
    EXPECT_THAT(done.error().message(), HasSubstr("extended header"));
  }
}

TEST(Tar, ContentCanBeSkipped) {
  const Bytes tar = sample();
  Recorder recorder;
  TarLimits limits;
  limits.symlinks = true;
  TarReader reader(recorder, limits);
  for (std::size_t at = 0; at < tar.size();) {
    ASSERT_TRUE(reader.feed(ByteView(tar).subspan(at, kTarBlock)));
    at += kTarBlock;
    const auto skipped = reader.skip_content();
    ASSERT_TRUE(skipped);
    if (*skipped == 0) continue;
    ASSERT_TRUE(reader.feed(ByteView(tar).subspan(at + *skipped, (kTarBlock - *skipped % kTarBlock) % kTarBlock)));
    at = reader.offset();
  }
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(recorder.entries.size(), 5U);
  EXPECT_EQ(recorder.ends, 5);
  EXPECT_EQ(recorder.contents[3], "");
}

TEST(Tar, AReaderHoldsItsLimits) {
  const Bytes tar = make_tar([](TarWriter& writer) {
    ASSERT_TRUE(writer.add_file("a", as_bytes("12345")));
    ASSERT_TRUE(writer.add_file("b", as_bytes("12345")));
  });
  Recorder recorder;
  EXPECT_TRUE(read(tar, recorder, {2, 10, false}));
  EXPECT_THAT(read(tar, recorder, {1, 10, false}).error().message(), HasSubstr("more entries"));
  EXPECT_THAT(read(tar, recorder, {2, 9, false}).error().message(), HasSubstr("more content"));
}

}  // namespace
}  // namespace mifeng::archive
