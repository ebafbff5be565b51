#include "mifeng/proxy/counters.h"

#include <gtest/gtest.h>

#include "mifeng/proxy/fields.h"
#include "test_table.h"

namespace mifeng::proxy {
namespace {

TEST(Counters, AddUpByDeploymentInstanceAndClass) {
  Counters counters;
  EXPECT_TRUE(counters.empty());
  counters.call("d", "i");
  counters.call("d", "i");
  counters.error("d", "i");
  counters.refusal("d", "i", "bad-tag");
  counters.refusal("d", "", "unsealed");
  const Counts counts = counters.take();
  ASSERT_EQ(counts.rows.size(), 2u);
  EXPECT_EQ(counts.rows[0], (CountRow{"d", "", 0, 0, {{"unsealed", 1}}}));
  EXPECT_EQ(counts.rows[1], (CountRow{"d", "i", 2, 1, {{"bad-tag", 1}}}));
  EXPECT_TRUE(counters.empty());
}

TEST(Counters, StayBounded) {
  Counters counters;
  for (int i = 0; i < 10000; ++i) counters.call("d" + std::to_string(i), "");
  for (int i = 0; i < 1000; ++i) counters.refusal("d1", "", "class-" + std::to_string(i));
  const Counts counts = counters.take();
  EXPECT_LE(counts.rows.size(), 4096u);
  std::uint64_t calls = 0;
  std::uint64_t refusals = 0;
  for (const auto& row : counts.rows) {
    calls += row.calls;
    EXPECT_LE(row.refusals.size(), 64u);
    for (const auto& [reason, count] : row.refusals) refusals += count;
  }
  EXPECT_EQ(calls, 10000u);
  EXPECT_EQ(refusals, 1000u);
  EXPECT_TRUE(decode_worker_message(ByteView(encode_frame(WorkerMessage(counts))).subspan(4)));
}

TEST(Fields, PassOnlyWhatIsHarmlessOrListed) {
  RouteEntry route;
  route.pass_headers = {"set-cookie", "mifeng-x", "content-length", "upgrade"};
  for (const std::string name : {"cache-control", "retry-after", "x-request-id", "grpc-status", "set-cookie"})
    EXPECT_TRUE(passes_to_caller(name, route)) << name;
  for (const std::string name :
       {"location", "link", "etag", "mifeng-x", "content-length", "upgrade", "content-encoding", "x"})
    EXPECT_FALSE(passes_to_caller(name, route)) << name;
}

TEST(Fields, ReadBearerKeysAndRequestIds) {
  EXPECT_EQ(bearer_key("Bearer abc"), "abc");
  EXPECT_EQ(bearer_key("bEARER  abc "), "abc");
  EXPECT_EQ(bearer_key("Bearer"), "");
  EXPECT_EQ(bearer_key("Basic abc"), "");
  EXPECT_EQ(bearer_key(""), "");
  EXPECT_TRUE(is_request_id("0123456789abcdef0123456789abcdef"));
  EXPECT_FALSE(is_request_id("0123456789abcdef0123456789abcdeF"));
  EXPECT_FALSE(is_request_id("0123456789abcdef0123456789abcde"));
  EXPECT_FALSE(is_request_id(""));
}

}  // namespace
}  // namespace mifeng::proxy
