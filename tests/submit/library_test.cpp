// What a submit leaves in the libraries of configs and images, and what goes from them again.
#include <thread>

#include "mifeng/crypto/sm3.h"
#include "mifeng/deployments/guard_image.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"
#include "mifeng/package/guard_image.h"
#include "mifeng/store/deployments.h"
#include "submit_fixture.h"

namespace mifeng::submit {
namespace {

class Library : public Submit {
 protected:
  void SetUp() override {
    Submit::SetUp();
    add_vendor("acme", *vendor_key_);
  }
  void TearDown() override { platform_->reconciler().stop(); }

  std::string in_registry(const std::string& address) {
    ChildOptions inspect;
    inspect.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + address};
    const auto raw = run_command(inspect, std::chrono::seconds(60));
    EXPECT_TRUE(raw);
    return raw && raw->exit.success() ? "there" : raw->output;
  }
  // The whole image with every layer, as an engine would fetch it.
  bool can_be_pulled(const std::string& address) {
    ChildOptions copy;
    const auto to = work_->path() / ("copy-" + std::to_string(++made_));
    copy.argv = {"skopeo",
                 "copy",
                 "--quiet",
                 "--insecure-policy",
                 "--src-tls-verify=false",
                 "docker://" + address,
                 "dir:" + to.string()};
    const auto done = run_command(copy, std::chrono::seconds(60));
    return done && done->exit.success();
  }
  std::filesystem::path blob(const std::string& digest) {
    const std::string hex = digest.substr(digest.find(':') + 1);
    return place_->path() / "registry/data/docker/registry/v2/blobs/sha256" / hex.substr(0, 2) / hex / "data";
  }
  std::vector<store::ImageRow> images() {
    return db().read([](store::Transaction& tx) { return store::all<store::ImageRow>(tx); }).value();
  }
};

TEST_F(Library, ImagesOfRemovedVersionsGoAndSharedLayersStay) {
  const auto first_parts = parts({.payload = "first"}, *vendor_key_);
  const auto second_parts = parts({.version = "2.0.0", .payload = "second"}, *vendor_key_);
  const auto first = submit(ann_, file_of(first_parts, *vendor_key_)).value().version;
  const auto second = submit(ann_, file_of(second_parts, *vendor_key_)).value().version;
  // The base is the same layer in both, the payload another.
  const std::string shared = first_parts.manifest.layers.front().digest;
  ASSERT_EQ(shared, second_parts.manifest.layers.front().digest);
  const std::string own = first_parts.manifest.layers.back().digest;
  ASSERT_NE(own, second_parts.manifest.layers.back().digest);

  platform_->reconciler().start();
  ASSERT_EQ(engine_.wait_for_prunings(1), 1);
  EXPECT_EQ(engine_.kept_images.size(), 3u) << "two versions, and the guards' image";
  EXPECT_EQ(in_registry(first.image_address), "there");
  ASSERT_TRUE(platform_->models().refuse(operator_, first.id, "no"));
  ASSERT_TRUE(platform_->models().accept(operator_, second.id));
  ASSERT_TRUE(platform_->models().remove(operator_, first.id));
  EXPECT_EQ(platform_->models().images(admin_, "", {})->total, 1) << "out of the library at once";
  ASSERT_EQ(engine_.wait_for_prunings(2), 2);
  platform_->reconciler().stop();
  ASSERT_EQ(engine_.kept_images.size(), 2u);
  EXPECT_NE(engine_.kept_images[0].find("/mifeng/guard@sha256:"), std::string::npos);
  EXPECT_EQ(engine_.kept_images[1], second.image_address);
  EXPECT_NE(in_registry(first.image_address).find("manifest unknown"), std::string::npos);
  ASSERT_EQ(images().size(), 1u);
  EXPECT_EQ(images()[0].address, second.image_address);

  // The registry gives the room back at its next start.
  ASSERT_TRUE(std::filesystem::exists(blob(own)));
  stop_registry();
  start_registry();
  EXPECT_FALSE(std::filesystem::exists(blob(own)));
  EXPECT_TRUE(std::filesystem::exists(blob(shared)));
  EXPECT_TRUE(can_be_pulled(second.image_address));
  // The removed version may come again, whole.
  const auto again = submit(ann_, file_of(first_parts, *vendor_key_));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(can_be_pulled(again->version.image_address));
}

TEST_F(Library, WhatASubmitLeavesHalfWayIsFoundAndARegistryThatIsAwayIsAskedAgain) {
  const std::string file = package_file();
  const auto model = submit(ann_, file).value().version;
  // As if the process had been killed between the image and the version.
  ASSERT_TRUE(db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::erase_documents(tx, model.id));
    MIFENG_CHECK(store::erase<store::ModelRow>(tx, model.id));
    return ok();
  }));
  stop_registry();
  platform_->reconciler().start();
  // Nothing is lost from the library while the registry cannot be told. The next package is welcome meanwhile.
  auto& submits = platform_->submits();
  const auto upload = submits.begin(ann_, static_cast<std::int64_t>(file.size())).value();
  ASSERT_TRUE(submits.append(ann_, upload.id, 0, as_bytes(file)));
  EXPECT_EQ(submits.finish(ann_, upload.id).error().reason(), "registry-unavailable");
  platform_->reconciler().stop();
  ASSERT_EQ(images().size(), 1u);
  EXPECT_EQ(engine_.prunings, 0);
  start_registry();
  reopen();
  platform_->reconciler().start();
  ASSERT_EQ(engine_.wait_for_prunings(1), 1);
  platform_->reconciler().stop();
  EXPECT_TRUE(images().empty());
  EXPECT_NE(in_registry(model.image_address), "there");
}

