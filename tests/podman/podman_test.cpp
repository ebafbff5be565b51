// The engine against a real Podman and a real registry, both started here with storage of their own.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "mifeng/base/child_process.h"
#include "mifeng/base/random.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/net/client.h"
#include "mifeng/stack/backends.h"

namespace mifeng::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

// Registry, Podman and the image with the probe: once for all tests.
class Machine : public ::testing::Environment {
 public:
  void SetUp() override {
    auto folder = TempDir::create("/tmp", "mf-");
    ASSERT_TRUE(folder) << folder.error().message();
    folder_.emplace(std::move(*folder));
    auto port = stack::pick_loopback_port(0);
    ASSERT_TRUE(port);
    registry_name = "127.0.0.1:" + std::to_string(*port);
    std::filesystem::create_directories(path() / "logs");
    auto registry = stack::start_registry({path() / "registry", path() / "logs/registry.log", *port});
    ASSERT_TRUE(registry) << registry.error().message();
    registry_ = std::move(*registry);
    podman_options = {path() / "podman", path() / "run/podman.sock", path() / "logs/podman.log", registry_name};
    start_podman();
    image = push("probe");
  }

  void TearDown() override {
    for (const std::string& installation : installations_) {
      auto engine = make_engine(installation);
      const auto removed = net::run_to_result<void>([&] { return engine->remove_everything(); });
      EXPECT_TRUE(removed) << removed.error().message();
    }
    if (podman_) stack::stop_podman(*podman_, podman_options);
    podman_.reset();
    registry_.reset();
  }

  void start_podman() {
    auto podman = stack::start_podman(podman_options);
    ASSERT_TRUE(podman) << podman.error().message();
    podman_ = std::move(*podman);
  }
  void kill_podman() { podman_.reset(); }

  std::string push(const std::string& name) {
    const std::string layout = (path() / ("layout-" + name)).string();
    const std::string digest = run({"/usr/bin/python3", MIFENG_MAKE_IMAGE, MIFENG_PROBE, layout});
    run({"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "oci:" + layout,
         "docker://" + registry_name + "/test/" + name + ":1"});
    return registry_name + "/test/" + name + "@" + digest.substr(0, 71);
  }

  std::unique_ptr<Engine> make_engine(const std::string& installation) {
    installations_.insert(installation);
    PodmanOptions options;
    options.socket = podman_options.socket;
    options.installation = installation;
    options.sockets_dir = path() / "sockets";
    options.registry = registry_name;
    auto engine = create_podman_engine(options, clock);
    EXPECT_TRUE(engine) << engine.error().message();
    return std::move(*engine);
  }

  const std::filesystem::path& path() const { return folder_->path(); }

  // Podman itself on the same storage: what somebody else on the machine could do.
  std::string podman(std::vector<std::string> arguments) {
    const auto env = stack::write_podman_config(podman_options);
    EXPECT_TRUE(env);
    arguments.insert(arguments.begin(), {"podman", "--cgroup-manager", "cgroupfs"});
    return run(arguments, *env);
  }

  static std::string run(const std::vector<std::string>& arguments,
                         std::optional<std::map<std::string, std::string>> env = std::nullopt) {
    ChildOptions options;
    options.argv = arguments;
    options.env = std::move(env);
    const auto output = run_command(std::move(options), 120s);
    EXPECT_TRUE(output) << output.error().message();
    EXPECT_TRUE(output->exit.success()) << arguments[0] << ": " << output->output;
    return output->output;
  }

  std::string registry_name;
  std::string image;
  stack::PodmanServiceOptions podman_options;
  SystemClock clock;

 private:
  std::optional<TempDir> folder_;
  std::unique_ptr<stack::Service> registry_;
  std::unique_ptr<stack::Service> podman_;
  std::set<std::string> installations_;
};

Machine* const machine = static_cast<Machine*>(::testing::AddGlobalTestEnvironment(new Machine));

class PodmanEngineTest : public ::testing::Test {
 protected:
  PodmanEngineTest() : engine(machine->make_engine(installation)) {}
  ~PodmanEngineTest() override {
    const auto removed = net::run_to_result<void>([&] { return engine->remove_everything(); });
    EXPECT_TRUE(removed) << removed.error().message();
  }

