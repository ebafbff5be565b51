// A platform with a real registry, and packages for it.
#pragma once

#include "mifeng/package_fixture/test_package.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/stack/backends.h"

namespace mifeng::submit {

using package::PackageSpec;

class Submit : public platform_fixture::PlatformTest {
 protected:
  static void SetUpTestSuite() {
    place_ = new TempDir(TempDir::create(std::filesystem::temp_directory_path()).value());
    const auto port = stack::pick_loopback_port(0);
    ASSERT_TRUE(port);
    registry_port_ = *port;
    registry_name_ = "127.0.0.1:" + std::to_string(registry_port_);
    std::filesystem::create_directories(place_->path() / "logs");
    start_registry();
  }
  static void TearDownTestSuite() {
    stop_registry();
    delete place_;
  }
  static void start_registry() {
    auto registry = stack::start_registry({.folder = place_->path() / "registry",
                                           .log = place_->path() / "logs" / "registry.log",
                                           .port = registry_port_});
    ASSERT_TRUE(registry) << registry.error().message();
    registry_ = registry->release();
  }
  static void stop_registry() {
    delete registry_;
    registry_ = nullptr;
  }
  void SetUp() override {
    PlatformTest::SetUp();
    options_.registry = registry_name_;
    reopen();
    work_.emplace(TempDir::create(std::filesystem::temp_directory_path()).value());
    ann_ = actor_with(trust::Role::kVendor, "acme");
  }

  package::PackageParts parts(const PackageSpec& spec, const crypto::Sm2PrivateKey& signer) {
    return parts(spec, signer, card());
  }
  package::PackageParts parts(const PackageSpec& spec, const crypto::Sm2PrivateKey& signer,
                              const messages::PlatformCard& card) {
    const auto folder = work_->path() / std::to_string(++made_);
    std::filesystem::create_directories(folder);
    auto made = package::package_parts(spec, card, signer, folder, random_);
    EXPECT_TRUE(made) << made.error().message();
    return std::move(*made);
  }
  std::string file_of(const package::PackageParts& parts, const crypto::Sm2PrivateKey& signer) {
    const auto path = work_->path() / (std::to_string(++made_) + ".mfpkg");
    auto written = write_parts(parts, signer, path);
    EXPECT_TRUE(written) << written.error().message();
    return read_text_file(path, 64 << 20).value();
  }
  std::string package_file(const PackageSpec& spec = {}) { return file_of(parts(spec, *vendor_key_), *vendor_key_); }

  Result<models::Submitted> submit(const trust::Actor& actor, const std::string& file) {
    auto& submits = platform_->submits();
    MIFENG_TRY(const auto upload, submits.begin(actor, static_cast<std::int64_t>(file.size())));
    constexpr std::size_t kPiece = 10'000;
    for (std::size_t at = 0; at < file.size(); at += kPiece)
      MIFENG_CHECK(submits.append(actor, upload.id, static_cast<std::int64_t>(at),
                                  as_bytes(std::string_view(file).substr(at, kPiece))));
    return submits.finish(actor, upload.id);
  }
  std::string refusal(const trust::Actor& actor, const std::string& file) {
    const auto done = submit(actor, file);
    return done ? "stored" : done.error().reason();
  }
  std::int64_t stored() { return platform_->models().search(admin_, {}, {})->total; }

  static inline TempDir* place_ = nullptr;
  static inline std::uint16_t registry_port_ = 0;
  static inline std::string registry_name_;
  static inline stack::Service* registry_ = nullptr;
  std::optional<TempDir> work_;
  trust::Actor ann_;
  int made_ = 0;
};

}  // namespace mifeng::submit
