// What is Podman's alone: privileges, ports of the host, containers of others, calls to its service.
#include <netinet/in.h>
#include <sys/socket.h>

#include "podman_bench.h"
#include "service_proxy.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(PodmanTest, RunsAModelWithoutAnyPrivilege) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  wait_ready();
  const auto answer = call(wanted.node_ports[0].node_port);
  ASSERT_TRUE(answer) << answer.error().message();
  const std::string nothing = " gid=65532 caps=0000000000000000 bounding=0000000000000000 nnp=1 core=0 root=closed ";
  EXPECT_EQ(*answer, "uid=65532" + nothing +
                         "app=writable run=writable guard=writable model=closed cache=missing platform=closed "
                         "start=missing network=eth0,lo lang=C.UTF-8 unit=" +
                         name_of(0) + "\n");
  LogOptions of_model;
  const auto lines = logs(name_of(0), of_model);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out uid=1900000007" + nothing +
                                  "app=closed run=missing guard=closed model=writable cache=writable "
                                  "platform=missing start=closed network=lo lang=C.UTF-8 unit=none"));
}

TEST_F(PodmanTest, AModelThatMayHasANetworkOfItsOwnThatGoesWithIt) {
  Workload wanted = workload({"serve"}, 2);
  wanted.pod.network = manifest::Network::kOutgoing;
  apply(wanted);
  const auto networks = [&] {
    return machine.podman({"network", "ls", "--format", "{{.Name}}", "--filter", "label=io.mifeng.deployment=test"});
  };
  EXPECT_EQ(networks(), name_of(0) + ".net\n" + name_of(1) + ".net\n");
  LogOptions of_model;
  const auto lines = logs(name_of(0), of_model);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre(HasSubstr(" network=eth0,lo ")));
  EXPECT_FALSE(apply(wanted).changed) << "it is what was rendered";
  EXPECT_EQ(machine.podman({"port", name_of(0) + ".model"}), "");
  // What a try half-way left behind.
  machine.podman({"network", "create", "--label", "io.mifeng.installation=" + installation, "--label",
                  "io.mifeng.deployment=test", name_of(7) + ".net"});
  engine = machine.make_engine(installation);
  Watcher watcher(*engine);
  wanted.replicas = 1;
  EXPECT_TRUE(watcher.wait_for([&] { return apply(wanted).settled; }));
  EXPECT_EQ(networks(), name_of(0) + ".net\n");
  expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(networks(), "");
}

TEST_F(PodmanTest, WithoutTheRulesThatIsolateItNoModelGetsANetwork) {
  Workload wanted = workload({"serve"});
  engine = machine.make_engine(installation, machine.socket(), {"/bin/false"});
  apply(wanted);
  wait_ready();
  wanted.pod.network = manifest::Network::kOutgoing;
  wanted.revision = 2;
  const auto refused = net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "no-isolation");
  EXPECT_EQ(machine.podman({"network", "ls", "--format", "{{.Name}}", "--filter", "label=io.mifeng.deployment=test"}),
            "");
  EXPECT_EQ(wait_ready().revision, 1) << "what ran before runs on";
}

TEST_F(PodmanTest, EachUnitHasTheNodePortsOfItsSlotAndNoOthers) {
  Workload wanted = workload({"serve"}, 2);
  wanted.node_ports.push_back({"former", 0, free_port()});
  apply(wanted);
  for (int slot = 0; slot < 2; ++slot) {
    const std::string bound = machine.podman({"port", name_of(slot)});
    EXPECT_EQ(bound, "8080/tcp -> 127.0.0.1:" + std::to_string(wanted.node_ports[slot].node_port) + "\n");
  }
}

