#include "mifeng/manifest/quantity.h"

#include <gtest/gtest.h>

namespace mifeng::manifest {
namespace {

TEST(Quantity, ReadsKubernetesSpellings) {
  const struct {
    const char* text;
    std::int64_t milli;
  } cases[] = {{"500m", 500},
               {"2", 2000},
               {"1.5", 1500},
               {"0", 0},
               {"+3", 3000},
               {".5", 500},
               {"5.", 5000},
               {"1n", 1},
               {"1500u", 2},
               {"4Gi", 4LL * 1024 * 1024 * 1024 * 1000},
               {"1.5Ki", 1536LL * 1000},
               {"1k", 1000LL * 1000},
               {"8M", 8'000'000LL * 1000},
               {"1e3", 1000LL * 1000},
               {"12E-1", 1200},
               {"1Pi", (1LL << 50) * 1000},
               {"9007199254740992", 9'007'199'254'740'992LL * 1000}};
  for (const auto& one : cases) {
    const auto quantity = parse_quantity(one.text);
    ASSERT_TRUE(quantity) << one.text;
    EXPECT_EQ(quantity->milli, one.milli) << one.text;
    EXPECT_EQ(quantity->text, one.text);
  }
  EXPECT_EQ(parse_quantity("1500m")->units(), 2);
}

TEST(Quantity, RefusesTheRest) {
  for (const char* text : {"", "-1", "4GB", "4gi", "1.2.3", "m", ".", "1e", "1e99", "1 Gi", "0x10", "9007199254740993",
                           "1E", "999999999999999999Ei", "1234567890123456789", "NaN", "1Ki ", "１"}) {
    const auto quantity = parse_quantity(text);
    ASSERT_FALSE(quantity) << text;
    EXPECT_EQ(quantity.error().reason(), "bad-quantity");
  }
  EXPECT_FALSE(parse_quantity("1E"));
  EXPECT_FALSE(parse_quantity("1Ei"));
}

}  // namespace
}  // namespace mifeng::manifest
