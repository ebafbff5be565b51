#include "mifeng/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace mifeng {
namespace {

Result<int> parse(const std::string& text) {
  if (text == "one") return 1;
  return Error(ErrorCode::kInvalidArgument, "bad-number", "not a number: " + text);
}

Result<std::string> twice(const std::string& a, const std::string& b) {
  MIFENG_TRY(const int x, parse(a));
  MIFENG_TRY(const int y, parse(b));
  return std::to_string(x + y);
}

Result<void> check(const std::string& text) {
  MIFENG_CHECK(parse(text));
  return ok();
}

// A check of a call that is handed a lambda with checks of its own: it must compile under -Wshadow.
Result<void> check_inside(const std::string& a, const std::string& b) {
  const auto run = [](auto body) -> Result<void> { return body(); };
  MIFENG_CHECK(run([&]() -> Result<void> {
    MIFENG_CHECK(parse(a));
    MIFENG_CHECK(run([&]() -> Result<void> {
      MIFENG_CHECK(parse(b));
      return ok();
    }));
    return ok();
  }));
  return ok();
}

TEST(Result, ChecksStandInsideOfChecks) {
  EXPECT_TRUE(check_inside("one", "one"));
  EXPECT_EQ(check_inside("x", "one").error().message(), "not a number: x");
  EXPECT_EQ(check_inside("one", "y").error().message(), "not a number: y");
}

TEST(Result, CarriesValuesAndErrors) {
  EXPECT_EQ(*twice("one", "one"), "2");
  EXPECT_EQ(twice("one", "two").error().message(), "not a number: two");
  EXPECT_TRUE(check("one"));
  EXPECT_EQ(check("x").error().reason(), "bad-number");
  EXPECT_EQ(parse("x").value_or(5), 5);
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(made).value();
  EXPECT_EQ(*taken, 3);
}

TEST(ErrorCode, HasANameThatLeadsBack) {
  for (const auto code : {ErrorCode::kInvalidArgument, ErrorCode::kNotFound, ErrorCode::kInternal})
    EXPECT_EQ(error_code_of(to_string(code)), code);
  for (const char* none : {"", "Internal", "internal ", "of-another-time"}) EXPECT_FALSE(error_code_of(none)) << none;
}

TEST(Error, KeepsCodeAndReasonUnderContext) {
  const Error outer = parse("x").error().with_context("line 3");
  EXPECT_EQ(outer.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(outer.reason(), "bad-number");
  EXPECT_EQ(outer.message(), "line 3: not a number: x");
}

}  // namespace
}  // namespace mifeng