TEST_F(Library, TheGuardsImageIsPushedOnceAndAgainWhereAnEngineMissesIt) {
  const auto folder = work_->path() / "guard";
  for (const char* name : {"bin/mifeng-guard", "sbin/nginx", "start/mifeng-start"}) {
    std::filesystem::create_directories((folder / name).parent_path());
    ASSERT_TRUE(write_file_atomic(folder / name, as_bytes("x"), 0755));
  }
  const auto layout = work_->path() / "image";
  const std::string digest = package::write_guard_image(folder, layout).value();
  const deployments::GuardImageOptions options{
      .layout = layout, .digest = digest, .registry = registry_name_, .registry_access = {}};
  deployments::GuardImage image(options);
  EXPECT_EQ(image.address(), registry_name_ + "/mifeng/guard@" + digest);
  ASSERT_NE(in_registry(image.address()), "there");
  ASSERT_TRUE(image.ensure());
  EXPECT_EQ(in_registry(image.address()), "there");
  EXPECT_TRUE(can_be_pulled(image.address()));

  ChildOptions remove;
  remove.argv = {"skopeo", "delete", "--tls-verify=false", "docker://" + image.address()};
  ASSERT_TRUE(run_command(remove, std::chrono::seconds(60))->exit.success());
  ASSERT_NE(in_registry(image.address()), "there");
  ASSERT_TRUE(image.ensure());
  EXPECT_NE(in_registry(image.address()), "there") << "it was pushed once, and nobody has missed it";
  image.missing();
  for (int i = 0; i < 300 && in_registry(image.address()) != "there"; ++i) {
    ASSERT_TRUE(image.ensure());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(in_registry(image.address()), "there");

  deployments::GuardImage other(options);
  stop_registry();
  EXPECT_EQ(other.ensure().error().reason(), "registry-unavailable");
  EXPECT_TRUE(other.ensure()) << "said once, and not asked for again at once";
  start_registry();
}

TEST_F(Library, DocumentsAndConfigAreUtf8) {
  const char* names[] = {"design", "usage", "test"};
  for (std::size_t i = 0; i < 3; ++i) {
    for (const std::string& bad : {std::string("# One\n\ncaf\xE9\n"), std::string("# One\n\nx\xED\xA0\x80"),
                                   std::string("# One\n\ncut off \xE6\xA8"), std::string("# One\n\n\0", 8)}) {
      auto made = parts({}, *vendor_key_);
      made.documents[i] = bad;
      refresh(made);
      const auto done = submit(ann_, file_of(made, *vendor_key_));
      ASSERT_FALSE(done);
      EXPECT_EQ(done.error().reason(), "bad-document");
      EXPECT_NE(done.error().message().find(std::string("The ") + names[i] + " document is not UTF-8 text: line 3"),
                std::string::npos)
          << done.error().message();
    }
  }
  auto made = parts({}, *vendor_key_);
  made.config_yaml += "# caf\xE9\n";
  made.manifest.config = {.sm3 = to_hex(crypto::sm3(as_bytes(made.config_yaml))), .size = made.config_yaml.size()};
  const auto done = submit(ann_, file_of(made, *vendor_key_));
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("config.yaml"), std::string::npos) << done.error().message();
  EXPECT_NE(done.error().message().find("UTF-8"), std::string::npos) << done.error().message();
  EXPECT_EQ(stored(), 0);
  made = parts({.usage = "# 用法\n\nQu'il appelle /predict, voilà 𝛑.\n"}, *vendor_key_);
  EXPECT_TRUE(submit(ann_, file_of(made, *vendor_key_)));
}

TEST_F(Library, APackageForAFormerCardIsTakenAndDeployed) {
  const auto former = card();
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kDelivery));
  const auto between = card();
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kIdentity));
  int number = 0;
  for (const auto* made_for : {&former, &between}) {
    const std::string version = std::to_string(++number) + ".0.0";
    const auto done = submit(ann_, file_of(parts({.version = version}, *vendor_key_, *made_for), *vendor_key_));
    ASSERT_TRUE(done) << done.error().message();
    ASSERT_TRUE(platform_->models().accept(operator_, done->version.id));
    const std::string id = add_deployment("d" + std::to_string(number), done->version.id);
    const auto deployment = platform_->deployments().get(operator_, id).value();
    EXPECT_EQ(deployment.grade, deployments::Grade::kL1) << "its payload is sealed";
  }
  // With the former delivery key and an identity key that never stood on a card with it.
  auto mixed = parts({.version = "3.0.0"}, *vendor_key_, former);
  mixed.manifest.cards[0].identity_key_id = "0011223344556677";
  refresh(mixed);
  EXPECT_EQ(refusal(ann_, file_of(mixed, *vendor_key_)), "payload-not-verified");
}

TEST_F(Library, APayloadThatIsNotSealedIsNotTaken) {
  auto plain = parts({}, *vendor_key_);
  plain.payload_header = to_bytes("the payload in clear, where its sealed header ought to be");
  refresh(plain);
  EXPECT_EQ(refusal(ann_, file_of(plain, *vendor_key_)), "bad-package");
  EXPECT_EQ(stored(), 0);
}

}  // namespace
}  // namespace mifeng::submit
