// What is kept for a time only, and what for ever.
#include "retention.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"

namespace mifeng::platform {
namespace {

using platform_fixture::PlatformTest;

class Retention : public PlatformTest {
 protected:
  void SetUp() override {
    options_.keep_ms = 10LL * 24 * 3600 * 1000;
    PlatformTest::SetUp();
  }
  static Result<void> add_instance(store::Transaction& tx, const std::string& id, UnixMillis ended_ms) {
    return store::insert(tx, store::InstanceRow{.id = id,
                                                .deployment_id = "d",
                                                .unit = "u",
                                                .signing_key = id,
                                                .signing_key_id = id,
                                                .granted_ms = 1,
                                                .ended_ms = ended_ms});
  }
  template <typename Row>
  std::size_t rows() {
    return db().read([](store::Transaction& tx) { return store::all<Row>(tx); }).value().size();
  }
  std::int64_t nonces() {
    return db().read([](store::Transaction& tx) { return store::count_rows(tx, "gateway_nonces", "", {}); }).value();
  }
};

TEST_F(Retention, ErasesWhatIsOlderThanItsTimeAndNothingElse) {
  const UnixMillis now = clock_.now_ms(), oldest = now - options_.keep_ms;
  ASSERT_TRUE(db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(add_instance(tx, "live", 0));
    MIFENG_CHECK(add_instance(tx, "young", oldest));
    for (int i = 0; i < 2500; ++i) MIFENG_CHECK(add_instance(tx, "old-" + std::to_string(i), oldest - 1 - i));
    MIFENG_CHECK(store::add_usage(tx, {.deployment_id = "d", .hour_ms = oldest - 1, .calls = 1}));
    MIFENG_CHECK(store::add_usage(tx, {.deployment_id = "d", .hour_ms = oldest, .calls = 2}));
    MIFENG_CHECK(store::take_nonce(tx, "gw", "old", now - 2 * access::kGatewayClockTolerance - 1, 0));
    MIFENG_CHECK(store::take_nonce(tx, "gw", "young", now - 2 * access::kGatewayClockTolerance, 0));
    return ok();
  }));
  const std::size_t audited = rows<store::AuditRow>();
  ASSERT_GT(audited, 0u);
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(rows<store::InstanceRow>(), 2u);
  EXPECT_EQ(rows<store::UsageRow>(), 1u);
  EXPECT_EQ(nonces(), 1);
  EXPECT_GE(rows<store::AuditRow>(), audited) << "nothing of the audit log is ever erased";

  // Not at each time, but again later.
  ASSERT_TRUE(db().write([](store::Transaction& tx) { return add_instance(tx, "another", 1); }));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(rows<store::InstanceRow>(), 3u);
  clock_.advance(std::chrono::minutes(10));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(rows<store::InstanceRow>(), 1u) << "the live one";
}

}  // namespace
}  // namespace mifeng::platform
