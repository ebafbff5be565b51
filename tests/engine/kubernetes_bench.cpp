#include "kubernetes_bench.h"

#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "mifeng/cluster/json_path.h"
#include "mifeng/os/child_process.h"
#include "mifeng/os/file.h"

namespace mifeng::cluster {
namespace {

std::string run(const std::vector<std::string>& arguments) {
  ChildOptions options;
  options.argv = arguments;
  const auto output = run_command(std::move(options), 180s);
  EXPECT_TRUE(output) << output.error().message();
  EXPECT_TRUE(output->exit.success()) << arguments[0] << ": " << output->output;
  return output->output;
}

std::string of_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

KubernetesBench* const bench = new KubernetesBench;  // googletest's
[[maybe_unused]] ::testing::Environment* const registered = ::testing::AddGlobalTestEnvironment(bench);
Bench* the_bench() { return bench; }

// The processes of a unit's guard, without asking anybody: its pod's uid is in their cgroup's path, and the model has
// another user. The pod's own first process, with which all would end, does not run the probe.
std::vector<int> guard_pids(const Unit& unit) {
  const std::string user = "\nUid:\t" + std::to_string(manifest::kGuardUser) + "\t";
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 1) continue;
    const auto groups = read_text_file(entry.path() / "cgroup", 64 << 10);
    if (!groups || groups->find("pod" + unit.engine_id) == std::string::npos) continue;
    const auto status = read_text_file(entry.path() / "status", 64 << 10);
    if (status && status->starts_with("Name:\tprobe\n") && status->find(user) != std::string::npos) pids.push_back(pid);
  }
  return pids;
}

void signal_all(const std::vector<int>& pids, int number) {
  for (const int pid : pids) EXPECT_TRUE(::kill(pid, number) == 0 || errno == ESRCH) << pid;  // with its parent
}

bool within(std::chrono::seconds at_most, const std::function<bool()>& condition) {
  const auto until = Steady::now() + at_most;
  while (!condition()) {
    if (Steady::now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

}  // namespace

KubernetesBench& kubernetes_bench() { return *bench; }

INSTANTIATE_TEST_SUITE_P(Kubernetes, EngineTest, ::testing::Values(&the_bench));
// One node port stands before all units.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SlottedEngineTest);

std::string KubernetesBench::fact(const char* name) const { return text_at(facts_, name); }

std::string KubernetesBench::command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {of_environment("MIFENG_CLUSTER_COMMAND"), "--number",
                                       std::to_string(integer_at(facts_, "number"))});
  return run(arguments);
}

std::string KubernetesBench::kubectl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {fact("kubectl"), "--kubeconfig", fact("kubeconfig"), "-n", name_space_});
  return run(arguments);
}

void KubernetesBench::apply_yaml(const std::string& text) {
  const auto folder = TempDir::create("/tmp", "mf-");
  ASSERT_TRUE(folder);
  const auto file = folder->path() / "objects.yaml";
  ASSERT_TRUE(write_file_atomic(file, as_bytes(text)));
  kubectl({"apply", "-f", file.string()});
}

std::string KubernetesBench::kubeconfig() const {
  auto text = read_text_file(fact("kubeconfig"), 1 << 20);
  EXPECT_TRUE(text) << text.error().message();
  return *text;
}

void KubernetesBench::SetUp() {
  auto facts = json::parse_object(of_environment("MIFENG_TEST_CLUSTER"));
  ASSERT_TRUE(facts) << "MIFENG_TEST_CLUSTER must hold what `tests/cluster/cluster status` prints";
  facts_ = std::move(*facts);
  name_space_ = "engine-" + SystemRandom().hex(4);
  kubectl({"create", "namespace", name_space_});
  kubectl({"label", "namespace", name_space_, "pod-security.kubernetes.io/enforce=restricted"});
  image_ = push("probe");
}

void KubernetesBench::TearDown() {
  if (!name_space_.empty()) kubectl({"delete", "namespace", name_space_, "--wait=false"});
}

std::string KubernetesBench::push(const std::string& name) {
  const auto folder = TempDir::create("/tmp", "mf-");
  EXPECT_TRUE(folder);
  const std::string layout = (folder->path() / "layout").string();
  const std::string digest = run({"/usr/bin/python3", MIFENG_MAKE_IMAGE, MIFENG_PROBE, layout});
  run({"skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "oci:" + layout,
       "docker://" + registry() + "/test/" + name + ":1"});
  return registry() + "/test/" + name + "@" + digest.substr(0, 71);
}

std::unique_ptr<Engine> KubernetesBench::make_engine(const std::string& installation, const std::string& config) {
  installations_.insert(installation);
  auto login = kubernetes::read_kubeconfig(config);
  EXPECT_TRUE(login) << login.error().message();
  kubernetes::KubernetesOptions options;
  options.installation = installation;
  options.name_space = name_space_;
  options.start_command = {"/probe", "exit", "0", ""};  // nothing of the probe's is in the folder of mifeng-start
  options.min_ready_seconds = 0;
  auto engine = kubernetes::create_kubernetes_engine(std::move(*login), options, clock_);
  EXPECT_TRUE(engine) << engine.error().message();
  return std::move(*engine);
}

// Kubelet starts it again at once the first time, and waits the second.
Steady::time_point KubernetesBench::kill(const Unit& unit) {
  EXPECT_FALSE(guard_pids(unit).empty()) << unit.name << " " << unit.engine_id;
  Steady::time_point last;
  do {
    last = Steady::now();
    signal_all(guard_pids(unit), SIGKILL);
    EXPECT_TRUE(within(10s, [&] { return guard_pids(unit).empty(); }));
  } while (within(4s, [&] { return !guard_pids(unit).empty(); }));
  return last;
}

void KubernetesBench::freeze(const Unit& unit, bool frozen) {
  const auto pids = guard_pids(unit);
  EXPECT_FALSE(pids.empty()) << unit.name;
  signal_all(pids, frozen ? SIGSTOP : SIGCONT);
}

void KubernetesBench::start_service() {
  command({"start", "apiserver"});
  EXPECT_TRUE(within(60s, [&] {
    ChildOptions options;
    options.argv = {fact("kubectl"), "--kubeconfig", fact("kubeconfig"), "--request-timeout=5s",
                    "get",           "--raw",        "/readyz"};
    const auto output = run_command(std::move(options), 20s);
    return output && output->exit.success();
  }));
}

std::string KubernetesBench::everything_of(const std::string& installation) {
  return kubectl({"get", "deployments,pods,services,networkpolicies,poddisruptionbudgets,pvc", "-o", "name", "-l",
                  "mifeng.io/installation=" + installation});
}

}  // namespace mifeng::cluster
