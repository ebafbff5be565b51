#include "mifeng/sealed/context.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mifeng/crypto/sm3.h"
#include "mifeng/sealed/body_digest.h"

namespace mifeng::sealed {
namespace {

const std::string kId = "000102030405060708090a0b0c0d0e0f";

ResponseContext good() {
  return {.request_id = kId,
          .status = 200,
          .content_type = "text/plain",
          .content_encoding = "",
          .method = "GET",
          .target = "/",
          .body_digest = ""};
}

void expect_refused(const Result<Bytes>& context) {
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(context.error().reason(), "bad-context");
}

TEST(Context, RefusesAFieldThatCouldEndAnother) {
  for (const std::string& bad : {std::string("a\nb"), std::string("\n"), std::string("a\0b", 3), std::string("\x1f"),
                                 std::string("\t"), std::string("a\r")}) {
    for (auto field : {&ResponseContext::content_type, &ResponseContext::content_encoding, &ResponseContext::method,
                       &ResponseContext::target}) {
      ResponseContext context = good();
      context.*field = bad;
      expect_refused(response_context(context));
    }
    expect_refused(payload_context("acme" + bad, "m", "1"));
    expect_refused(payload_context("acme", bad, "1"));
    expect_refused(payload_context("acme", "m", bad));
    expect_refused(grant_context("d" + bad, kId));
    expect_refused(snapshot_context(bad, 1));
  }
  EXPECT_TRUE(payload_context("acme", "模型", "1"));  // bytes from 80 on are no control characters
}

TEST(Context, HoldsTheFormOfEachField) {
  EXPECT_TRUE(response_context(good()));
  for (const std::string& id :
       {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(32, 'A'), std::string(32, 'g')}) {
    ResponseContext context = good();
    context.request_id = id;
    expect_refused(response_context(context));
    expect_refused(grant_request_context("d", id));
    expect_refused(renew_context("d", id));
    expect_refused(grant_context("d", id));
    expect_refused(enrol_context("g", id));
  }
  for (const int status : {0, -1, 99, 1000}) {
    ResponseContext context = good();
    context.status = status;
    expect_refused(response_context(context));
  }
  for (const std::string& digest : {std::string(63, '0'), std::string(64, 'F'), std::string("Unbound")}) {
    ResponseContext context = good();
    context.body_digest = digest;
    expect_refused(response_context(context));
  }
  ResponseContext context = good();
  context.body_digest = kUnboundBody;
  EXPECT_TRUE(response_context(context));
  expect_refused(payload_context("", "m", "1"));
  expect_refused(payload_context("v", "", "1"));
  expect_refused(payload_context("v", "m", ""));
  expect_refused(grant_context("", kId));
  expect_refused(report_context("", 1));
}

TEST(Context, PurposesKeepGrantsApart) {
  EXPECT_NE(grant_context("x", kId).value(), renew_context("x", kId).value());
  EXPECT_NE(snapshot_context("x", 1).value(), report_context("x", 1).value());
  EXPECT_EQ(as_text(report_context("x", 18446744073709551615U).value()), "report\nx\n18446744073709551615");
}

// What the format says, without regard to memory or speed.
std::string plain_digest(const Bytes& body) {
  if (body.empty()) return "";
  Bytes all = to_bytes("mifeng/v1/body");
  append_be<std::uint64_t>(all, body.size());
  for (std::size_t at = 0; at < body.size(); at += 4096)
    append(all, crypto::sm3(ByteView(body).subspan(at, std::min<std::size_t>(4096, body.size() - at))));
  return to_hex(crypto::sm3(all));
}

TEST(BodyDigest, IsThatOfTheFormatInPiecesOfAnySize) {
  for (const std::size_t size : {0u, 1u, 4095u, 4096u, 4097u, 8192u, 20000u, 70000u}) {
    Bytes body(size);
    for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<std::uint8_t>(i * 7 + i / 4096);
    EXPECT_EQ(body_digest(body), plain_digest(body)) << size;
    for (const std::size_t piece : {1u, 97u, 4096u, 5000u, 100000u}) {
      BodyDigest digest;
      for (std::size_t at = 0; at < size; at += piece)
        digest.update(ByteView(body).subspan(at, std::min(piece, size - at)));
      EXPECT_EQ(digest.length(), size);
      EXPECT_EQ(digest.digest(), plain_digest(body)) << size << " in pieces of " << piece;
      EXPECT_EQ(digest.digest(), digest.digest());
    }
  }
}

TEST(BodyDigest, ChunksCannotBeMovedBetweenBodies) {
  Bytes body(8192, 1);
  const std::string first = body_digest(body);
  body[4095] = 2;
  EXPECT_NE(body_digest(body), first);
  EXPECT_NE(body_digest(ByteView(body).first(4096)), body_digest(ByteView(body).first(4095)));
}

}  // namespace
}  // namespace mifeng::sealed
