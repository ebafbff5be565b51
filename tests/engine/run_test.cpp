// Models that run, change, end and fail.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_P(EngineTest, SaysWhatItIs) {
  EXPECT_THAT(get<ClusterFacts>([&] { return engine->probe(); }).version, ::testing::ContainsRegex("[0-9]"));
}

TEST_P(EngineTest, RunsAModelThatCanBeDialled) {
  const Workload wanted = workload({"serve"});
  EXPECT_TRUE(settle(wanted).changed);
  const Unit ready = wait_ready();
  EXPECT_EQ(ready.state, UnitState::kRunning);
  EXPECT_EQ(ready.reason, "");
  EXPECT_EQ(ready.deployment, "test");
  EXPECT_EQ(ready.revision, 1);
  EXPECT_TRUE(ready.started_at_ms);
  const auto dialled = endpoints();
  ASSERT_EQ(dialled.size(), 1U);
  EXPECT_EQ(dialled[0].port_name, "http");
  const auto answer = call_soon(dialled[0].node_port);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_THAT(*answer, HasSubstr(" unit=" + ready.name + "\n"));
  EXPECT_EQ(get<std::vector<Unit>>([&] { return engine->all_units(); }).size(), 1U);
}

TEST_P(EngineTest, ApplyingTheSameAgainChangesNothing) {
  const Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(settle(wanted).changed);
  const auto before = units();
  const ApplyResult again = apply(wanted);
  EXPECT_FALSE(again.changed);
  EXPECT_TRUE(again.settled);
  ASSERT_EQ(again.units.size(), 2U);
  EXPECT_EQ(again.units[0].engine_id, before[0].engine_id);
  EXPECT_EQ(again.units[1].engine_id, before[1].engine_id);
  // Nor does another engine of the same installation, as after the platform was started anew.
  engine = bench.make_engine(installation);
  EXPECT_FALSE(apply(wanted).changed);
}

TEST_P(EngineTest, AnEndIsToldWithItsLastWordsAndIsNotUndoneByApply) {
  const Workload wanted = workload({"exit", "3", "the weights do not fit"});
  apply(wanted);
  const auto ended = wait_for([](const auto& one) { return one.state == UnitState::kExited; });
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.reason_code, "exited");
  EXPECT_THAT(ended.reason, HasSubstr("exit status 3"));
  EXPECT_THAT(ended.reason, HasSubstr("the weights do not fit"));
  EXPECT_TRUE(comes_about([&] { return endpoints().empty(); }));
  const ApplyResult again = apply(wanted);
  EXPECT_FALSE(again.changed);
  EXPECT_TRUE(again.settled);
  const auto lines = logs(ended.name, 10);
  ASSERT_TRUE(lines);
  if (bench.tells_streams_apart()) {
    EXPECT_THAT(*lines, ElementsAre("out going", "err the weights do not fit"));
  } else {  // the two are one, in no order between them
    EXPECT_THAT(*lines, UnorderedElementsAre("out going", "out the weights do not fit"));
  }

  expect_done([&] { return engine->restart(ended.name); });
  const auto anew = wait_for(
      [&](const auto& one) { return one.state == UnitState::kExited && one.started_at_ms != ended.started_at_ms; });
  EXPECT_EQ(anew.engine_id, ended.engine_id);
  EXPECT_EQ(reason_of([&] { return engine->restart("mf-nothing"); }), "no-such-unit");
}

TEST_P(EngineTest, WhatRunsIsNotStartedAgain) {
  apply(workload({"serve"}));
  const Unit before = wait_ready();
  expect_done([&] { return engine->restart(before.name); });
  EXPECT_EQ(wait_ready().started_at_ms, before.started_at_ms);
}