  Workload workload(std::vector<std::string> args, int replicas = 1) {
    Workload made;
    made.deployment = "test";
    made.replicas = replicas;
    made.pod.image = machine->image;
    made.pod.command = {"/probe"};
    made.pod.args = std::move(args);
    made.pod.env = {{"LANG", "C.UTF-8"}};
    made.pod.ports = {{"http", 8080}};
    made.pod.memory_mounts = {{"/app", 4 << 20, true}, {"/mifeng/run", 4 << 20, false}};
    made.pod.scratch_mounts = {{"cache", "/cache", std::nullopt}};
    made.pod.termination_grace_seconds = 5;
    for (int replica = 0; replica < replicas; ++replica) {
      const auto port = stack::pick_loopback_port(0);
      EXPECT_TRUE(port);
      made.host_ports.push_back({"http", replica, *port});
    }
    return made;
  }

  ApplyResult apply(const Workload& wanted) {
    auto result = net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : ApplyResult{};
  }

  std::vector<InstanceStatus> status(const Workload& wanted) {
    auto result = net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->status(wanted); });
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : std::vector<InstanceStatus>{};
  }

  // The status of the only replica, as soon as `when` likes it.
  InstanceStatus wait_for(const Workload& wanted, const std::function<bool(const InstanceStatus&)>& when) {
    InstanceStatus last;
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto all = status(wanted);
      if (all.empty()) break;
      last = all[0];
      if (when(last)) return last;
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "state " << to_string(last.state) << ", ready " << last.ready << ", reason " << last.reason;
    return last;
  }
  InstanceStatus wait_ready(const Workload& wanted) {
    return wait_for(wanted, [](const InstanceStatus& one) { return one.ready; });
  }

  Result<std::string> call(std::uint16_t port) {
    net::ClientOptions options;
    options.endpoint = net::TcpEndpoint{"127.0.0.1", port};
    options.idle_timeout = 5s;
    MIFENG_TRY(net::HttpClient client, net::HttpClient::create(options));
    MIFENG_TRY(net::ClientResponse response, client.send_now(net::ClientRequest("GET", "/")));
    return response.body;
  }

  Result<std::vector<std::string>> logs(const std::string& instance, int tail) {
    std::vector<std::string> lines;
    LogSink keep = [&](LogLine line) -> boost::asio::awaitable<Result<void>> {
      lines.push_back((line.is_stderr ? "err " : "out ") + line.text);
      co_return ok();
    };
    LogOptions options;
    options.tail = tail;
    MIFENG_CHECK(net::run_to_result<void>([&] { return engine->logs(instance, options, keep); }));
    return lines;
  }

  std::string installation = SystemRandom().hex(16);
  std::unique_ptr<Engine> engine;
};

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

TEST_F(PodmanEngineTest, LogsComeFromTheEndAndFollow) {
  const Workload wanted = workload({"lines", "500"});
  apply(wanted);
  const std::string name = engine->instance_name("test", 0);
  wait_for(wanted, [&](const auto&) {
    const auto lines = logs(name, -1);
    return lines && lines->size() == 500;
  });
  const auto lines = logs(name, 2);
  ASSERT_TRUE(lines);
  EXPECT_THAT(*lines, ElementsAre("out line 498", "out line 499"));

  // Following ends when the reader has had enough; the container still runs.
  int seen = 0;
  LogSink three = [&](LogLine) -> boost::asio::awaitable<Result<void>> {
    if (++seen == 3) co_return Error(ErrorCode::kCancelled, "enough", "enough");
    co_return ok();
  };
  LogOptions options;
  options.follow = true;
  const auto followed = net::run_to_result<void>([&] { return engine->logs(name, options, three); });
  ASSERT_FALSE(followed);
  EXPECT_EQ(followed.error().reason(), "enough");
  EXPECT_EQ(seen, 3);
  const auto missing = logs("mf-nothing", 1);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
}

TEST_F(PodmanEngineTest, RemoveLeavesNothingAndTwiceIsFine) {
  const Workload wanted = workload({"serve"}, 2);
  apply(wanted);
  for (int i = 0; i < 2; ++i) {
    const auto removed = net::run_to_result<void>([&] { return engine->remove("test"); });
    EXPECT_TRUE(removed) << removed.error().message();
  }
  EXPECT_EQ(machine->podman({"ps", "-aq"}), "");
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), "");
  EXPECT_FALSE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test", 0)));
  EXPECT_EQ(status(wanted)[0].state, InstanceState::kMissing);
}

TEST_F(PodmanEngineTest, RemovingOneDeploymentLeavesTheVolumesOfAnother) {
  Workload stays = workload({"serve"});
  stays.deployment = "test-0";  // its names begin as those of the other
  const Workload goes = workload({"serve"});
  apply(stays);
  apply(goes);
  // Ended, so that nothing but the engine keeps its volume from being removed.
  machine->podman({"stop", engine->instance_name("test-0", 0)});
  const auto removed = net::run_to_result<void>([&] { return engine->remove("test"); });
  ASSERT_TRUE(removed) << removed.error().message();
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), engine->instance_name("test-0", 0) + ".cache\n");
  EXPECT_TRUE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test-0", 0)));
  EXPECT_FALSE(std::filesystem::exists(machine->path() / "sockets" / engine->instance_name("test", 0)));
}

