#include "mifeng/gateway/state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "mifeng/json/value.h"
#include "test_platform.h"

namespace mifeng::gateway {
namespace {

using test::reason_of;

struct State : testing::Test {
  test::Platform platform;
  TempDir dir = TempDir::create("/tmp", "mifeng-state-").value();

  Result<StateFolder> open() {
    return StateFolder::open(dir.path() / "state", dir.path() / "master.key", platform.tools);
  }
};

TEST_F(State, KeepsTheKeysOverARestart) {
  std::optional<crypto::Sm2PublicKey> receive, sign;
  {
    auto folder = open();
    ASSERT_TRUE(folder.has_value()) << folder.error().message();
    EXPECT_FALSE(folder->load()->has_value());
    auto member = folder->begin_enrolment(platform.join(), "0.1.0");
    ASSERT_TRUE(member.has_value()) << member.error().message();
    receive = member->receive.public_key();
    sign = member->sign.public_key();
    ASSERT_TRUE(folder->finish_enrolment(*member));
  }
  auto folder = open();
  ASSERT_TRUE(folder.has_value());
  const auto member = folder->load();
  ASSERT_TRUE(member.has_value()) << member.error().message();
  ASSERT_TRUE(member->has_value());
  EXPECT_EQ((*member)->receive.public_key(), *receive);
  EXPECT_EQ((*member)->sign.public_key(), *sign);
  EXPECT_FALSE((*member)->pending.has_value());
  struct stat status {};
  for (const char* file : {"state/gateway.json", "master.key", "state/lock"}) {
    ASSERT_EQ(::stat((dir.path() / file).c_str(), &status), 0) << file;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(State, SendsTheSameEnrolmentAgain) {
  Bytes first;
  const messages::JoinFile join = platform.join();
  {
    auto folder = open().value();
    first = folder.begin_enrolment(join, "0.1.0")->pending->stream;
    EXPECT_EQ(folder.begin_enrolment(join, "0.1.0")->pending->stream, first);
  }
  auto folder = open().value();
  EXPECT_EQ(folder.load()->value().pending->stream, first);
  // Another code is another enrolment.
  EXPECT_NE(folder.begin_enrolment(platform.join("another"), "0.1.0")->pending->stream, first);
}

TEST_F(State, StoresNeitherKeysNorCodeInClear) {
  auto folder = open().value();
  const auto member = folder.begin_enrolment(platform.join("SECRET-CODE"), "0.1.0").value();
  std::string all;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    all += read_text_file(entry.path(), 1 << 20).value();
  const auto holds = [&](std::string_view what) { return all.find(what) != std::string::npos; };
  EXPECT_FALSE(holds("SECRET-CODE"));
  for (const auto* key : {&member.receive, &member.sign}) {
    const ByteView scalar = key->scalar().reveal_for_computing();
    EXPECT_FALSE(holds(to_base64(scalar)));
    EXPECT_FALSE(holds(to_hex(scalar)));
    EXPECT_FALSE(holds(as_text(scalar)));
  }
}

TEST_F(State, AWrappedKeyCannotBePutInAnothersPlace) {
  const auto wrapper_of = [&](std::uint8_t byte) {
    return vault::Wrapper::create(SecretBytes(Bytes(32, byte)), vault::WrapForm::kGateway, *platform.provider,
                                  platform.random)
        .value();
  };
  const auto wrapper = wrapper_of(7);
  auto folder = open().value();
  const auto member = folder.begin_enrolment(platform.join(), "0.1.0").value();
  const Bytes good = encode_membership(member, *wrapper);
  EXPECT_EQ(reason_of(decode_membership(good, *wrapper)), "ok");
  EXPECT_EQ(reason_of(decode_membership(good, *wrapper_of(8))), "wrapped-key-does-not-fit");

  json::Object object = json::parse_object(as_text(good)).value();
  const json::Value receive = *object.find("receive");
  const json::Value sign = *object.find("sign");
  object.set("receive", sign);
  object.set("sign", receive);
  EXPECT_EQ(reason_of(decode_membership(as_bytes(json::serialize(object)), *wrapper)), "wrapped-key-does-not-fit");
  object = json::parse_object(as_text(good)).value();
  json::Object mixed = *receive.if_object();
  mixed.set("wrapped", *sign.if_object()->find("wrapped"));
  object.set("receive", mixed);
  EXPECT_EQ(reason_of(decode_membership(as_bytes(json::serialize(object)), *wrapper)), "wrapped-key-does-not-fit");
}

TEST_F(State, IsUsedByOneGatewayAtATime) {
  auto folder = open();
  ASSERT_TRUE(folder.has_value());
  EXPECT_EQ(reason_of(open()), "state-in-use");
}

TEST_F(State, DoesNotMakeAnotherMasterKeyForStoredKeys) {
  {
    auto folder = open().value();
    ASSERT_TRUE(folder.begin_enrolment(platform.join(), "0.1.0"));
  }
  std::filesystem::rename(dir.path() / "master.key", dir.path() / "lost");
  EXPECT_EQ(reason_of(open()), "no-master-key");
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "master.key"));
}

TEST_F(State, RefusesAMasterKeyThatOthersCanReadOrThatIsNone) {
  const auto path = dir.path() / "master.key";
  ASSERT_TRUE(open());
  for (const auto others : {std::filesystem::perms::group_read, std::filesystem::perms::others_read}) {
    std::filesystem::permissions(path, others, std::filesystem::perm_options::add);
    EXPECT_EQ(reason_of(open()), "master-key-readable");
    std::filesystem::permissions(path, others, std::filesystem::perm_options::remove);
  }
  EXPECT_TRUE(open());
  ASSERT_TRUE(write_file_atomic(path, as_bytes("0011"), 0600));
  EXPECT_EQ(reason_of(open()), "bad-master-key");
}

}  // namespace
}  // namespace mifeng::gateway
