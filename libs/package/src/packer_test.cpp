#include "mifeng/package/packer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "mifeng/archive/payload.h"
#include "mifeng/archive/tar.h"
#include "mifeng/package/package_file.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/open.h"
#include "test_project.h"

namespace mifeng::package {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The content of one file of a layer that is a plain tar.
struct OneFile final : archive::TarHandler {
  explicit OneFile(std::string path) : wanted(std::move(path)) {}
  Result<void> entry(const archive::TarEntry& entry) override {
    taking = entry.path == wanted;
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    if (taking) append(content, bytes);
    return ok();
  }
  Result<void> end() override { return ok(); }
  std::string wanted;
  bool taking = false;
  Bytes content;
};

Bytes file_of_layer(const PackageFile& package, std::size_t layer, const std::string& path) {
  const Blob& blob = package.blobs()[layer + 1];
  Bytes bytes(blob.size);
  EXPECT_EQ(*package.read_blob(blob, 0, bytes), blob.size);
  OneFile file(path);
  archive::TarReader reader(file);
  EXPECT_TRUE(reader.feed(bytes));
  EXPECT_TRUE(reader.finish());
  return file.content;
}

TEST(Packer, APackageVerifiesAndOpensForItsPlatform) {
  const TestProject project;
  const auto packed = project.pack_it(project.options());
  ASSERT_TRUE(packed) << packed.error().message();
  const auto package = PackageFile::open(project.path("echo.mfpkg"));
  ASSERT_TRUE(package) << package.error().message();
  const auto verified = package->verify(project.vendor.public_key());
  EXPECT_TRUE(verified) << verified.error().message();
  EXPECT_EQ(package->manifest().model.name, "echo");
  EXPECT_EQ(package->config().command, std::vector<std::string>{"/app/model"});
  EXPECT_EQ(package->config().image, "acme/echo@" + package->manifest().image_digest);
  EXPECT_EQ(package->document(Document::kUsage), "# usage\n");
  ASSERT_EQ(package->manifest().layers.size(), 4U);

  // The sealed parts open with the delivery key, under the context of this vendor, model and version only.
  EXPECT_EQ(file_of_layer(*package, 2, "mifeng/payload/header"), package->payload_header());
  Bytes stream = package->payload_header();
  append(stream, file_of_layer(*package, 3, "mifeng/payload/segments"));
  const auto provider = *crypto::Sm4GcmProvider::create();
  sealed::Policy policy;
  policy.kind = sealed::Kind::kPayload;
  policy.signature = sealed::SignatureRule::kRequired;
  policy.signer = project.vendor.public_key();
  const auto plain =
      sealed::open(policy, project.delivery, *sealed::payload_context("acme", "echo", "1.0.0"), stream, *provider);
  ASSERT_TRUE(plain) << plain.error().message();
  EXPECT_EQ(plain->size(), package->manifest().payload_plaintext_size);
  EXPECT_THAT(std::string(as_text(plain->reveal_for_computing())), HasSubstr("echo hello"));
  EXPECT_FALSE(
      sealed::open(policy, project.delivery, *sealed::payload_context("acme", "echo", "1.0.1"), stream, *provider));
}

TEST(Packer, PlainLayersAreTheSameFromTwoFoldersAndCaches) {
  const TestProject first, second;
  const auto a = first.pack_it(first.options());
  const auto b = second.pack_it(second.options());
  ASSERT_TRUE(a && b);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(a->manifest.layers[i], b->manifest.layers[i]);
  EXPECT_NE(a->manifest.layers[3].digest, b->manifest.layers[3].digest);  // sealed under other keys
}

TEST(Packer, NothingIsDoneWhereNothingChanged) {
  const TestProject project;
  ASSERT_TRUE(project.pack_it(project.options()));
  const auto time = fs::last_write_time(project.path("echo.mfpkg"));
  const auto second = project.pack_it(project.options());
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_TRUE(second->was_current);
  EXPECT_EQ(fs::last_write_time(project.path("echo.mfpkg")), time);
  EXPECT_EQ(second->manifest.model.name, "echo");

  project.put("project/src/model", "#!/bin/sh\necho other\n", true);
  const auto third = project.pack_it(project.options());
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->was_current);
  // The base layer came from the cache both times after the first.
  EXPECT_EQ(*read_text_file(project.path("cache/work/base-made"), 100), "made\n");

  auto again = project.options();
  again.again = true;
  EXPECT_FALSE(project.pack_it(again)->was_current);
  project.put("echo.mfpkg", "somebody wrote over it");
  EXPECT_FALSE(project.pack_it(project.options())->was_current);
}

TEST(Packer, SealsForSeveralPlatforms) {
  const TestProject project, other;
  auto options = project.options();
  options.cards.push_back(other.card);
  ASSERT_TRUE(project.pack_it(options));
  const auto package = PackageFile::open(options.output);
  ASSERT_TRUE(package) << package.error().message();
  ASSERT_TRUE(package->verify(project.vendor.public_key()));
  EXPECT_EQ(package->manifest().cards.size(), 2U);
  const auto header = sealed::Header::parse(package->payload_header(), {});
  EXPECT_TRUE(header->recipient_for(other.delivery.public_key().key_id()));
  options.cards.push_back(project.card);
  EXPECT_EQ(project.pack_it(options).error().reason(), "bad-card");
}

