#include "mifeng/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace mifeng {
namespace {

// Hands out 0, 1, 2, ...
class Counting final : public Random {
 public:
  void fill(MutableBytes out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

TEST(RandomTest, HexSpellsTheBytesInTheirOrder) {
  Counting random;
  EXPECT_EQ(random.hex(0), "");
  EXPECT_EQ(random.hex(16), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(random.hex(1), "10");
}

// 16 bytes a draw, past many refills, and draws that do not divide the buffer.
TEST(BufferedRandomTest, NeverHandsOutTheSameTwice) {
  BufferedRandom random;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(random.hex(16)).second);
    EXPECT_TRUE(seen.insert(random.hex(21)).second);
  }
}

TEST(BufferedRandomTest, FillsWhatIsLargerThanItsBuffer) {
  BufferedRandom random;
  Bytes large(5000);
  random.fill(large);
  // No 16 bytes of it stayed as they were.
  for (std::size_t at = 0; at + 16 <= large.size(); at += 16)
    EXPECT_FALSE(std::all_of(large.begin() + static_cast<std::ptrdiff_t>(at),
                             large.begin() + static_cast<std::ptrdiff_t>(at) + 16, [](auto b) { return b == 0; }));
}

}  // namespace
}  // namespace mifeng