TEST_F(PodmanEngineTest, WhatIsClaimedOutlivesItsDeploymentsAndGoesWhenAskedAndUnused) {
  Workload one = workload({"serve"});
  one.pod.scratch_mounts.clear();
  one.pod.claim_mounts = {{"acme.data", "/cache"}};
  Workload two = workload({"serve"});
  two.deployment = "other";
  two.pod.scratch_mounts.clear();
  two.pod.claim_mounts = one.pod.claim_mounts;
  apply(one);
  apply(two);
  EXPECT_TRUE(wait_ready(one).ready);
  EXPECT_FALSE(apply(one).changed);
  const std::string name = "mf-" + installation.substr(0, 8) + ".acme.data";
  EXPECT_EQ(machine->podman({"volume", "inspect", "--format", "{{index .Labels \"io.mifeng.installation\"}}", name}),
            installation + "\n");
  const std::string point = machine->podman({"volume", "inspect", "--format", "{{.Mountpoint}}", name});
  const std::filesystem::path written = std::filesystem::path(point.substr(0, point.size() - 1)) / "written";
  EXPECT_TRUE(std::filesystem::exists(written));

  const auto remove_claims = [&] {
    const auto removed = net::run_to_result<void>([&] { return engine->remove_claims({"acme.data", "acme.no"}); });
    EXPECT_TRUE(removed) << removed.error().message();
  };
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  remove_claims();  // the other still uses it
  EXPECT_TRUE(std::filesystem::exists(written));
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove_everything(); }));
  EXPECT_TRUE(std::filesystem::exists(written));
  remove_claims();
  EXPECT_EQ(machine->podman({"volume", "ls", "-q"}), "");
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

TEST_F(PodmanEngineTest, ContainersOfOthersAreNeverTouched) {
  const Workload wanted = workload({"serve"});
  const std::string name = engine->instance_name("test", 0);
  machine->podman({"create", "--name", name, machine->image, "hang"});
  const auto result = apply(wanted);
  ASSERT_EQ(result.instances.size(), 1U);
  EXPECT_EQ(result.instances[0].reason_code, "not-ours");
  EXPECT_EQ(status(wanted)[0].reason_code, "not-ours");
  const auto restarted = net::run_to_result<void>([&] { return engine->restart(name); });
  ASSERT_FALSE(restarted);
  EXPECT_EQ(restarted.error().reason(), "not-ours");
  EXPECT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  EXPECT_TRUE(net::run_to_result<void>([&] { return engine->remove_everything(); }));
  EXPECT_THAT(machine->podman({"ps", "-a", "--format", "{{.Names}}"}), HasSubstr(name));
  machine->podman({"rm", "-f", name});
}

TEST_F(PodmanEngineTest, TwoInstallationsSideBySideDoNotSeeEachOther) {
  auto other = machine->make_engine(SystemRandom().hex(16));
  const Workload mine = workload({"serve"});
  const Workload theirs = workload({"serve"});
  apply(mine);
  ASSERT_TRUE(net::run_to_result<ApplyResult>([&] { return other->apply(theirs); }));
  EXPECT_EQ(net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->list(); })->size(), 1U);
  ASSERT_TRUE(net::run_to_result<void>([&] { return other->remove_everything(); }));
  EXPECT_TRUE(wait_ready(mine).ready);
  EXPECT_TRUE(call(mine.host_ports[0].host_port));
  EXPECT_FALSE(apply(mine).changed);
}

TEST_F(PodmanEngineTest, ContainersOutliveTheServiceAndAreFoundAgain) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  const auto before = wait_ready(wanted);
  machine->kill_podman();
  EXPECT_TRUE(call(wanted.host_ports[0].host_port));
  const auto away = net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().reason(), "engine-unavailable");
  machine->start_podman();
  EXPECT_FALSE(apply(wanted).changed);
  EXPECT_EQ(status(wanted)[0].engine_id, before.engine_id);
}

