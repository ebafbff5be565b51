// Every part of a package changed, left out, added or moved: each is refused.
#include "mifeng/package/package_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "mifeng/archive/tar.h"
#include "mifeng/crypto/statement.h"
#include "test_project.h"

namespace mifeng::package {
namespace {

using testing::HasSubstr;

struct Part {
  std::string path;
  std::string content;
};

struct Parts final : archive::TarHandler {
  Result<void> entry(const archive::TarEntry& entry) override {
    parts.push_back({entry.path, ""});
    return ok();
  }
  Result<void> data(ByteView bytes) override {
    parts.back().content.append(as_text(bytes));
    return ok();
  }
  Result<void> end() override { return ok(); }
  std::vector<Part> parts;
};

// One package for all tests of this file; each changes a copy of its parts.
class PackageFileTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    project = new TestProject;
    ASSERT_TRUE(project->pack_it(project->options()));
    Parts reader_parts;
    archive::TarReader reader(reader_parts);
    ASSERT_TRUE(reader.feed(*read_file(project->path("echo.mfpkg"), 64 << 20)));
    ASSERT_TRUE(reader.finish());
    original = std::move(reader_parts.parts);
  }
  static void TearDownTestSuite() {
    delete project;
    original.clear();
  }

  // The verdict over a package of these parts: empty where it verifies, else "reason: message".
  static std::string verdict(const std::vector<Part>& parts, bool sign_again = false) {
    std::vector<Part> written = parts;
    if (sign_again)
      written[1].content =
          as_text(*crypto::sign_statement(project->vendor, kPackagePurpose, as_bytes(written[0].content)));
    const auto path = project->path("changed.mfpkg");
    std::ofstream out(path, std::ios::binary);
    archive::TarWriter tar([&](ByteView bytes) {
      out << as_text(bytes);
      return ok();
    });
    for (const Part& part : written) EXPECT_TRUE(tar.add_file(part.path, as_bytes(part.content)));
    EXPECT_TRUE(tar.finish());
    out.close();
    const auto package = PackageFile::open(path);
    if (!package) return package.error().reason() + ": " + package.error().message();
    const auto verified = package->verify(project->vendor.public_key());
    if (!verified) return verified.error().reason() + ": " + verified.error().message();
    return "";
  }

  static TestProject* project;
  static std::vector<Part> original;
};
TestProject* PackageFileTest::project = nullptr;
std::vector<Part> PackageFileTest::original;

TEST_F(PackageFileTest, TheOriginalVerifies) {
  EXPECT_EQ(verdict(original), "");
  EXPECT_EQ(original.size(), 15U);
}

TEST_F(PackageFileTest, AnyPartWithOneOtherBitIsRefused) {
  for (std::size_t i = 0; i < original.size(); ++i) {
    for (const std::size_t where : {std::size_t{0}, original[i].content.size() / 2, original[i].content.size() - 1}) {
      auto parts = original;
      parts[i].content[where] = static_cast<char>(parts[i].content[where] ^ 1);
      EXPECT_NE(verdict(parts), "") << original[i].path << " at " << where;
    }
  }
}

TEST_F(PackageFileTest, AnyPartMissingTwiceOrLongerIsRefused) {
  for (std::size_t i = 0; i < original.size(); ++i) {
    auto parts = original;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_NE(verdict(parts), "") << original[i].path;
    parts = original;
    parts[i].content += "x";
    EXPECT_NE(verdict(parts), "") << original[i].path;
  }
  auto parts = original;
  parts.push_back({"more", "x"});
  EXPECT_THAT(verdict(parts), HasSubstr("does not belong"));
}

TEST_F(PackageFileTest, AMissingDocumentIsNamed) {
  for (std::size_t i = 3; i < 6; ++i) {
    auto parts = original;
    const std::string path = parts[i].path;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_THAT(verdict(parts), testing::StartsWith("missing-document: "));
    EXPECT_THAT(verdict(parts), HasSubstr(path));
    parts.resize(i);  // and where the package ends there
    EXPECT_THAT(verdict(parts), HasSubstr(path));
  }
}

