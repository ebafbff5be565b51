#include "mifeng/cluster/guard_said.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;

TEST(GuardSaid, TheNewestLineCounts) {
  const auto said = [](std::vector<std::string> lines) { return read_guard_log(lines); };
  using Kind = GuardSaid::Kind;
  EXPECT_FALSE(said({}));
  EXPECT_FALSE(said({"2026/11/29 20:40:31 [notice] 8#8: no grant yet, so the model does not start: x",
                     "mifeng-request 6a5f3d48", "T guard: another output key is in force"}));
  auto one = said({"T guard: no grant yet, so the model does not start: cannot connect to 192.0.2.1"});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->kind, Kind::kNoGrant);
  EXPECT_EQ(one->words, "cannot connect to 192.0.2.1");
  EXPECT_EQ(why_by_guard(*one, "").code, "no-grant");
  EXPECT_FALSE(said({"T guard: no grant yet, so the model does not start: x", "T guard: granted: instance in-1 of d"}));
  one = said({"T guard: granted: instance in-1 of d", "T guard: payload opened into memory in 1 ms; starting the model",
              "T guard: the model's process ended (exit status 7), and is to be started again; its own words stand",
              "T guard: starting the model again: start 2"});
  ASSERT_TRUE(one);
  EXPECT_EQ(one->kind, Kind::kModelEnded);
  EXPECT_EQ(why_by_guard(*one, "the weights").sentence,
            "its model ended (exit status 7) and is started again, later each time; it said last: the weights");
  one = said({"T guard: payload opened into memory in 1 ms; starting the model",
              "T guard: the model is not ready yet: status 503"});
  ASSERT_TRUE(one);
  EXPECT_THAT(why_by_guard(*one, "").sentence, HasSubstr("status 503"));
  one =
      said({"T guard: the model's process ended (signal 9, most likely because it needed more than its memory limit: "
            "raise it), and is to be started again"});
  ASSERT_TRUE(one);
  EXPECT_EQ(why_by_guard(*one, "").code, "out-of-memory");
  EXPECT_THAT(why_by_guard(*one, "", 512 << 20).sentence, HasSubstr("more than its memory limit of 512Mi"));
}

TEST(GuardSaid, ItIsSaidWhereAModelListensInstead) {
  const Reason why = why_elsewhere("0.0.0.0", 8080);
  EXPECT_EQ(why.code, "listens-elsewhere");
  EXPECT_THAT(why.sentence, HasSubstr("0.0.0.0 port 8080"));
  EXPECT_THAT(why.remedy, HasSubstr("MIFENG_SOCKET"));
}

}  // namespace
}  // namespace mifeng::cluster
