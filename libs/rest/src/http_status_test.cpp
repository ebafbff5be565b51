#include "mifeng/rest/http_status.h"

#include <gtest/gtest.h>

namespace mifeng::rest {
namespace {

TEST(HttpStatus, FollowsTheCodeAndForLimitsTheReason) {
  EXPECT_EQ(http_status(Error(ErrorCode::kInvalidArgument, "x", "")), 400);
  EXPECT_EQ(http_status(Error(ErrorCode::kUnauthenticated, "x", "")), 401);
  EXPECT_EQ(http_status(Error(ErrorCode::kPermissionDenied, "x", "")), 403);
  EXPECT_EQ(http_status(Error(ErrorCode::kNotFound, "x", "")), 404);
  EXPECT_EQ(http_status(Error(ErrorCode::kConflict, "x", "")), 409);
  EXPECT_EQ(http_status(Error(ErrorCode::kConflict, "changed-meanwhile", "")), 412);
  EXPECT_EQ(http_status(Error(ErrorCode::kVerificationFailed, "x", "")), 422);
  EXPECT_EQ(http_status(Error(ErrorCode::kResourceExhausted, "disk-full", "")), 507);
  EXPECT_EQ(http_status(Error(ErrorCode::kResourceExhausted, "package-too-large", "")), 413);
  EXPECT_EQ(http_status(Error(ErrorCode::kResourceExhausted, "too-many-grants", "")), 429);
  EXPECT_EQ(http_status(Error(ErrorCode::kUnavailable, "x", "")), 503);
  EXPECT_EQ(http_status(Error(ErrorCode::kTimeout, "x", "")), 504);
  EXPECT_EQ(http_status(Error(ErrorCode::kTimeout, "body-too-slow", "")), 408);
  EXPECT_EQ(http_status(Error(ErrorCode::kInternal, "x", "")), 500);
}

TEST(ErrorBody, IsJson) {
  EXPECT_EQ(error_body(Error(ErrorCode::kConflict, "prefix-taken", "The prefix \"/a\" is taken.")),
            R"({"code":"conflict","reason":"prefix-taken","message":"The prefix \"/a\" is taken."})");
}

}  // namespace
}  // namespace mifeng::rest
