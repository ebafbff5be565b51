#include "mifeng/vault/master_key.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "mifeng/os/file.h"

namespace mifeng::vault {
namespace {

using std::filesystem::perms;

class MasterKey : public testing::Test {
 protected:
  std::string reason_of_loading(const std::filesystem::path& path) {
    const auto key = load_master_key(path, MasterKeyFile::kMustExist, random_);
    return key ? "" : key.error().reason();
  }

  SystemRandom random_;
  TempDir folder_ = TempDir::create(std::filesystem::temp_directory_path()).value();
  std::filesystem::path path_ = folder_.path() / "deep" / "master.key";
};

TEST_F(MasterKey, IsMadeOnceAndOnlyWhereItMayBe) {
  EXPECT_EQ(reason_of_loading(path_), "no-master-key");
  EXPECT_FALSE(std::filesystem::exists(path_));
  const auto made = load_master_key(path_, MasterKeyFile::kCreate, random_);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->size(), kMasterKeySize);
  EXPECT_EQ(std::filesystem::status(path_).permissions(), perms::owner_read | perms::owner_write);
  for (const auto mode : {MasterKeyFile::kCreate, MasterKeyFile::kMustExist}) {
    const auto again = load_master_key(path_, mode, random_);
    ASSERT_TRUE(again);
    EXPECT_TRUE(equal_in_constant_time(made->reveal_for_computing(), again->reveal_for_computing()));
  }
}

TEST_F(MasterKey, MustBePrivate) {
  ASSERT_TRUE(load_master_key(path_, MasterKeyFile::kCreate, random_));
  for (const auto others : {perms::group_read, perms::group_write, perms::others_read, perms::others_write}) {
    std::filesystem::permissions(path_, others, std::filesystem::perm_options::add);
    EXPECT_EQ(reason_of_loading(path_), "master-key-readable");
    std::filesystem::permissions(path_, others, std::filesystem::perm_options::remove);
  }
  EXPECT_EQ(reason_of_loading(path_), "");
}

TEST_F(MasterKey, Is64HexDigitsWithALineEnd) {
  const std::string digits = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
  const auto path = folder_.path() / "given.key";
  for (const std::string& good : {digits, digits + "\n", digits + "\r\n"}) {
    ASSERT_TRUE(write_file_atomic(path, as_bytes(good), 0600));
    const auto key = load_master_key(path, MasterKeyFile::kMustExist, random_);
    ASSERT_TRUE(key) << key.error().message();
    EXPECT_EQ(key->reveal_for_computing()[31], 0x1f);
  }
  for (const std::string& bad : {std::string(), std::string("abc"), std::string("zz"), digits.substr(2), digits + "00",
                                 " " + digits, digits + " ", "g" + digits.substr(1)}) {
    ASSERT_TRUE(write_file_atomic(path, as_bytes(bad), 0600));
    EXPECT_EQ(reason_of_loading(path), "bad-master-key") << bad;
  }
}

TEST_F(MasterKey, FromAVariableIsGoneFromIt) {
  ASSERT_EQ(::setenv("MIFENG_TEST_KEY", std::string(64, 'a').c_str(), 1), 0);
  const char* const stood = std::getenv("MIFENG_TEST_KEY");
  const auto key = take_master_key_from_environment("MIFENG_TEST_KEY");
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_EQ(key->reveal_for_computing()[0], 0xaa);
  EXPECT_EQ(std::string(stood, 64), std::string(64, '\0'));
  EXPECT_EQ(take_master_key_from_environment("MIFENG_TEST_KEY").error().reason(), "no-master-key");
}

TEST_F(MasterKey, FromAPassphraseNeedsItsSaltAndAPassphraseOfSomeLength) {
  const auto salt = folder_.path() / "salt";
  const SecretBytes passphrase(as_bytes("correct horse battery"));
  EXPECT_EQ(master_key_from_passphrase(SecretBytes(as_bytes("elevenbytes")), salt, random_).error().reason(),
            "short-passphrase");
  EXPECT_FALSE(std::filesystem::exists(salt));
  const auto key = master_key_from_passphrase(passphrase, salt, random_).value();
  const auto again = master_key_from_passphrase(passphrase, salt, random_).value();
  EXPECT_TRUE(equal_in_constant_time(key.reveal_for_computing(), again.reveal_for_computing()));
  ASSERT_TRUE(write_file_atomic(salt, as_bytes("short"), 0600));
  EXPECT_EQ(master_key_from_passphrase(passphrase, salt, random_).error().reason(), "bad-salt");
}

}  // namespace
}  // namespace mifeng::vault