TEST(Packer, SaysWhatIsMissing) {
  for (const std::string document : {"design", "usage", "test"}) {
    const TestProject project;
    fs::remove(project.path("project/docs/" + document + ".md"));
    const auto packed = project.pack_it(project.options());
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().reason(), "missing-document");
    EXPECT_THAT(packed.error().message(), HasSubstr("the " + document + " document"));
    project.put("project/docs/" + document + ".md", " \n");
    EXPECT_THAT(project.pack_it(project.options()).error().message(), HasSubstr("is empty"));
    EXPECT_FALSE(fs::exists(project.path("echo.mfpkg")));
  }
  const struct {
    const char* remove;
    const char* reason;
  } cases[] = {{"project/mifeng.yaml", "no-such-file"},
               {"project/deployment.yaml", "missing-file"},
               {"project/src", "missing-file"},
               {"packs/shell", "unknown-language"}};
  for (const auto& one : cases) {
    const TestProject project;
    fs::remove_all(project.path(one.remove));
    const auto packed = project.pack_it(project.options());
    ASSERT_FALSE(packed) << one.remove;
    EXPECT_EQ(packed.error().reason(), one.reason) << packed.error().message();
  }
}

TEST(Packer, RefusesAConfigThatDoesNotFit) {
  const TestProject project;
  project.edit("project/deployment.yaml", "version: \"1.0.0\"", "version: \"2.0.0\"");
  EXPECT_THAT(project.pack_it(project.options()).error().message(), HasSubstr("must be echo 1.0.0"));
  project.edit("project/deployment.yaml", "version: \"2.0.0\"", "version: 1.0");
  EXPECT_THAT(project.pack_it(project.options()).error().message(), HasSubstr("deployment.yaml:5:"));
}

TEST(Packer, ABuildThatFailsIsQuoted) {
  const TestProject project;
  project.put("project/src/broken", "");
  const auto packed = project.pack_it(project.options());
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().reason(), "build-failed");
  EXPECT_THAT(packed.error().message(), HasSubstr("exit status 3"));
  EXPECT_THAT(packed.error().message(), HasSubstr("this line says why"));
  EXPECT_FALSE(fs::exists(project.path("echo.mfpkg")));
  EXPECT_TRUE(fs::is_empty(project.path("cache/work")));
}

// What somebody who waits is told.
struct WaitingListener final : PackListener {
  void step(std::string_view what) override { steps.emplace_back(what); }
  void note(std::string_view) override {}
  void line(std::string_view) override {}
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total) override {
    auto& last = shown[std::string(what)];
    EXPECT_LE(done, total) << what;
    if (last.second == total) {
      EXPECT_GE(done, last.first) << what;
    }
    last = {done, total};
  }
  void waiting(std::chrono::seconds silent) override { waits.push_back(silent.count()); }
  std::vector<std::string> steps;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> shown;
  std::vector<std::int64_t> waits;
};

TEST(Packer, EachStepTellsHowFarItIs) {
  const TestProject project;
  project.edit("packs/shell/build", "echo \"building\" >&2", "echo \"building\" >&2; sleep 2.5");
  SystemRandom random;
  WaitingListener listener;
  ASSERT_TRUE(pack(project.options(), random, listener));
  EXPECT_THAT(listener.steps,
              testing::ElementsAre("building with none", "base layer", "dependencies layer", "checking the layers",
                                   "sealing the payload", testing::StartsWith("writing ")));
  for (const char* what : {"base layer", "dependencies layer", "sealing", "writing"}) {
    ASSERT_TRUE(listener.shown.contains(what)) << what;
    EXPECT_EQ(listener.shown[what].first, listener.shown[what].second) << what;
    EXPECT_GT(listener.shown[what].second, 0U) << what;
  }
  ASSERT_FALSE(listener.waits.empty());
  EXPECT_EQ(listener.waits.front(), 1);
  EXPECT_TRUE(std::is_sorted(listener.waits.begin(), listener.waits.end()));
}

TEST(Packer, WhereNoBaseCanBeMadeItIsSaidBeforeTheBuild) {
  const TestProject project;
  project.put("packs/common/base-image",
              "#!/bin/sh\necho 'base-image: no Debian here; name one with base:' >&2\nexit 1\n", true);
  SystemRandom random;
  WaitingListener listener;
  const auto packed = pack(project.options(), random, listener);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().reason(), "build-failed");
  EXPECT_THAT(packed.error().message(), HasSubstr("no Debian here; name one with base:"));
  EXPECT_TRUE(listener.steps.empty()) << listener.steps.front();
  EXPECT_TRUE(fs::is_empty(project.path("cache/work")));
}

TEST(Packer, ACacheThatCannotBeMadeIsSaid) {
  const TestProject project;
  auto options = project.options();
  options.cache = "/proc/nothing";
  const auto packed = project.pack_it(options);
  ASSERT_FALSE(packed);
  EXPECT_EQ(packed.error().reason(), "no-cache");
  EXPECT_THAT(packed.error().message(), HasSubstr("give another one with --cache"));
}

}  // namespace
}  // namespace mifeng::package
