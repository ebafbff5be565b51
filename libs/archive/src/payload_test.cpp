#include "mifeng/archive/payload.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "mifeng/os/file.h"

namespace mifeng::archive {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Payload : public testing::Test {
 protected:
  Payload() : dir_(*TempDir::create("/tmp")) {
    fs::create_directories(in() / "models/deep");
    fs::create_directories(out());
    put("model", "the program");
    fs::permissions(in() / "model", fs::perms::owner_exec, fs::perm_options::add);
    put("models/deep/weights.bin", std::string(100'000, 'w'));
    put("empty", "");
  }
  fs::path in() const { return dir_.path() / "in"; }
  fs::path out() const { return dir_.path() / "out"; }
  void put(const std::string& path, const std::string& text) const { std::ofstream(in() / path) << text; }

  Bytes packed() const {
    const auto manifest = scan_payload(in());
    EXPECT_TRUE(manifest) << manifest.error().message();
    Bytes bytes;
    EXPECT_TRUE(write_payload(in(), *manifest, [&](ByteView piece) {
      append(bytes, piece);
      return ok();
    }));
    EXPECT_EQ(bytes.size(), payload_archive_size(*manifest));
    return bytes;
  }
  Result<void> unpack(ByteView bytes, std::size_t piece = 4096) const {
    fs::remove_all(out());
    fs::create_directories(out());
    const UniqueFd folder(::open(out().c_str(), O_RDONLY | O_DIRECTORY));
    auto unpacker = PayloadUnpacker::create(folder.get());
    while (!bytes.empty()) {
      const ByteView part = bytes.first(std::min(piece, bytes.size()));
      bytes = bytes.subspan(part.size());
      MIFENG_CHECK(unpacker->feed(part));
    }
    return unpacker->finish();
  }

  TempDir dir_;
};

// An archive with any manifest text and any entries.
Bytes forged(const std::string& manifest, const std::vector<std::pair<TarEntry, std::string>>& entries) {
  Bytes bytes;
  TarWriter tar([&](ByteView piece) {
    append(bytes, piece);
    return ok();
  });
  EXPECT_TRUE(tar.add_file(kPayloadManifestName, as_bytes(manifest)));
  for (const auto& [entry, content] : entries) {
    EXPECT_TRUE(tar.add(entry));
    EXPECT_TRUE(tar.data(as_bytes(content)));
  }
  EXPECT_TRUE(tar.finish());
  return bytes;
}

TarEntry file(std::string path, std::uint64_t size) { return {std::move(path), TarEntry::Type::kFile, 0644, size, {}}; }

const std::string kOneFile =
    R"({"format":"mifeng-payload/1","files":[{"path":"a","size":1,"executable":false}],"total_size":1})";

TEST_F(Payload, ComesBack) {
  for (const std::size_t piece : {1UL, 1000UL, 1000000UL}) {
    const auto done = unpack(packed(), piece);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(*read_text_file(out() / "model", 100), "the program");
    EXPECT_EQ(read_text_file(out() / "models/deep/weights.bin", 1 << 20)->size(), 100'000U);
    EXPECT_EQ(fs::file_size(out() / "empty"), 0U);
    struct ::stat facts {};
    ASSERT_EQ(::stat((out() / "model").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0750U);
    ASSERT_EQ(::stat((out() / "empty").c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0640U);
  }
}

TEST_F(Payload, IsTheSameFromTwoFolders) {
  const Bytes first = packed();
  fs::rename(in(), dir_.path() / "other");
  fs::create_directories(in());
  fs::copy(dir_.path() / "other", in(), fs::copy_options::recursive);
  EXPECT_EQ(packed(), first);
}

TEST_F(Payload, LinksInsideAreWrittenAsFiles) {
  fs::create_symlink("models/deep/weights.bin", in() / "alias");
  ASSERT_TRUE(unpack(packed()));
  EXPECT_FALSE(fs::is_symlink(out() / "alias"));
  EXPECT_EQ(fs::file_size(out() / "alias"), 100'000U);
}

TEST_F(Payload, WhatLeadsOutIsNotPacked) {
  fs::create_symlink("/etc/passwd", in() / "alias");
  EXPECT_THAT(scan_payload(in()).error().message(), HasSubstr("leads out"));
  fs::remove(in() / "alias");
  fs::create_symlink("nowhere", in() / "alias");
  EXPECT_FALSE(scan_payload(in()));
  fs::remove(in() / "alias");
  ASSERT_EQ(::mkfifo((in() / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(scan_payload(in()));
}

TEST_F(Payload, RefusesWhatIsNotAsTheManifestSays) {
  ASSERT_TRUE(unpack(forged(kOneFile, {{file("a", 1), "x"}})));
  const std::vector<Bytes> cases = {
      forged(kOneFile, {}),
      forged(kOneFile, {{file("b", 1), "x"}}),
      forged(kOneFile, {{file("a", 2), "xy"}}),
      forged(kOneFile, {{{"a", TarEntry::Type::kFile, 0755, 1, {}}, "x"}}),
      forged(kOneFile, {{{"a", TarEntry::Type::kDirectory, 0755, 0, {}}, ""}}),
      forged(kOneFile, {{{"a", TarEntry::Type::kSymlink, 0777, 0, "/etc/passwd"}, ""}}),
      forged(kOneFile, {{file("a", 1), "x"}, {file("b", 1), "x"}}),
      forged("{}", {}),
      forged("", {}),
  };
  for (const Bytes& bytes : cases) {
    const auto done = unpack(bytes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), ErrorCode::kVerificationFailed);
  }
  // Without its manifest, and cut anywhere.
  const Bytes good = forged(kOneFile, {{file("a", 1), "x"}});
  EXPECT_FALSE(unpack(ByteView(good).subspan(2 * kTarBlock)));
  for (std::size_t size = 0; size < good.size(); size += 256) EXPECT_FALSE(unpack(ByteView(good).first(size))) << size;
}

TEST(PayloadManifestText, Refuses) {
  const auto with = [](const std::string& files, int total) {
    return R"({"format":"mifeng-payload/1","files":[)" + files + R"(],"total_size":)" + std::to_string(total) + "}";
  };
  const auto one = [](const std::string& path) { return R"({"path":")" + path + R"(","size":1,"executable":true})"; };
  EXPECT_TRUE(parse_payload_manifest(with(one("a") + "," + one("b/c"), 2)));
  for (const std::string& text :
       {with("", 0), with(one("a"), 2), with(one("b") + "," + one("a"), 2), with(one("a") + "," + one("a"), 2),
        with(one("/a"), 1), with(one("../a"), 1), with(one("a") + "," + one("a/b"), 2),
        with(one(".mifeng-payload.json"), 1), with(R"({"path":"a","size":-1,"executable":true})", -1),
        with(R"({"path":"a","size":1})", 1), with(R"({"path":"a","size":1,"executable":true,"link":"b"})", 1),
        std::string(R"({"format":"mifeng-payload/2","files":[],"total_size":0})"), std::string("[]"), std::string()}) {
    const auto manifest = parse_payload_manifest(text);
    ASSERT_FALSE(manifest) << text;
    EXPECT_EQ(manifest.error().reason(), "bad-payload");
  }
}

TEST_F(Payload, DoesNotFollowALinkThatIsThereAlready) {
  fs::create_directories(dir_.path() / "elsewhere");
  fs::create_directory_symlink(dir_.path() / "elsewhere", out() / "models");
  const UniqueFd folder(::open(out().c_str(), O_RDONLY | O_DIRECTORY));
  auto unpacker = PayloadUnpacker::create(folder.get());
  EXPECT_FALSE(unpacker->feed(packed()));
  EXPECT_TRUE(fs::is_empty(dir_.path() / "elsewhere"));
}

}  // namespace
}  // namespace mifeng::archive
