#include "podman_isolation.h"

#include <gmock/gmock.h>

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;

// That the rules hold is seen against the real packet filter (tests/attacks, tests/engine).
TEST(PodmanIsolation, WhatIsThereIsNotMadeAgain) {
  // A filter where each rule is there, and that would not take another.
  EXPECT_TRUE(isolate_models({"sh", "-c", R"([ "$3" = -C ])", "filter"}));
  EXPECT_TRUE(isolate_guards({"sh", "-c", R"([ "$3" = -C ])", "filter"}));
}

TEST(PodmanIsolation, AFilterThatRefusesOrIsNotThereIsAnErrorWithItsWords) {
  const auto refused = isolate_models({"sh", "-c", "echo you must be root; exit 4", "filter"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "no-isolation");
  EXPECT_THAT(refused.error().message(), HasSubstr("you must be root"));

  const auto missing = isolate_guards({"/nowhere/iptables"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().reason(), "no-isolation");
  EXPECT_EQ(missing.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace mifeng::cluster
