#include "podman_bench.h"

#include <signal.h>

#include <cstdlib>
#include <sstream>

namespace mifeng::cluster {
namespace {

std::string run(const std::vector<std::string>& arguments,
                std::optional<std::map<std::string, std::string>> env = std::nullopt) {
  ChildOptions options;
  options.argv = arguments;
  options.env = std::move(env);
  const auto output = run_command(std::move(options), 120s);
  EXPECT_TRUE(output) << output.error().message();
  EXPECT_TRUE(output->exit.success()) << arguments[0] << ": " << output->output;
  return output->output;
}

// Started before the first test, whatever file it is in.
PodmanBench* const bench = new PodmanBench;  // googletest's
[[maybe_unused]] ::testing::Environment* const registered = ::testing::AddGlobalTestEnvironment(bench);

Bench* the_bench() { return bench; }

}  // namespace

PodmanBench& podman_bench() { return *bench; }

INSTANTIATE_TEST_SUITE_P(Podman, EngineTest, ::testing::Values(&the_bench));
INSTANTIATE_TEST_SUITE_P(Podman, SlottedEngineTest, ::testing::Values(&the_bench));

void PodmanBench::SetUp() {
  auto folder = TempDir::create("/tmp", "mf-");
  ASSERT_TRUE(folder) << folder.error().message();
  folder_.emplace(std::move(*folder));
  auto port = stack::pick_loopback_port(0);
  ASSERT_TRUE(port);
  registry_name_ = "127.0.0.1:" + std::to_string(*port);
  std::filesystem::create_directories(path() / "logs");
  std::filesystem::create_directories(path() / "start");
  auto registry = stack::start_registry({path() / "registry", path() / "logs/registry.log", *port});
  ASSERT_TRUE(registry) << registry.error().message();
  registry_ = std::move(*registry);
  options_ = {path() / "podman", path() / "run/podman.sock", path() / "logs/podman.log", registry_name_};
  start_service();
  image_ = push("probe");
}

void PodmanBench::TearDown() {
  for (const std::string& installation : installations_) {
    auto engine = make_engine(installation);
    const auto removed = net::run_to_result<void>([&] { return engine->remove_everything(); });
    EXPECT_TRUE(removed) << removed.error().message();
  }
  if (podman_) stack::stop_podman(*podman_, options_);
  podman_.reset();
  registry_.reset();
}

void PodmanBench::start_service() {
  auto podman = stack::start_podman(options_);
  ASSERT_TRUE(podman) << podman.error().message();
  podman_ = std::move(*podman);
}

std::string PodmanBench::push(const std::string& name) {
  const std::string layout = (path() / ("layout-" + name)).string();
  std::filesystem::remove_all(layout);
  const std::string digest = run({"/usr/bin/python3", MIFENG_MAKE_IMAGE, MIFENG_PROBE, layout});
  run({"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "oci:" + layout,
       "docker://" + registry_name_ + "/test/" + name + ":1"});
  return registry_name_ + "/test/" + name + "@" + digest.substr(0, 71);
}

std::unique_ptr<Engine> PodmanBench::make_engine(const std::string& installation, const std::filesystem::path& socket,
                                                 const std::vector<std::string>& packet_filter) {
  installations_.insert(installation);
  PodmanOptions options;
  options.socket = socket;
  options.installation = installation;
  options.sockets_dir = path() / "sockets";
  options.start_dir = path() / "start";  // nothing of the probe's is in it
  options.registry = registry_name_;
  options.packet_filter = packet_filter;
  auto engine = create_podman_engine(options, clock_);
  EXPECT_TRUE(engine) << engine.error().message();
  return std::move(*engine);
}

std::string PodmanBench::podman(std::vector<std::string> arguments) {
  const auto env = stack::write_podman_config(options_);
  EXPECT_TRUE(env);
  arguments.insert(arguments.begin(), {"podman", "--cgroup-manager", "cgroupfs"});
  return run(arguments, *env);
}

int PodmanBench::pid_of(const std::string& name) {
  return std::atoi(podman({"inspect", "--format", "{{.State.Pid}}", name}).c_str());
}

Steady::time_point PodmanBench::kill(const Unit& unit) {
  const int pid = pid_of(unit.name);
  const auto now = Steady::now();
  EXPECT_TRUE(pid > 1 && ::kill(pid, SIGKILL) == 0) << unit.name;
  return now;
}

void PodmanBench::freeze(const Unit& unit, bool frozen) {
  // Without the engine's knowledge.
  const std::string pids = podman({"top", unit.name, "hpid"});
  std::istringstream lines(pids);
  std::string line;
  std::getline(lines, line);  // the title
  while (std::getline(lines, line)) ASSERT_EQ(::kill(std::atoi(line.c_str()), frozen ? SIGSTOP : SIGCONT), 0);
}

std::string PodmanBench::everything_of(const std::string& installation) {
  const std::string label = "label=io.mifeng.installation=" + installation;
  return podman({"ps", "-a", "--filter", label, "--format", "{{.Names}}"}) +
         podman({"volume", "ls", "-q", "--filter", label});
}

}  // namespace mifeng::cluster
