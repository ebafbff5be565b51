// Models that run, change, end and fail.
#include <netinet/in.h>
#include <sys/socket.h>

#include "podman_fixture.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(PodmanEngineTest, RunsAModelWithoutAnyPrivilege) {
  const Workload wanted = workload({"serve"});
  const ApplyResult first = apply(wanted);
  EXPECT_TRUE(first.changed);
  const InstanceStatus ready = wait_ready(wanted);
  EXPECT_EQ(ready.state, InstanceState::kRunning);
  EXPECT_EQ(ready.reason, "");
  EXPECT_TRUE(ready.started_at_ms);
  const auto answer = call(wanted.host_ports[0].host_port);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(*answer,
            "uid=65532 gid=65532 caps=0000000000000000 bounding=0000000000000000 nnp=1 core=0 root=closed "
            "app=writable run=writable cache=writable platform=closed lang=C.UTF-8 instance=" +
                engine->instance_name("test", 0) + "\n");
}

TEST_F(PodmanEngineTest, ApplyingTheSameAgainChangesNothing) {
  const Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(apply(wanted).changed);
  const auto before = status(wanted);
  const ApplyResult again = apply(wanted);
  EXPECT_FALSE(again.changed);
  ASSERT_EQ(again.instances.size(), 2U);
  EXPECT_EQ(again.instances[0].engine_id, before[0].engine_id);
  EXPECT_EQ(again.instances[1].engine_id, before[1].engine_id);
}

TEST_F(PodmanEngineTest, AChangeReplacesAndFewerReplicasGo) {
  Workload wanted = workload({"serve"}, 3);
  apply(wanted);
  const auto before = status(wanted);
  wanted.pod.env.push_back({"MORE", "1"});
  wanted.replicas = 2;
  wanted.host_ports.pop_back();
  const ApplyResult result = apply(wanted);
  EXPECT_TRUE(result.changed);
  const auto all = net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->list(); });
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 2U);
  EXPECT_NE(status(wanted)[0].engine_id, before[0].engine_id);
  EXPECT_FALSE(apply(wanted).changed);
}

TEST_F(PodmanEngineTest, AnEndIsToldWithItsLastWordsAndIsNotUndoneByApply) {
  const Workload wanted = workload({"exit", "3", "the weights do not fit"});
  apply(wanted);
  const auto ended = wait_for(wanted, [](const auto& one) { return one.state == InstanceState::kExited; });
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_EQ(ended.reason_code, "exited");
  EXPECT_THAT(ended.reason, HasSubstr("exit status 3"));
  EXPECT_THAT(ended.reason, HasSubstr("the weights do not fit"));
  EXPECT_FALSE(apply(wanted).changed);
  const auto lines = logs(ended.name, 10);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out going", "err the weights do not fit"));

  const auto started_before = ended.started_at_ms;
  const auto restarted = net::run_to_result<void>([&] { return engine->restart(ended.name); });
  EXPECT_TRUE(restarted) << restarted.error().message();
  wait_for(wanted,
           [&](const auto& one) { return one.state == InstanceState::kExited && one.started_at_ms != started_before; });
}

TEST_F(PodmanEngineTest, OutOfMemoryIsCalledThat) {
  Workload wanted = workload({"eat"});
  wanted.pod.resources.memory_limit_bytes = 32 << 20;
  apply(wanted);
  const auto ended = wait_for(wanted, [](const auto& one) { return one.state == InstanceState::kExited; });
  EXPECT_EQ(ended.reason_code, "out-of-memory");
  EXPECT_THAT(ended.reason, HasSubstr("32 MiB"));
}

TEST_F(PodmanEngineTest, AModelThatDoesNotAnswerAndOneThatIsNotReadyAreToldApart) {
  Workload wanted = workload({"hang"});
  apply(wanted);
  EXPECT_EQ(wait_for(wanted, [](const auto& one) { return one.state == InstanceState::kRunning; }).reason_code,
            "not-answering");
  wanted.pod.args = {"serve", "503 Service Unavailable"};
  apply(wanted);
  const auto not_ready = wait_for(wanted, [](const auto& one) { return one.reason_code == "not-ready"; });
  EXPECT_THAT(not_ready.reason, HasSubstr("503"));
}

