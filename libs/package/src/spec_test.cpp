// The worked example of spec/package.md.
#include <gtest/gtest.h>

#include "mifeng/json/value.h"
#include "mifeng/os/file.h"
#include "mifeng/package/package_manifest.h"

namespace mifeng::package {
namespace {

TEST(PackageSpec, TheManifestOfThePageComesBackTheSame) {
  const std::string text = *read_text_file(std::string(MIFENG_SOURCE_DIR) + "/spec/package.md", 1 << 20);
  const std::string begin = "```json package-manifest\n";
  const auto from = text.find(begin);
  ASSERT_NE(from, std::string::npos);
  const std::string example = text.substr(from + begin.size(), text.find("\n```", from) - from - begin.size());
  const auto manifest = parse_package_manifest(example);
  ASSERT_TRUE(manifest) << manifest.error().message();
  EXPECT_EQ(manifest->layers.size(), 4U);
  EXPECT_EQ(*json::parse(serialize(*manifest)), *json::parse(example));
}

}  // namespace
}  // namespace mifeng::package
