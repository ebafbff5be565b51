#include "mifeng/crypto/fingerprint.h"

#include <gtest/gtest.h>

#include <array>

#include "mifeng/crypto/sm2.h"

namespace mifeng::crypto {
namespace {

TEST(Fingerprint, IsUpperCaseInGroupsOfFour) {
  EXPECT_EQ(in_groups({}), "");
  EXPECT_EQ(in_groups(Bytes{0x0a}), "0A");
  EXPECT_EQ(in_groups(Bytes{0xc6, 0x0c}), "C60C");
  EXPECT_EQ(in_groups(Bytes{0xc6, 0x0c, 0x93, 0x63, 0xc5}), "C60C 9363 C5");
}

TEST(Fingerprint, OfAKeyBeginsWithItsId) {
  const auto key = Sm2PrivateKey::generate();
  ASSERT_TRUE(key);
  EXPECT_EQ(key->public_key().fingerprint().size(), 16U * 4 + 15);
  EXPECT_EQ(key->public_key().fingerprint().substr(0, 4 * 4 + 3), in_groups(key->public_key().key_id()));
}

TEST(Fingerprint, HoweverItWasTyped) {
  for (const char* typed : {"C60C 9363", "c60c9363", "C6:0C:93:63", "C60C-9363\n", " \tc60C 93 63 "})
    EXPECT_EQ(bare_fingerprint(typed), "c60c9363") << typed;
  EXPECT_NE(bare_fingerprint("C60C 9364"), bare_fingerprint("C60C 9363"));
  EXPECT_EQ(bare_fingerprint(""), "");
}

}  // namespace
}  // namespace mifeng::crypto
