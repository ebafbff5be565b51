// The files of testdata/: good-* must load, bad-* and loader-* must be refused where and as their first line says.
// tests/package/schema_test.py holds the same files against spec/mifeng.schema.json.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "mifeng/manifest/deployment_config.h"
#include "mifeng/manifest/model_project.h"
#include "mifeng/os/file.h"

namespace mifeng::manifest {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(MIFENG_SOURCE_DIR) / "libs/manifest/testdata";

std::vector<std::filesystem::path> files_with(std::string_view prefix) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder))
    if (entry.path().filename().string().starts_with(prefix)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

// Nothing where it loads.
std::optional<Error> load(const std::string& text, const std::string& name) {
  if (name.find("project") != std::string::npos) {
    auto project = parse_model_project(text, name);
    return project ? std::nullopt : std::optional(project.error());
  }
  auto config = parse_deployment_config(text, name, ConfigKind::kProject);
  return config ? std::nullopt : std::optional(config.error());
}

TEST(TestData, GoodFilesLoadAndComeBackFromTheirOwnYaml) {
  const auto files = files_with("good-");
  ASSERT_GE(files.size(), 8U);
  for (const auto& path : files) {
    const std::string name = path.filename();
    SCOPED_TRACE(name);
    const std::string text = *read_text_file(path, 1 << 20);
    if (name.find("project") != std::string::npos) {
      const auto project = parse_model_project(text, name);
      ASSERT_TRUE(project) << project.error().message();
      const auto again = parse_model_project(to_yaml(*project), "again");
      ASSERT_TRUE(again) << again.error().message() << "\n" << to_yaml(*project);
      EXPECT_EQ(*again, *project);
      continue;
    }
    const auto config = parse_deployment_config(text, name, ConfigKind::kProject);
    ASSERT_TRUE(config) << config.error().message();
    const auto again = parse_deployment_config(to_yaml(*config), "again", ConfigKind::kProject);
    ASSERT_TRUE(again) << again.error().message() << "\n" << to_yaml(*config);
    EXPECT_EQ(*again, *config);
    EXPECT_EQ(to_yaml(*again), to_yaml(*config));
  }
}

TEST(TestData, BadFilesAreRefusedAtTheirPlace) {
  auto files = files_with("bad-");
  const auto more = files_with("loader-");
  files.insert(files.end(), more.begin(), more.end());
  ASSERT_GE(files.size(), 40U);
  for (const auto& path : files) {
    const std::string name = path.filename();
    SCOPED_TRACE(name);
    const std::string text = *read_text_file(path, 1 << 20);
    std::istringstream first(text.substr(0, text.find('\n')));
    std::string hash, expect, where, reason, words;
    first >> hash >> expect >> where >> reason;
    std::getline(first >> std::ws, words);
    ASSERT_EQ(expect, "expect:");
    const auto error = load(text, name);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error->reason(), reason) << error->message();
    EXPECT_THAT(error->message(), testing::StartsWith(name + ":" + where + ": "));
    EXPECT_THAT(error->message(), testing::HasSubstr(words));
  }
}

TEST(TestData, AModelHasNoNetworkUnlessItsConfigSaysSo) {
  const auto network_of = [](const char* name) {
    const auto config = parse_deployment_config(*read_text_file(kFolder / name, 1 << 20), name, ConfigKind::kProject);
    EXPECT_TRUE(config);
    return config ? config->network : Network::kNone;
  };
  EXPECT_EQ(network_of("good-deployment-full.yaml"), Network::kNone);
  EXPECT_EQ(network_of("good-deployment-network.yaml"), Network::kOutgoing);
}

TEST(TestData, APackageNeedsImageAndCommand) {
  const std::string text = *read_text_file(kFolder / "good-deployment-full.yaml", 1 << 20);
  ASSERT_TRUE(parse_deployment_config(text, "config.yaml", ConfigKind::kPackage));
  for (const std::string line : {"  image: ", "  command: "}) {
    std::string without = text;
    const auto at = without.find(line);
    without.erase(at, without.find('\n', at) + 1 - at);
    const auto config = parse_deployment_config(without, "config.yaml", ConfigKind::kPackage);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().reason(), "missing-field");
    EXPECT_TRUE(parse_deployment_config(without, "config.yaml", ConfigKind::kProject));
  }
}

}  // namespace
}  // namespace mifeng::manifest