TEST_F(PackageFileTest, AnotherVendorsSignatureIsRefused) {
  const TestProject other;
  const auto package = PackageFile::open(project->path("echo.mfpkg"));
  EXPECT_EQ(package->verify(other.vendor.public_key()).error().reason(), "bad-signature");
}

// Anyone who holds the vendor's key can sign any manifest; its digests must fit all the same.
TEST_F(PackageFileTest, ASignedManifestThatDoesNotFitIsRefused) {
  const auto edited = [&](const std::string& from, const std::string& to) {
    auto parts = original;
    const auto at = parts[0].content.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    parts[0].content.replace(at, from.size(), to);
    return verdict(parts, true);
  };
  EXPECT_EQ(verdict(original, true), "");
  EXPECT_THAT(edited("\"version\": \"1.0.0\"", "\"version\": \"1.0.1\""), HasSubstr("bad-package"));
  EXPECT_THAT(edited("\"name\": \"echo\"", "\"name\": \"ecko\""), HasSubstr("bad-package"));
  EXPECT_THAT(edited("\"id\": \"acme\"", "\"id\": \"acne\""), HasSubstr("bad-package"));
  const std::string delivery = to_hex(project->delivery.public_key().key_id());
  EXPECT_THAT(edited("\"delivery_key_id\": \"" + delivery, "\"delivery_key_id\": \"" + std::string(16, '0')),
              HasSubstr("sealed for"));
  EXPECT_THAT(edited("mifeng-package/2", "mifeng-package/3"), HasSubstr("format"));
  EXPECT_THAT(edited("mifeng-package/2", "mifeng-package/1"), HasSubstr("packed by an earlier version"));
  EXPECT_THAT(edited("\"role\": \"dependencies\"", "\"role\": \"guard\""), HasSubstr("role"));
  EXPECT_THAT(edited("\"role\": \"dependencies\"", "\"role\": \"payload-header\""), HasSubstr("bad-package"));
  EXPECT_THAT(edited("\"role\": \"payload-header\"", "\"role\": \"base\""), HasSubstr("wrong order"));
  EXPECT_THAT(edited("\"role\": \"base\"", "\"role\": \"dependencies\""), HasSubstr("a base layer"));
  EXPECT_THAT(edited("\"created_by\"", "\"guard_version\": \"1\", \"created_by\""), HasSubstr("guard_version"));
  EXPECT_THAT(edited("\"created_by\"", "\"surprise\": 1, \"created_by\""), HasSubstr("surprise"));
  EXPECT_THAT(edited("\"plaintext_size\": ", "\"plaintext_size\": 1"), HasSubstr("bad-package"));
}

TEST_F(PackageFileTest, CutAnywhereIsRefused) {
  const Bytes whole = *read_file(project->path("echo.mfpkg"), 64 << 20);
  for (std::size_t size = 0; size < whole.size(); size += 700) {
    const auto path = project->path("cut.mfpkg");
    std::ofstream(path, std::ios::binary) << as_text(ByteView(whole).first(size));
    EXPECT_FALSE(PackageFile::open(path)) << size;
  }
  EXPECT_FALSE(PackageFile::open(project->path("nowhere")));
  EXPECT_FALSE(PackageFile::open(project->path("packs")));
}

TEST_F(PackageFileTest, LimitsHold) {
  PackageLimits limits;
  limits.file_size = 1000;
  EXPECT_EQ(PackageFile::open(project->path("echo.mfpkg"), limits).error().reason(), "package-too-large");
  limits = {};
  limits.document_size = 3;
  EXPECT_THAT(PackageFile::open(project->path("echo.mfpkg"), limits).error().message(), HasSubstr("larger than 3"));
}

}  // namespace
}  // namespace mifeng::package
