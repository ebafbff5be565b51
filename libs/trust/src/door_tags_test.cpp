#include "mifeng/trust/door_tags.h"

#include <gtest/gtest.h>

#include "mifeng/os/file.h"
#include "mifeng/store/grants.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::trust {
namespace {

class Tags : public testing::Test {
 protected:
  Result<std::unique_ptr<DoorTags>> load(std::uint8_t master_byte = 7) {
    SecretBytes master(32);
    for (auto& byte : master.reveal_for_writing()) byte = master_byte;
    MIFENG_TRY(wrapper_, vault::Wrapper::create(std::move(master), vault::WrapForm::kPlatform, *provider_, random_));
    return DoorTags::load_or_create(*db_, *wrapper_, clock_, random_);
  }

  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::unique_ptr<store::Database> db_ =
      store::Database::open({.path = folder_.path() / "mifeng.db", .connections = 2}).value();
  std::unique_ptr<crypto::Sm4GcmProvider> provider_ = crypto::Sm4GcmProvider::create().value();
  std::unique_ptr<vault::Wrapper> wrapper_;
  FakeClock clock_;
  SystemRandom random_;
};

TEST_F(Tags, NameTheClusterOfTheirOwnDeploymentAlone) {
  const auto tags = load().value();
  const std::string tag = tags->make("ward", "digits-a1b2c3");
  EXPECT_EQ(tags->cluster_of(tag, "digits-a1b2c3"), "ward");
  EXPECT_FALSE(tags->cluster_of(tag, "digits-a1b2c4"));
  EXPECT_FALSE(tags->cluster_of(tag, ""));
  EXPECT_FALSE(tags->cluster_of("lab" + tag.substr(4), "digits-a1b2c3")) << "of another cluster";
  EXPECT_NE(tags->make("lab", "digits-a1b2c3").substr(3), tag.substr(4));
}

TEST_F(Tags, AreTheSameAfterARestartAndNeedTheirMasterKey) {
  const std::string tag = load().value()->make("ward", "digits-a1b2c3");
  EXPECT_EQ(load().value()->make("ward", "digits-a1b2c3"), tag);
  const auto other = load(8);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason(), "wrapped-key-does-not-fit");
}

TEST_F(Tags, NothingElsePasses) {
  const auto tags = load().value();
  const std::string tag = tags->make("ward", "digits");
  for (std::size_t i = 0; i < tag.size(); ++i) {
    std::string changed = tag;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(tags->cluster_of(changed, "digits")) << changed;
  }
  for (const std::string& wrong :
       {std::string(), std::string("."), std::string("ward"), std::string("ward."), tag.substr(0, tag.size() - 1),
        tag + "0", tag.substr(5), "." + tag.substr(5), std::string(64, '0'), std::string(200, '.')})
    EXPECT_FALSE(tags->cluster_of(wrong, "digits")) << wrong;
}

// Where the line between the two names stands is part of what the tag is of.
TEST_F(Tags, TwoPairsOfNamesNeverHaveOneTag) {
  const auto tags = load().value();
  EXPECT_NE(tags->make("a", "b-c").substr(2), tags->make("a-b", "c").substr(4));
  EXPECT_FALSE(tags->cluster_of(tags->make("a", "b\nc"), "b\nc"));
  EXPECT_FALSE(tags->cluster_of(tags->make("a\nb", "c"), "c"));
}

}  // namespace
}  // namespace mifeng::trust
