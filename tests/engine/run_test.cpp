// Models that run, change, end and fail.
#include "engine_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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
  const auto answer = call(dialled[0].node_port);
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
  EXPECT_THAT(endpoints(), IsEmpty());
  const ApplyResult again = apply(wanted);
  EXPECT_FALSE(again.changed);
  EXPECT_TRUE(again.settled);
  const auto lines = logs(ended.name, 10);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out going", "err the weights do not fit"));

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
  wanted.pod.model.image = bench.registry() + "/test/nothing" + digest;
  auto result = apply(wanted);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_FALSE(result.settled);
  EXPECT_EQ(result.units[0].state, UnitState::kFailed);
  EXPECT_EQ(result.units[0].reason_code, "image-not-found");
  ASSERT_EQ(units().size(), 1U);
  EXPECT_EQ(units()[0].reason_code, "image-not-found");

  wanted.pod.model.pull_policy = PullPolicy::kNever;
  EXPECT_THAT(apply(wanted).units.at(0).reason, HasSubstr("imagePullPolicy is Never"));

  const auto nobody = stack::pick_loopback_port(0);
  ASSERT_TRUE(nobody);
  wanted.pod.model.pull_policy = PullPolicy::kIfNotPresent;
  wanted.pod.model.image = "127.0.0.1:" + std::to_string(*nobody) + "/test/nothing" + digest;
  EXPECT_EQ(apply(wanted).units.at(0).reason_code, "image-not-pulled");

  wanted = workload({});
  wanted.revision = 2;
  wanted.pod.guard.command = {"/no-such-program"};
  result = apply(wanted);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_EQ(result.units[0].reason_code, "cannot-start");
  EXPECT_THAT(result.units[0].reason, HasSubstr("/no-such-program"));
  EXPECT_FALSE(result.settled);
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
  wanted.pod.guard.args = {"serve", "503 Service Unavailable"};
  apply(wanted);
  const auto not_ready = wait_for([](const auto& one) { return one.reason_code == "not-ready"; });
  EXPECT_THAT(not_ready.reason, HasSubstr("503"));
}

TEST_P(EngineTest, ThePullPolicyDecidesWhetherTheRegistryIsAsked) {
  Workload wanted = workload({"serve"});
  wanted.pod.model.image = bench.push("policy");
  apply(wanted);
  EXPECT_TRUE(wait_ready().ready);
  expect_done([&] { return engine->remove("test"); });
  net::ClientOptions options;
  options.endpoint = net::TcpEndpoint{
      "127.0.0.1", static_cast<std::uint16_t>(std::stoi(bench.registry().substr(bench.registry().find(':') + 1)))};
  const auto client = net::HttpClient::create(options);
  ASSERT_TRUE(client);
  const std::string digest = wanted.pod.model.image.substr(wanted.pod.model.image.find('@') + 1);
  const auto gone = client->send_now(net::ClientRequest("DELETE", "/v2/test/policy/manifests/" + digest));
  ASSERT_TRUE(gone);
  ASSERT_EQ(gone->status, 202);
  for (const PullPolicy policy : {PullPolicy::kIfNotPresent, PullPolicy::kNever, PullPolicy::kAlways}) {
    wanted.pod.model.pull_policy = policy;
    const auto result = apply(wanted);
    ASSERT_EQ(result.units.size(), 1U);
    EXPECT_EQ(result.units[0].reason_code == "image-not-found", policy == PullPolicy::kAlways)
        << result.units[0].reason;
    expect_done([&] { return engine->remove("test"); });
  }
}

}  // namespace
}  // namespace mifeng::cluster
