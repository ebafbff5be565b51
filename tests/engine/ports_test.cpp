// Node ports, what is free, and what cannot be held.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;

TEST_P(EngineTest, PortsInUseNameTheirHolder) {
  const Workload wanted = workload({"serve"}, 2);
  apply(wanted);
  ASSERT_TRUE(comes_about([&] { return !endpoints().empty(); }));
  const auto ports = get<std::vector<PortInUse>>([&] { return engine->ports_in_use(); });
  for (const Endpoint& one : endpoints())
    EXPECT_THAT(
        ports, Contains(AllOf(Field(&PortInUse::port, one.node_port), Field(&PortInUse::holder, HasSubstr(one.unit)))));
}

TEST_P(EngineTest, CapacityIsWhatNobodyHasClaimed) {
  const auto ask = [&] { return get<Capacity>([&] { return engine->capacity(); }); };
  const Capacity before = ask();
  EXPECT_GT(before.cpu_millis.all, 0);
  EXPECT_GT(before.memory_bytes.all, 0);
  EXPECT_LE(before.cpu_millis.free, before.cpu_millis.all);
  Workload wanted = workload({"serve"});
  wanted.pod.guard.resources.cpu_request_millis = 125;
  wanted.pod.model.resources.cpu_request_millis = 500;
  wanted.pod.model.resources.memory_request_bytes = 64 << 20;
  wanted.pod.model.resources.memory_limit_bytes = 128 << 20;
  apply(wanted);
  Capacity after;
  EXPECT_TRUE(comes_about([&] {
    after = ask();
    return after.cpu_millis.free != before.cpu_millis.free;
  }));
  EXPECT_EQ(after.cpu_millis.all, before.cpu_millis.all);
  EXPECT_EQ(after.memory_bytes.free, before.memory_bytes.free - (64 << 20));
  EXPECT_EQ(after.cpu_millis.free, before.cpu_millis.free - 625);
}

TEST_P(EngineTest, ClusterWideCallsNeedNoDeployment) {
  EXPECT_TRUE(get<std::vector<Unit>>([&] { return engine->all_units(); }).empty());
  EXPECT_TRUE(endpoints().empty());
  expect_done([&] { return engine->remove("never-there"); });
}

}  // namespace
}  // namespace mifeng::cluster
