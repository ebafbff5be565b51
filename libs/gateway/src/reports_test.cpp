#include "mifeng/gateway/reports.h"

#include <gtest/gtest.h>

#include "test_platform.h"

namespace mifeng::gateway {
namespace {

using std::chrono::milliseconds;

proxy::Counts counts(const std::string& instance, std::uint64_t calls) {
  return {{{"dep-1", instance, calls, 1, {{"bad-tag", 2}}}}};
}

TEST(Reports, AddUpWhatWasCountedInAPeriod) {
  FakeClock clock;
  Reports reports("gw-1", clock);
  reports.add(counts("ins-1", 3));
  reports.add(counts("ins-1", 4));
  reports.add(counts("ins-2", 5));
  reports.add_refusal("snapshot-rollback");
  clock.advance(milliseconds(10'000));
  reports.close_period(7);
  const messages::Report* report = reports.front();
  ASSERT_NE(report, nullptr);
  EXPECT_EQ(report->serial, 7u);
  EXPECT_EQ(report->to_ms - report->from_ms, 10'000);
  ASSERT_EQ(report->rows.size(), 3u);
  EXPECT_EQ(report->rows[0].refusals.at("snapshot-rollback"), 1u);
  EXPECT_EQ(report->rows[1].calls, 7u);
  EXPECT_EQ(report->rows[1].errors, 2u);
  EXPECT_EQ(report->rows[1].refusals.at("bad-tag"), 4u);
  reports.delivered();
  EXPECT_EQ(reports.front(), nullptr);
  reports.close_period(7);  // nothing happened
  EXPECT_EQ(reports.front(), nullptr);
}

TEST(Reports, SayWhatIsWrongAndOnceThatItIsNoMore) {
  FakeClock clock;
  Reports reports("gw-1", clock);
  const auto told = [&]() -> std::optional<std::string> {
    clock.advance(milliseconds(10'000));
    reports.close_period(1);
    const messages::Report* const report = reports.front();
    if (report == nullptr) return std::nullopt;
    std::string reason = report->trouble ? report->trouble->reason : "";
    reports.delivered();
    return reason;
  };
  EXPECT_EQ(told(), "") << "what was before this start is over";
  EXPECT_EQ(told(), std::nullopt);
  reports.set_trouble(messages::GatewayTrouble{"bad-message", "routes[0].prefix: must begin with '/'"});
  EXPECT_EQ(told(), "bad-message");
  EXPECT_EQ(told(), std::nullopt) << "nothing is new";
  reports.add(counts("ins-1", 1));
  EXPECT_EQ(told(), "bad-message");
  reports.set_trouble(std::nullopt);
  EXPECT_EQ(told(), "");
  EXPECT_EQ(told(), std::nullopt);
}

TEST(Reports, HaveACounterThatRisesOverRestarts) {
  FakeClock clock;
  std::uint64_t last = 0;
  for (int restart = 0; restart < 3; ++restart) {
    Reports reports("gw-1", clock);
    for (int period = 0; period < 3; ++period) {
      clock.advance(milliseconds(1));
      reports.add(counts("ins-1", 1));
      reports.close_period(1);
      EXPECT_GT(reports.front()->counter, last);
      last = reports.front()->counter;
      reports.delivered();
    }
  }
}

TEST(Reports, AreBoundedAndSayWhatWasDropped) {
  FakeClock clock;
  Reports reports("gw-1", clock);
  for (std::size_t i = 0; i < Reports::kBacklogMax + 5; ++i) {
    clock.advance(milliseconds(10'000));
    reports.add(counts("ins-1", i));
    reports.close_period(1);
  }
  EXPECT_EQ(reports.waiting(), Reports::kBacklogMax);
  EXPECT_EQ(reports.front()->rows.back().calls, 5u - 0u);  // 0 to 4 are gone
  std::uint64_t dropped = 0;
  while (const messages::Report* report = reports.front()) {
    for (const messages::ReportRow& row : report->rows)
      if (row.deployment.empty() && row.refusals.contains("reports-dropped"))
        dropped += row.refusals.at("reports-dropped");
    reports.delivered();
  }
  EXPECT_EQ(dropped, 4u);  // the fifth was dropped when the last period closed; the next report says so
  reports.add(counts("ins-1", 1));
  reports.close_period(1);
  EXPECT_EQ(reports.front()->rows.front().refusals.at("reports-dropped"), 1u);
}

TEST(Reports, WithManyRowsAreSeveralThatAPlatformTakes) {
  FakeClock clock;
  const test::Platform platform;
  const auto sign = crypto::Sm2PrivateKey::generate().value();
  Reports reports("gw-1", clock);
  constexpr std::size_t kInstances = 3000;
  constexpr std::uint64_t kMany = std::uint64_t{1} << 62;
  for (std::size_t i = 0; i < kInstances; ++i) {
    proxy::Counts many = counts("ins-" + std::to_string(i), kMany);
    for (std::size_t n = 0; n < i % 64; ++n) many.rows[0].refusals["a-class-of-refusal-" + std::to_string(n)] = kMany;
    reports.add(many);
  }
  reports.close_period(1);
  EXPECT_GT(reports.waiting(), 10u);
  std::size_t rows = 0;
  while (const messages::Report* report = reports.front()) {
    rows += report->rows.size();
    const auto sealed = messages::seal_report(*report, platform.delivery.public_key(), sign, platform.tools);
    ASSERT_TRUE(sealed);
    ASSERT_LE(sealed->size(), messages::kMessageSizeMax);
    reports.delivered();
  }
  EXPECT_EQ(rows, kInstances);
}

}  // namespace
}  // namespace mifeng::gateway