TEST_F(PodmanEngineTest, ATakenPortIsNamedAndFreedPortsWorkAfterIt) {
  Workload wanted = workload({"serve"}, 2);
  UniqueFd holder(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wanted.host_ports[1].host_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(holder.get(), 1), 0);
  const ApplyResult result = apply(wanted);
  ASSERT_EQ(result.instances.size(), 2U);
  EXPECT_EQ(result.instances[0].state, InstanceState::kRunning);
  EXPECT_EQ(result.instances[1].state, InstanceState::kFailed);
  EXPECT_EQ(result.instances[1].reason_code, "port-taken");
  EXPECT_THAT(result.instances[1].reason, HasSubstr(std::to_string(wanted.host_ports[1].host_port)));
  EXPECT_EQ(status(wanted)[1].reason_code, "port-taken");
  const auto ports = net::run_to_result<std::vector<std::uint16_t>>([&] { return engine->host_ports_in_use(); });
  ASSERT_TRUE(ports);
  EXPECT_THAT(*ports, ::testing::Contains(wanted.host_ports[0].host_port));
  holder.reset();
  EXPECT_EQ(apply(wanted).instances[1].state, InstanceState::kRunning);
}

TEST_F(PodmanEngineTest, AnImageThatIsNotThereOrDoesNotStartSaysSo) {
  Workload wanted = workload({"serve"});
  wanted.pod.image = machine->registry_name + "/test/nothing@sha256:" + std::string(64, '0');
  auto result = apply(wanted);
  ASSERT_EQ(result.instances.size(), 1U);
  EXPECT_EQ(result.instances[0].state, InstanceState::kFailed);
  EXPECT_EQ(result.instances[0].reason_code, "image-not-found");
  EXPECT_EQ(status(wanted)[0].reason_code, "image-not-found");

  wanted.pod.pull_policy = PullPolicy::kNever;
  EXPECT_THAT(apply(wanted).instances[0].reason, HasSubstr("imagePullPolicy is Never"));

  const auto nobody = stack::pick_loopback_port(0);
  ASSERT_TRUE(nobody);
  wanted.pod.pull_policy = PullPolicy::kIfNotPresent;
  wanted.pod.image = "127.0.0.1:" + std::to_string(*nobody) + "/test/nothing@sha256:" + std::string(64, '0');
  EXPECT_EQ(apply(wanted).instances[0].reason_code, "image-not-pulled");

  wanted = workload({});
  wanted.pod.command = {"/no-such-program"};
  result = apply(wanted);
  EXPECT_EQ(result.instances[0].reason_code, "cannot-start");
  EXPECT_THAT(result.instances[0].reason, HasSubstr("/no-such-program"));
}

TEST_F(PodmanEngineTest, HardwareThatTheMachineLacksIsNamed) {
  Workload wanted = workload({"serve"});
  wanted.pod.resources.devices["example.com/accelerator"] = 1;
  const auto result = apply(wanted);
  ASSERT_EQ(result.instances.size(), 1U);
  EXPECT_EQ(result.instances[0].state, InstanceState::kFailed);
  EXPECT_THAT(result.instances[0].reason, HasSubstr("example.com/accelerator"));
}

TEST_F(PodmanEngineTest, ThePullPolicyDecidesWhetherTheRegistryIsAsked) {
  Workload wanted = workload({"serve"});
  wanted.pod.image = machine->push("policy");
  apply(wanted);
  EXPECT_TRUE(wait_ready(wanted).ready);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  net::ClientOptions options;
  options.endpoint = net::TcpEndpoint{
      "127.0.0.1",
      static_cast<std::uint16_t>(std::stoi(machine->registry_name.substr(machine->registry_name.find(':') + 1)))};
  const auto client = net::HttpClient::create(options);
  ASSERT_TRUE(client);
  const std::string digest = wanted.pod.image.substr(wanted.pod.image.find('@') + 1);
  const auto gone = client->send_now(net::ClientRequest("DELETE", "/v2/test/policy/manifests/" + digest));
  ASSERT_TRUE(gone);
  ASSERT_EQ(gone->status, 202);
  for (const PullPolicy policy : {PullPolicy::kIfNotPresent, PullPolicy::kNever, PullPolicy::kAlways}) {
    wanted.pod.pull_policy = policy;
    const auto result = apply(wanted);
    ASSERT_EQ(result.instances.size(), 1U);
    EXPECT_EQ(result.instances[0].reason_code == "image-not-found", policy == PullPolicy::kAlways)
        << result.instances[0].reason;
    ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  }
}

TEST_F(PodmanEngineTest, WhatCannotBeHeldIsSaid) {
  Workload wanted = workload({"serve"});
  EXPECT_THAT(engine->not_held(wanted.pod), IsEmpty());
  wanted.pod.scratch_mounts[0].size_bytes = 8 << 20;
  EXPECT_THAT(engine->not_held(wanted.pod), ElementsAre(HasSubstr("sizeLimit of 8388608 bytes is not enforced")));
}

}  // namespace
}  // namespace mifeng::cluster
