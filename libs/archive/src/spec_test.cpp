// The worked example of spec/payload.md.
#include <gmock/gmock.h>

#include <fstream>

#include "mifeng/archive/payload.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/os/file.h"

namespace mifeng::archive {
namespace {

std::string spec_text() { return *read_text_file(std::string(MIFENG_SOURCE_DIR) + "/spec/payload.md", 1 << 20); }

// What stands between ```WORDS and ``` in the page.
std::string fenced(const std::string& words) {
  const std::string text = spec_text();
  const std::string begin = "```" + words + "\n";
  const auto from = text.find(begin);
  EXPECT_NE(from, std::string::npos) << words;
  return text.substr(from + begin.size(), text.find("\n```", from) - from - begin.size());
}

TEST(PayloadSpec, TheManifestOfThePageIsAccepted) {
  const auto manifest = parse_payload_manifest(fenced("json payload-manifest"));
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->files.size(), 2U);
  EXPECT_TRUE(manifest->files[1].executable);
}

TEST(PayloadSpec, TheWorkedExampleHasThisDigest) {
  const auto folder = TempDir::create("/tmp");
  std::ofstream(folder->path() / "model") << "hello";
  std::filesystem::permissions(folder->path() / "model", std::filesystem::perms(0755));
  const auto manifest = scan_payload(folder->path());
  ASSERT_TRUE(manifest);
  Bytes archive;
  ASSERT_TRUE(write_payload(folder->path(), *manifest, [&](ByteView bytes) {
    append(archive, bytes);
    return ok();
  }));
  const std::string text = serialize_payload_manifest(*manifest);
  EXPECT_THAT(spec_text(), testing::HasSubstr("`" + text.substr(0, text.size() - 1) + "`"));
  EXPECT_THAT(spec_text(), testing::HasSubstr("(" + std::to_string(text.size()) + " bytes)"));
  EXPECT_EQ(archive.size(), 3072U);
  EXPECT_EQ(fenced("text payload-example-sm3"), to_hex(crypto::sm3(archive)));
}

}  // namespace
}  // namespace mifeng::archive
