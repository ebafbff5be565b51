// The guard's image: the same bytes from two folders, what it holds, and a layout that was touched.
#include "mifeng/package/guard_image.h"

#include <gmock/gmock.h>

#include <fstream>

#include "gunzip.h"
#include "mifeng/archive/tar.h"
#include "mifeng/json/value.h"
#include "mifeng/os/file.h"
#include "mifeng/package/oci_image.h"
#include "mifeng/package/sha256.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class GuardImage : public testing::Test {
 protected:
  // What tools/guard-folder makes, small.
  static fs::path guard_folder(const fs::path& folder, bool backwards = false) {
    std::vector<std::pair<const char*, fs::perms>> files{
        {"bin/mifeng-guard", fs::perms(0755)}, {"sbin/nginx", fs::perms(0755)},
        {"lib/libc.so.6", fs::perms(0644)},    {"etc/guard.conf.in", fs::perms(0644)},
        {"modules/x.so", fs::perms(0644)},     {"start/mifeng-start", fs::perms(0755)}};
    if (backwards) std::reverse(files.begin(), files.end());
    for (const auto& [name, mode] : files) {
      fs::create_directories((folder / name).parent_path());
      std::ofstream(folder / name) << "this is " << name << "\n";
      fs::permissions(folder / name, mode);
    }
    return folder;
  }
  static std::string refusal(const fs::path& folder, const fs::path& out) {
    const auto made = write_guard_image(folder, out);
    return made ? "" : made.error().reason() + ": " + made.error().message();
  }
  std::string read_refusal() const {
    const auto image = read_oci_image(out);
    return image ? "" : image.error().reason() + ": " + image.error().message();
  }

  TempDir dir = *TempDir::create("/tmp");
  fs::path out = dir.path() / "image";
};

struct Names final : archive::TarHandler {
  Result<void> entry(const archive::TarEntry& entry) override {
    const bool folder = entry.type == archive::TarEntry::Type::kDirectory;
    names.push_back(entry.path + (folder ? "/" : entry.mode == 0755 ? "*" : ""));
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    content.append(as_text(bytes));
    return ok();
  }
  Result<void> end() override { return ok(); }
  std::vector<std::string> names;
  std::string content;
};

TEST_F(GuardImage, HoldsTheFolderTheFirstProcessAndWhereMountsLie) {
  const auto digest = write_guard_image(guard_folder(dir.path() / "guard"), out);
  ASSERT_TRUE(digest) << digest.error().message();
  const auto image = read_oci_image(out);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->digest, *digest);
  EXPECT_EQ(sha256_digest(as_bytes(image->manifest)), *digest);
  EXPECT_EQ(image->manifest_media_type, "application/vnd.oci.image.manifest.v1+json");
  ASSERT_EQ(image->layers.size(), 1U);

  Names names;
  archive::TarReader tar(names);
  std::uint64_t left = 1 << 20;
  Gunzip gunzip(Gunzip::Members::kOne, left);
  const Bytes blob = *read_file(image->layers[0].path, 1 << 20);
  ASSERT_TRUE(gunzip.feed(blob, [&](ByteView bytes) { return tar.feed(bytes); }));
  ASSERT_TRUE(tar.finish());
  EXPECT_THAT(names.names,
              testing::ElementsAre("app/", "mifeng/", "mifeng-start*", "mifeng/bin/", "mifeng/bin/mifeng-guard*",
                                   "mifeng/etc/", "mifeng/etc/guard.conf.in", "mifeng/guard/", "mifeng/lib/",
                                   "mifeng/lib/libc.so.6", "mifeng/model/", "mifeng/modules/", "mifeng/modules/x.so",
                                   "mifeng/platform/", "mifeng/run/", "mifeng/sbin/", "mifeng/sbin/nginx*", "tmp/"));
  EXPECT_THAT(names.content, HasSubstr("this is start/mifeng-start"));

  const auto config = json::parse_object(*read_text_file(image->config.path, 1 << 20));
  ASSERT_TRUE(config);
  EXPECT_EQ(*config->find("config"),
            json::Value(json::Object{{"User", "65532:65532"},
                                     {"Env", json::Array{"PATH=/mifeng/bin:/mifeng/sbin"}},
                                     {"Entrypoint", json::Array{"/mifeng/bin/mifeng-guard"}}}));
}