TEST_P(EngineTest, AnImageThatIsNotThereOrDoesNotStartSaysSo) {
  Workload wanted = workload({"serve"});
  const std::string digest = "@sha256:" + std::string(64, '0');
  const auto fails = [&](const std::string& code) {
    const auto result = apply(wanted);
    if (!bench.restarts_by_itself()) {
      EXPECT_FALSE(result.settled);
      EXPECT_EQ(result.units.size(), 1U);
      EXPECT_EQ(result.units.at(0).reason_code, code);
    }
    const Unit failed = wait_reason(code);
    EXPECT_EQ(failed.state, UnitState::kFailed);
    EXPECT_FALSE(apply(wanted).settled);
    expect_done([&] { return engine->remove("test"); });
    return failed;
  };
  wanted.pod.model.image = bench.registry() + "/test/nothing" + digest;
  fails("image-not-found");

  wanted.pod.model.pull_policy = PullPolicy::kNever;
  EXPECT_THAT(fails("image-not-found").reason, HasSubstr("imagePullPolicy is Never"));

  const auto nobody = stack::pick_loopback_port(0);
  ASSERT_TRUE(nobody);
  wanted.pod.model.pull_policy = PullPolicy::kIfNotPresent;
  wanted.pod.model.image = "127.0.0.1:" + std::to_string(*nobody) + "/test/nothing" + digest;
  fails("image-not-pulled");

  wanted = workload({});
  wanted.revision = 2;
  wanted.pod.guard.command = {"/no-such-program"};
  EXPECT_THAT(fails("cannot-start").reason, HasSubstr("/no-such-program"));
}

TEST_P(EngineTest, OutOfMemoryIsCalledThat) {
  Workload wanted = workload({"eat"});
  wanted.pod.guard.resources.memory_limit_bytes = 32 << 20;
  apply(wanted);
  const auto ended = wait_for([](const auto& one) { return one.state == UnitState::kExited; });
  EXPECT_EQ(ended.reason_code, "out-of-memory");
  EXPECT_THAT(ended.reason, HasSubstr("32 MiB"));
}

TEST_P(EngineTest, AModelThatDoesNotAnswerAndOneThatIsNotReadyAreToldApart) {
  Workload wanted = workload({"hang"});
  apply(wanted);
  EXPECT_EQ(wait_for([](const auto& one) { return one.state == UnitState::kRunning; }).reason_code, "not-answering");
  expect_done([&] { return engine->remove("test"); });
  // What the health port says may be an event of the engine's, which only who watches hears.
  Watcher watcher(*engine);
  wanted.pod.guard.args = {"serve", "503 Service Unavailable"};
  apply(wanted);
  EXPECT_TRUE(watcher.wait_for([&] {
    const auto all = units();
    return all.size() == 1 && all[0].reason_code == "not-ready" && all[0].reason.find("503") != std::string::npos;
  }));
}

TEST_P(EngineTest, ThePullPolicyDecidesWhetherTheRegistryIsAsked) {
  Workload wanted = workload({"serve"});
  wanted.pod.model.image = bench.push("policy");
  apply(wanted);
  EXPECT_TRUE(wait_ready().ready);
  expect_done([&] { return engine->remove("test"); });
  const std::string registry = bench.registry();
  const std::size_t colon = registry.find(':');
  net::ClientOptions options;
  options.endpoint =
      net::TcpEndpoint{registry.substr(0, colon), static_cast<std::uint16_t>(std::stoi(registry.substr(colon + 1)))};
  const auto client = net::HttpClient::create(options);
  ASSERT_TRUE(client);
  const std::string digest = wanted.pod.model.image.substr(wanted.pod.model.image.find('@') + 1);
  const auto gone = client->send_now(net::ClientRequest("DELETE", "/v2/test/policy/manifests/" + digest));
  ASSERT_TRUE(gone);
  ASSERT_EQ(gone->status, 202);
  for (const PullPolicy policy : {PullPolicy::kIfNotPresent, PullPolicy::kNever, PullPolicy::kAlways}) {
    wanted.pod.model.pull_policy = policy;
    apply(wanted);
    if (policy == PullPolicy::kAlways) {
      wait_reason("image-not-found");
    } else {
      wait_ready();
    }
    expect_done([&] { return engine->remove("test"); });
  }
}

}  // namespace
}  // namespace mifeng::cluster
