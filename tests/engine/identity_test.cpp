// Whose units are whose, across restarts of the engine and other installations.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;

TEST_P(EngineTest, TwoInstallationsSideBySideDoNotSeeEachOther) {
  auto other = bench.make_engine(SystemRandom().hex(16));
  const Workload mine = workload({"serve"});
  Workload theirs = workload({"serve"});
  if (!bench.has_names_for_each_installation()) theirs.deployment = "theirs";
  apply(mine);
  ASSERT_TRUE(net::run_to_result<ApplyResult>([&] { return other->apply(theirs); }));
  EXPECT_TRUE(comes_about([&] {
    const auto all = net::run_to_result<std::vector<Unit>>([&] { return other->all_units(); });
    return all && all->size() == 1;
  }));
  wait_made();
  EXPECT_EQ(get<std::vector<Unit>>([&] { return engine->all_units(); }).size(), 1U);
  const Unit ready = wait_ready();
  const auto refused = net::run_to_result<void>([&] { return other->restart(ready.name); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "not-ours");
  ASSERT_TRUE(net::run_to_result<void>([&] { return other->remove_everything(); }));
  EXPECT_TRUE(wait_ready().ready);
  EXPECT_TRUE(call_soon(endpoints().at(0).node_port));
  EXPECT_FALSE(apply(mine).changed);
}

TEST_P(EngineTest, UnitsOutliveTheServiceAndAreFoundAgain) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  const auto before = wait_ready();
  const auto dialled = endpoints();
  ASSERT_TRUE(call_soon(dialled.at(0).node_port));
  bench.stop_service();
  EXPECT_TRUE(call(dialled.at(0).node_port));
  const auto away = net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(away.error().reason(), ::testing::AnyOf("engine-unavailable", "api-unavailable"));
  const auto unknown = net::run_to_result<std::vector<Unit>>([&] { return engine->units("test"); });
  EXPECT_FALSE(unknown);
  bench.start_service();
  EXPECT_FALSE(apply(wanted).changed);
  EXPECT_EQ(units().at(0).engine_id, before.engine_id);
}

TEST_P(EngineTest, AnotherKindOfEvidenceIsNotSupportedOrRefused) {
  apply(workload({"serve"}));
  const auto refused = net::run_to_result<Proof>([&] { return engine->prove({}, TokenEvidence{"no token at all"}); });
  EXPECT_FALSE(refused);
}

}  // namespace
}  // namespace mifeng::cluster
