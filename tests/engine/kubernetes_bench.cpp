#include "kubernetes_bench.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>

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

// The processes of a container, by its id in their cgroup's path.
std::vector<int> pids_of(const std::string& container) {
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 1) continue;
    const auto groups = read_text_file(entry.path() / "cgroup", 64 << 10);
    if (groups && groups->find(container) != std::string::npos) pids.push_back(pid);
  }
  return pids;
}

}  // namespace

KubernetesBench& kubernetes_bench() { return *bench; }

INSTANTIATE_TEST_SUITE_P(Kubernetes, EngineTest, ::testing::Values(&the_bench));

std::string KubernetesBench::fact(const char* name) const { return text_at(facts_, name); }

std::string KubernetesBench::command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {of_environment("MIFENG_CLUSTER_COMMAND"), "--number",
                                       std::to_string(integer_at(facts_, "number"))});
  return run(arguments);
}

std::string KubernetesBench::kubectl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {fact("kubectl"), "--kubeconfig", fact("kubeconfig")});
  return run(arguments);
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

Steady::time_point KubernetesBench::kill(const Unit& unit) {
  const std::string id = kubectl({"get", "pod", "-n", name_space_, unit.name, "-o",
                                  "jsonpath={.status.containerStatuses[?(@.name=='guard')].containerID}"});
  const auto pids = pids_of(id.substr(id.rfind('/') + 1));
  const auto now = Steady::now();
  EXPECT_FALSE(pids.empty()) << unit.name << ": " << id;
  for (const int pid : pids) EXPECT_EQ(::kill(pid, SIGKILL), 0);
  return now;
}

void KubernetesBench::freeze(const Unit& unit, bool frozen) {
  const std::string id = kubectl({"get", "pod", "-n", name_space_, unit.name, "-o",
                                  "jsonpath={.status.containerStatuses[?(@.name=='guard')].containerID}"});
  for (const int pid : pids_of(id.substr(id.rfind('/') + 1))) EXPECT_EQ(::kill(pid, frozen ? SIGSTOP : SIGCONT), 0);
}

std::string KubernetesBench::everything_of(const std::string& installation) {
  return kubectl({"get", "-n", name_space_, "deployments,pods,services,networkpolicies,poddisruptionbudgets,pvc", "-o",
                  "name", "-l", "mifeng.io/installation=" + installation});
}

}  // namespace mifeng::cluster
