#include "mifeng/base/bytes.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Hex, GoesBothWays) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x7f, 0xff}), "007fff");
  EXPECT_EQ(*from_hex("007FfF"), (Bytes{0x00, 0x7f, 0xff}));
  EXPECT_TRUE(from_hex("")->empty());
}

TEST(Hex, RefusesWhatIsNotHex) {
  for (const char* text : {"0", "0g", " 00", "0x00"}) EXPECT_EQ(from_hex(text).error().reason(), "bad-hex") << text;
}

// The vectors of RFC 4648 section 10.
TEST(Base64, MatchesTheStandard) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(as_bytes(plain)), encoded);
    EXPECT_EQ(*from_base64(encoded), to_bytes(plain));
  }
}

TEST(Base64, HasOneSpellingPerByteString) {
  for (const char* text : {"Zg", "Zg=", "Zg=a", "Zh==", "Zm9=", "Zm 9v", "====", "Z===", "Zm9v\n", "Zg==Zg=="})
    EXPECT_FALSE(from_base64(text).has_value()) << text;
}

TEST(BigEndian, GoesBothWays) {
  Bytes out;
  append_be<std::uint16_t>(out, 0x0102);
  append_be<std::uint32_t>(out, 0x83040506U);
  EXPECT_EQ(to_hex(out), "010283040506");
  EXPECT_EQ(load_be<std::uint32_t>(ByteView(out).subspan(2)), 0x83040506U);
}

TEST(ConstantTime, ComparesContentAndLength) {
  EXPECT_TRUE(equal_in_constant_time(to_bytes("abc"), to_bytes("abc")));
  EXPECT_FALSE(equal_in_constant_time(to_bytes("abc"), to_bytes("abd")));
  EXPECT_FALSE(equal_in_constant_time(to_bytes("abc"), to_bytes("ab")));
}

}  // namespace
}  // namespace mifeng