TEST_F(GuardImage, GivesItsFirstProcessOut) {
  const fs::path file = dir.path() / "first";
  ASSERT_TRUE(write_guard_image(guard_folder(dir.path() / "guard"), out));
  const auto taken = take_start_program(*read_oci_image(out), file);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(*read_text_file(file, 4096), "this is start/mifeng-start\n");
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0755));

  OciImage without = *read_oci_image(out);
  without.layers.clear();
  EXPECT_EQ(take_start_program(without, dir.path() / "none").error().reason(), "bad-image");
  EXPECT_FALSE(fs::exists(dir.path() / "none"));
}

TEST_F(GuardImage, IsTheSameFromAnotherFolderAndAnotherWhenOneByteIs) {
  const auto first = write_guard_image(guard_folder(dir.path() / "one"), out);
  const auto second = write_guard_image(guard_folder(dir.path() / "else/where", true), dir.path() / "two");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(*read_file(out / "index.json", 4096), *read_file(dir.path() / "two/index.json", 4096));

  std::ofstream(dir.path() / "one/bin/mifeng-guard") << "another";
  const auto third = write_guard_image(dir.path() / "one", out);
  ASSERT_TRUE(third);
  EXPECT_NE(*third, *first);
  // In the place of the first, and nothing else is left beside it.
  EXPECT_EQ(read_oci_image(out)->digest, *third);
  std::vector<std::string> beside;
  for (const auto& entry : fs::directory_iterator(dir.path())) beside.push_back(entry.path().filename());
  EXPECT_THAT(beside, testing::UnorderedElementsAre("one", "else", "two", "image"));
  EXPECT_EQ(std::distance(fs::directory_iterator(out / "blobs/sha256"), fs::directory_iterator()), 3);
}

TEST_F(GuardImage, AFolderThatIsNotWholeOrHoldsMoreIsRefused) {
  const fs::path folder = guard_folder(dir.path() / "guard");
  for (const char* name : {"bin/mifeng-guard", "sbin/nginx", "start/mifeng-start"}) {
    fs::permissions(folder / name, fs::perms(0644));
    EXPECT_THAT(refusal(folder, out), testing::StartsWith("bad-guard-folder: ")) << name;
    fs::permissions(folder / name, fs::perms(0755));
    fs::rename(folder / name, dir.path() / "away");
    EXPECT_THAT(refusal(folder, out), testing::StartsWith("bad-guard-folder: ")) << name;
    fs::rename(dir.path() / "away", folder / name);
  }
  for (const char* name : {"start/more", "run/nginx.conf", "model", "guard/x"}) {
    const bool made = !fs::exists((folder / name).parent_path());
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << "x";
    EXPECT_THAT(refusal(folder, out), HasSubstr("no place")) << name;
    fs::remove_all(made ? (folder / name).parent_path() : folder / name);
  }
  EXPECT_NE(refusal(dir.path() / "nowhere", out), "");
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(refusal(folder, out), "");
}

TEST_F(GuardImage, ALayoutThatWasTouchedIsRefused) {
  ASSERT_TRUE(write_guard_image(guard_folder(dir.path() / "guard"), out));
  ASSERT_EQ(read_refusal(), "");
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(out))
    if (entry.is_regular_file()) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 5U);
  for (const fs::path& file : files) {
    const std::string text = *read_text_file(file, 1 << 20);
    std::string changed = text;
    changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
    for (const std::string& other : {changed, text + " ", text.substr(1), std::string()}) {
      std::ofstream(file, std::ios::binary) << other;
      // A blank after the index changes nothing of what it says.
      if (file.filename() == "index.json" && other == text + " ") continue;
      EXPECT_THAT(read_refusal(), testing::StartsWith("bad-image-folder: ")) << file;
    }
    fs::remove(file);
    EXPECT_THAT(read_refusal(), testing::StartsWith("bad-image-folder: ")) << file;
    std::ofstream(file, std::ios::binary) << text;
  }
  EXPECT_EQ(read_refusal(), "");
  // Of another kind, or two of them.
  std::string index = *read_text_file(out / "index.json", 4096);
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  std::string other = index;
  other.replace(other.find(type), type.size(), "application/vnd.oci.image.index.v1+json");
  std::string twice = index;
  const auto from = twice.find("[{") + 1;
  twice.insert(from, twice.substr(from, twice.rfind(']') - from) + ",");
  for (const std::string& changed : {other, twice}) {
    std::ofstream(out / "index.json") << changed;
    EXPECT_THAT(read_refusal(), HasSubstr("one manifest alone")) << changed;
  }
  fs::remove_all(out);
  EXPECT_THAT(read_refusal(), testing::StartsWith("no-such-image: "));
}

}  // namespace
}  // namespace mifeng::package
