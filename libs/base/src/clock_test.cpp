#include "mifeng/base/clock.h"

#include <gtest/gtest.h>

namespace mifeng {
namespace {

TEST(Time, GoesBothWays) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'718'094'600'123), "2024-06-11T08:30:00.123Z");
  EXPECT_EQ(*parse_time("2024-06-11T08:30:00.123Z"), 1'718'094'600'123);
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Time, RefusesOtherSpellings) {
  for (const char* text : {"", "2024-06-11", "2024-13-11T08:30:00.123Z", "2024-02-30T08:30:00.123Z",
                           "2024-06-11T08:30:00.123+", "2024-06-11 08:30:00.123Z", "+024-06-11T08:30:00.123Z"})
    EXPECT_EQ(parse_time(text).error().reason(), "bad-time") << text;
}

TEST(FakeClock, MovesOnlyWhenMoved) {
  FakeClock clock(1000);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.now_ms(), 3000);
}

}  // namespace
}  // namespace mifeng