// A Unix socket in the folder that only this container sees, and the process at its other end.
class Listener {
 public:
  explicit Listener(const std::filesystem::path& folder) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    std::filesystem::create_directories(folder);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = (folder / "platform.sock").string();
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
    std::filesystem::permissions(path, std::filesystem::perms(0666));
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
  }
  // Pid of the peer that says `word`.
  ::pid_t accept(const std::string& word) {
    for (int i = 0; i < 2; ++i) {
      pollfd wait{fd_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20'000) != 1) break;
      UniqueFd peer(::accept(fd_.get(), nullptr, nullptr));
      ucred credentials{};
      socklen_t size = sizeof credentials;
      ::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
      char text[16] = {};
      EXPECT_GT(::read(peer.get(), text, sizeof text - 1), 0);
      if (text == word) return credentials.pid;
    }
    ADD_FAILURE() << "nobody said " << word;
    return -1;
  }

 private:
  UniqueFd fd_;
};

TEST_F(PodmanEngineTest, OnlyTheFirstProcessOfAContainerAsRenderedProvesItself) {
  const Workload wanted = workload({"ask"});
  const auto verify = [&](const Workload& as, ::pid_t pid) {
    return net::run_to_result<PeerIdentity>([&] { return engine->verify_peer(as, 0, pid); });
  };
  Listener listener(machine->path() / "sockets" / engine->instance_name("test", 0));
  apply(wanted);
  const ::pid_t child = listener.accept("child");
  const auto refused = verify(wanted, child);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "not-first-process");

  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->restart(engine->instance_name("test", 0)); }));
  const ::pid_t first = listener.accept("first");
  const auto identity = verify(wanted, first);
  ASSERT_TRUE(identity) << identity.error().message();
  EXPECT_EQ(identity->instance, engine->instance_name("test", 0));
  EXPECT_EQ(identity->deployment, "test");
  EXPECT_GT(identity->started_at_ms, 0);

  EXPECT_EQ(verify(wanted, ::getpid()).error().reason(), "not-first-process");
  Workload changed = wanted;
  changed.pod.args = {"serve"};
  EXPECT_EQ(verify(changed, first).error().reason(), "drifted");

  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  EXPECT_EQ(verify(wanted, first).error().reason(), "not-running");
}

// The same name, labels, image and user, and a command of the attacker's own.
TEST_F(PodmanEngineTest, AContainerMadeByHandUnderOurNameIsDriftAndIsReplaced) {
  const Workload wanted = workload({"serve"});
  const std::string name = engine->instance_name("test", 0);
  apply(wanted);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  machine->podman({"run", "-d", "--name", name, "--label", "io.mifeng.installation=" + installation, "--label",
                   "io.mifeng.deployment=test", "--label", "io.mifeng.replica=0", "--user", "65532:65532",
                   machine->image, "hang"});
  const std::string pid = machine->podman({"inspect", "--format", "{{.State.Pid}}", name});
  const auto refused =
      net::run_to_result<PeerIdentity>([&] { return engine->verify_peer(wanted, 0, std::atoi(pid.c_str())); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "drifted");
  const auto seen = net::run_to_result<std::vector<InstanceStatus>>([&] { return engine->status(wanted); });
  ASSERT_TRUE(seen) << seen.error().message();
  EXPECT_EQ(seen->at(0).reason_code, "drifted");
  EXPECT_FALSE(seen->at(0).ready);
  EXPECT_TRUE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready(wanted).ready);
}

TEST_F(PodmanEngineTest, PruneRemovesOnlyImagesOfOursThatNobodyUses) {
  const Workload wanted = workload({"serve"});
  apply(wanted);
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_THAT(machine->podman({"images", "-q"}), Not(IsEmpty()));  // in use
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->remove("test"); }));
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({machine->image}); }));
  EXPECT_THAT(machine->podman({"images", "-q"}), Not(IsEmpty()));  // wanted
  ASSERT_TRUE(net::run_to_result<void>([&] { return engine->prune_images({}); }));
  EXPECT_EQ(machine->podman({"images", "-q"}), "");
}

TEST_F(PodmanEngineTest, DyingBetweenTwoStepsIsMendedByTheNextApply) {
  const Workload wanted = workload({"serve"});
  // What is left after each step: a volume; a container that was made and never started.
  machine->podman({"volume", "create", "--label", "io.mifeng.installation=" + installation, "--label",
                   "io.mifeng.deployment=test", engine->instance_name("test", 0) + ".cache"});
  apply(wanted);
  EXPECT_TRUE(wait_ready(wanted).ready);
  const std::string name = engine->instance_name("test", 0);
  machine->podman({"stop", name});
  EXPECT_EQ(wait_for(wanted, [](const auto& one) { return one.state == InstanceState::kExited; }).exit_code, 0);
  machine->podman({"container", "rm", name});
  EXPECT_EQ(status(wanted)[0].state, InstanceState::kMissing);
  EXPECT_TRUE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready(wanted).ready);
}

}  // namespace
}  // namespace mifeng::cluster