TEST_F(PodmanTest, ATakenPortIsNamedAndFreedPortsWorkAfterIt) {
  Workload wanted = workload({"serve"}, 2);
  UniqueFd holder(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(wanted.node_ports[1].node_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(holder.get(), 1), 0);
  const ApplyResult result = apply(wanted);
  ASSERT_EQ(result.units.size(), 2U);
  EXPECT_FALSE(result.settled);
  EXPECT_EQ(result.units[0].state, UnitState::kRunning);
  EXPECT_EQ(result.units[1].state, UnitState::kFailed);
  EXPECT_EQ(result.units[1].reason_code, "port-taken");
  EXPECT_THAT(result.units[1].reason, HasSubstr(std::to_string(wanted.node_ports[1].node_port)));
  EXPECT_EQ(units().at(1).reason_code, "port-taken");
  EXPECT_EQ(reason_of([&] { return engine->restart(name_of(1)); }), "port-taken");
  holder.reset();
  EXPECT_EQ(apply(wanted).units.at(1).state, UnitState::kRunning);
}

TEST_F(PodmanTest, SomebodyHasPausedIt) {
  apply(workload({"serve"}));
  wait_ready();
  machine.podman({"pause", name_of(0)});
  EXPECT_THAT(wait_for([](const Unit& one) { return !one.ready; }).reason, HasSubstr("paused"));
  machine.podman({"unpause", name_of(0)});
  EXPECT_TRUE(wait_ready().ready);
  machine.podman({"pause", name_of(0)});
  expect_done([&] { return engine->remove("test"); });
}

TEST_F(PodmanTest, HardwareThatTheMachineLacksIsNamed) {
  Workload wanted = workload({"serve"});
  wanted.pod.model.resources.devices["example.com/accelerator"] = 1;
  EXPECT_EQ(engine->ports_needed(wanted.pod, 1).update_slots, 0);
  const auto result = apply(wanted);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_EQ(result.units[0].state, UnitState::kFailed);
  EXPECT_THAT(result.units[0].reason, HasSubstr("example.com/accelerator"));
}

TEST_F(PodmanTest, WhatCannotBeHeldIsSaid) {
  Workload wanted = workload({"serve"});
  EXPECT_THAT(engine->cannot_hold(wanted.pod), IsEmpty());
  wanted.pod.scratch_mounts[0].size_bytes = 8 << 20;
  EXPECT_THAT(engine->cannot_hold(wanted.pod), ElementsAre(HasSubstr("sizeLimit of 8388608 bytes is not enforced")));
  wanted.pod.scratch_mounts.clear();
  wanted.pod.claim_mounts = {{"acme.data", "/data"}};
  EXPECT_THAT(engine->cannot_hold(wanted.pod), IsEmpty());
  wanted.pod.claim_mounts[0].size_bytes = 1 << 30;
  EXPECT_THAT(engine->cannot_hold(wanted.pod), ElementsAre(HasSubstr("acme.data at /data")));
}

TEST_F(PodmanTest, ContainersOfOthersAreNeverTouched) {
  const Workload wanted = workload({"serve"}, 1, false);
  const std::string name = name_of(0);
  machine.podman({"create", "--name", name, "--publish", "127.0.0.1:39871:8080", bench.image(), "hang"});
  const auto result = apply(wanted);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_EQ(result.units[0].reason_code, "not-ours");
  EXPECT_EQ(units().at(0).reason_code, "not-ours");
  EXPECT_EQ(reason_of([&] { return engine->restart(name); }), "not-ours");
  const auto ports = get<std::vector<PortInUse>>([&] { return engine->ports_in_use(); });
  EXPECT_THAT(ports, ::testing::Contains(::testing::AllOf(::testing::Field(&PortInUse::port, 39871),
                                                          ::testing::Field(&PortInUse::holder, "container " + name))));
  expect_done([&] { return engine->remove("test"); });
  expect_done([&] { return engine->remove_everything(); });
  EXPECT_THAT(machine.podman({"ps", "-a", "--format", "{{.Names}}"}), HasSubstr(name));
  machine.podman({"rm", "-f", name});
}

TEST_F(PodmanTest, NorIsOneOfOthersUnderTheNameOfAModelsContainer) {
  const Workload wanted = workload({"serve"}, 1, false);
  const std::string name = name_of(0) + ".model";
  machine.podman({"create", "--name", name, bench.image(), "hang"});
  const auto result = apply(wanted);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_EQ(result.units[0].reason_code, "not-ours");
  expect_done([&] { return engine->remove("test"); });
  // Also where it took the place of one of ours.
  machine.podman({"rm", "-f", name});
  apply(wanted);
  wait_ready();
  machine.podman({"rm", "-f", name});
  machine.podman({"create", "--name", name, bench.image(), "hang"});
  expect_done([&] { return engine->remove("test"); });
  EXPECT_EQ(machine.podman({"ps", "-a", "--format", "{{.Names}}"}), name + "\n");
  machine.podman({"rm", "-f", name});
}

// What runs as it should costs one list at each resync.
TEST_F(PodmanTest, WhatStandsStillCostsOneListAtEachResync) {
  ServiceProxy proxy(machine.path() / "run/proxy.sock", machine.socket());
  engine = machine.make_engine(installation, machine.path() / "run/proxy.sock");
  Watcher watcher(*engine, 300ms);
  const Workload wanted = workload({"serve"}, 3);
  ASSERT_TRUE(drive(wanted, watcher));
  // Until the news of the starts are over, and then for a while.
  const auto is_list = [](const std::string& line) { return line.find("/containers/json?") != std::string::npos; };
  const auto deadline = Steady::now() + 30s;
  std::size_t lists = 0;
  while (lists < 6 && Steady::now() < deadline) {
    proxy.wait_for_call();
    const std::string line = proxy.take_call();
    lists = is_list(line) ? lists + 1 : 0;
  }
  EXPECT_EQ(lists, 6U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(all_ready(units()));
    EXPECT_EQ(endpoints().size(), 3U);
    proxy.wait_for_call();
    EXPECT_THAT(proxy.take_call(), HasSubstr("/containers/json?"));
  }
  watcher.end();
  engine = machine.make_engine(installation);
}

}  // namespace
}  // namespace mifeng::cluster
