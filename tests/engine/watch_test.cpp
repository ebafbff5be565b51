// The view that watch() keeps: what it hears, and that it heals.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;

// Some engines start it again, so that who looks late sees another run of it.
bool has_ended(const Unit& before, const Unit& now) {
  return now.state == UnitState::kExited || now.started_at_ms != before.started_at_ms;
}

TEST_P(EngineTest, TellsThatAUnitBecameReady) {
  Watcher watcher(*engine);
  apply(workload({"serve"}));
  EXPECT_TRUE(watcher.wait_for([&] { return units().size() == 1 && units()[0].ready; }));
}

TEST_P(EngineTest, TellsOfAUnitThatWasKilled) {
  Watcher watcher(*engine);
  const Workload wanted = workload({"serve"});
  ASSERT_TRUE(drive(wanted, watcher));
  const Unit before = units().at(0);
  const Steady::time_point killed = bench.kill(before);
  EXPECT_TRUE(watcher.wait_for([&] { return units().at(0).state == UnitState::kExited; }));
  // On a machine that has something else to do.
  EXPECT_LT(Steady::now() - killed, bench.notices_within());
  const Unit after = units().at(0);
  EXPECT_EQ(after.exit_code, 137);
  EXPECT_EQ(after.reason_code, "exited");
  EXPECT_THAT(endpoints(), IsEmpty());
  EXPECT_FALSE(apply(wanted).changed);
  expect_done([&] { return engine->restart(before.name); });
  EXPECT_TRUE(watcher.wait_for([&] { return units().at(0).ready; }));
  EXPECT_EQ(units()[0].engine_id, before.engine_id);
}

TEST_P(EngineTest, TheViewHealsAfterTheServiceWasAway) {
  Watcher watcher(*engine);
  const Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const Unit victim = units().at(1);
  bench.stop_service();
  // It went away, which is told.
  EXPECT_TRUE(watcher.wait_for(
      [&] { return !net::run_to_result<std::vector<Unit>>([&] { return engine->units("test"); }).has_value(); }));
  bench.kill(victim);  // while nobody listens
  bench.start_service();
  EXPECT_TRUE(watcher.wait_for([&] {
    const auto all = net::run_to_result<std::vector<Unit>>([&] { return engine->units("test"); });
    return all && all->size() == 2 && all->at(0).ready && has_ended(victim, all->at(1));
  }));
  // And hears again.
  const Unit other = units().at(0);
  bench.kill(other);
  EXPECT_TRUE(watcher.wait_for([&] { return has_ended(other, units().at(0)); }));
}

TEST_P(EngineTest, KeepsWhatHappenedToADeployment) {
  const UnixMillis began = SystemClock().now_ms() / 1000 * 1000;  // some engines' times are whole seconds
  Watcher watcher(*engine);
  ASSERT_TRUE(drive(workload({"serve"}), watcher));
  const Unit unit = units().at(0);
  bench.kill(unit);
  EXPECT_TRUE(watcher.wait_for([&] { return has_ended(unit, units().at(0)); }));
  const auto events = get<std::vector<Event>>([&] { return engine->events("test"); });
  ASSERT_FALSE(events.empty());
  EXPECT_LE(events.size(), 100U);
  UnixMillis last = began;
  for (const Event& one : events) {
    EXPECT_GE(one.time_ms, last);
    last = one.time_ms;
  }
  EXPECT_THAT(events, Contains(Field(&Event::unit, unit.name)));
  EXPECT_THAT(get<std::vector<Event>>([&] { return engine->events("other"); }), IsEmpty());
}

TEST_P(EngineTest, AfterTheWatchNobodyIsToldAndUnitsAreAskedFor) {
  const Workload wanted = workload({"serve"});
  {
    Watcher watcher(*engine);
    ASSERT_TRUE(drive(wanted, watcher));
    watcher.end();
    const std::size_t before = watcher.count();
    const Unit unit = units().at(0);
    bench.kill(unit);
    wait_for([&](const Unit& one) { return has_ended(unit, one); });
    EXPECT_EQ(watcher.count(), before);
  }
  Watcher again(*engine);
  expect_done([&] { return engine->restart(units().at(0).name); });
  EXPECT_TRUE(again.wait_for([&] { return units().at(0).ready; }));
}

TEST_P(EngineTest, AResyncNoticesAUnitThatNoLongerServes) {
  Watcher watcher(*engine, 500ms);
  ASSERT_TRUE(drive(workload({"serve"}), watcher));
  // What the engine has no news of is asked at each resync.
  bench.freeze(units().at(0), true);
  EXPECT_TRUE(watcher.wait_for([&] { return !units().at(0).ready; }));
  bench.freeze(units().at(0), false);
  EXPECT_TRUE(watcher.wait_for([&] { return units().at(0).ready; }));
}

// The platform lets go in whatever order it ends.
TEST_P(EngineTest, TheEngineMayGoBeforeItsWatch) {
  auto watcher = std::make_unique<Watcher>(*engine);
  apply(workload({"serve"}));
  engine.reset();
  watcher.reset();
  engine = bench.make_engine(installation);
}

}  // namespace
}  // namespace mifeng::cluster
