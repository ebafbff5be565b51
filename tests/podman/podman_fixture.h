// The engine against a real Podman and a real registry, both started here with storage of their own.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "mifeng/base/child_process.h"
#include "mifeng/base/random.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/net/client.h"
#include "mifeng/stack/backends.h"

namespace mifeng::cluster {

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

extern Machine* const machine;  // machine.cpp

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

}  // namespace mifeng::cluster
