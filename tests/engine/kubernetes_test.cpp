// What is Kubernetes' alone: one node port before all units, controllers, objects of others, an API server's bad days.
#include <array>
#include <filesystem>

#include "kubernetes_bench.h"
#include "mifeng/cluster/json_path.h"
#include "tunnel.h"

namespace mifeng::cluster {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class KubernetesTest : public EngineTestBase {
 protected:
  KubernetesTest() : EngineTestBase(kubernetes_bench()) {}
  ~KubernetesTest() override { engine = cluster.make_engine(installation); }  // before the tunnel goes

  // Until it is as wanted, and at no look before had an update left fewer units than `least` serving. One that had been
  // ready and misses a probe, since the machine had no time for it, is not taken from anybody by an update.
  void drive_with_at_least(std::size_t least, const Workload& wanted, Watcher& watcher) {
    std::set<std::string> were_ready;
    const auto is_done = [&] {
      const ApplyResult last = apply(wanted);
      std::size_t serving = 0;
      std::string seen;
      for (const Unit& unit : last.units) {
        if (unit.ready) were_ready.insert(unit.engine_id);
        serving += unit.state == UnitState::kRunning && were_ready.contains(unit.engine_id) ? 1 : 0;
        seen += unit.name + " of revision " + std::to_string(unit.revision) + " is " + to_string(unit.state) +
                (unit.ready ? ", ready" : ", not ready") + " " + unit.reason_code + " " + unit.reason + "\n";
      }
      EXPECT_GE(serving, least) << seen;
      return last.settled && all_ready(last.units);
    };
    EXPECT_TRUE(watcher.wait_for(is_done, 90s));
  }
  std::string of_deployment(const std::string& path) {
    return cluster.kubectl({"get", "deployment", "mf-test", "-o", "jsonpath={" + path + "}"});
  }
  // An engine whose every connection goes through the tunnel.
  std::unique_ptr<Engine> make_engine_behind_tunnel() {
    auto config = json::parse_object(cluster.kubeconfig());
    EXPECT_TRUE(config);
    json::Value* clusters = config->find("clusters");
    json::Object* entry = clusters->if_array()->at(0).if_object();
    entry->find("cluster")->if_object()->set("proxy-url", tunnel.url());
    return cluster.make_engine(installation, json::serialize(*config));
  }
  Result<ApplyResult> try_apply(const Workload& wanted) {
    return net::run_to_result<ApplyResult>([&] { return engine->apply(wanted); });
  }

  KubernetesBench& cluster = kubernetes_bench();
  Tunnel tunnel{cluster.node_address(), 6443};
};

TEST_F(KubernetesTest, AnUpdateNeverHasFewerReadyUnitsThanWanted) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const auto before = ids();
  wanted.revision = 2;
  wanted.pod.guard.env.push_back({"MORE", "1"});
  drive_with_at_least(2, wanted, watcher);
  expect_all_of(2, 0, 2);
  for (const std::string& id : ids()) EXPECT_FALSE(before.contains(id));
  EXPECT_FALSE(apply(wanted).changed);
}

TEST_F(KubernetesTest, ARestartReplacesAllOneByOne) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const auto before = ids();
  wanted.restart = 1;
  drive_with_at_least(2, wanted, watcher);
  expect_all_of(1, 1, 2);
  for (const std::string& id : ids()) EXPECT_FALSE(before.contains(id));
}

TEST_F(KubernetesTest, WhatNeverGetsReadyLeavesTheOldOnesServing) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  ASSERT_TRUE(call_soon(wanted.node_ports[0].node_port));
  const auto before = ids();
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"serve", "503 Service Unavailable"}, {"exit", "3", "no"}}) {
    ++wanted.revision;
    wanted.pod.guard.args = args;
    apply(wanted);
    ASSERT_TRUE(watcher.wait_for([&] {
      const auto result = apply(wanted);
      EXPECT_FALSE(result.settled);
      return std::any_of(result.units.begin(), result.units.end(), [&](const Unit& one) {
        return one.revision == wanted.revision && (one.reason_code == "not-ready" || one.reason_code == "exited");
      });
    }));
    EXPECT_FALSE(apply(wanted).changed);
    std::size_t serving = 0;
    for (const Unit& one : units()) serving += before.contains(one.engine_id) && one.ready ? 1 : 0;
    EXPECT_EQ(serving, 2U);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(call(wanted.node_ports[0].node_port));
  }
  // And the next that can takes their place.
  ++wanted.revision;
  wanted.pod.guard.args = {"serve"};
  drive_with_at_least(2, wanted, watcher);
  expect_all_of(wanted.revision, 0, 2);
}

TEST_F(KubernetesTest, ScalesDownToNoneAndUpAgain) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 3);
  ASSERT_TRUE(drive(wanted, watcher));
  ASSERT_EQ(endpoints().size(), 1U);
  EXPECT_EQ(endpoints()[0].kind, EndpointKind::kBalanced);
  wanted.replicas = 1;
  EXPECT_TRUE(apply(wanted).changed);
  drive_with_at_least(1, wanted, watcher);
  EXPECT_EQ(units().size(), 1U);
  EXPECT_FALSE(apply(wanted).changed);
  EXPECT_THAT(bench.everything_of(installation), Not(HasSubstr("poddisruptionbudget")));
  wanted.replicas = 0;
  EXPECT_TRUE(watcher.wait_for([&] { return apply(wanted).settled; }));
  EXPECT_THAT(units(), IsEmpty());
  EXPECT_THAT(endpoints(), IsEmpty());
  wanted.replicas = 2;
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_TRUE(call_soon(endpoints().at(0).node_port));
  EXPECT_THAT(bench.everything_of(installation), HasSubstr("poddisruptionbudget"));
}

TEST_F(KubernetesTest, AnotherPortUnderAnotherNameIsAnUpdateLikeAnyOther) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 1);
  ASSERT_TRUE(drive(wanted, watcher));
  wanted.revision = 2;
  wanted.pod.ports = {{"grpc", 8080}};
  wanted.node_ports.push_back({"grpc", 0, free_port()});  // the former one's is kept until nobody needs it
  EXPECT_TRUE(drive(wanted, watcher));
  const auto dialled = endpoints();
  ASSERT_EQ(dialled.size(), 1U);
  EXPECT_EQ(dialled[0].port_name, "grpc");
  EXPECT_EQ(dialled[0].node_port, wanted.node_ports[1].node_port);
  EXPECT_TRUE(call_soon(dialled[0].node_port));
}

TEST_F(KubernetesTest, AClaimIsNeverInTwoRevisionsAtOnceAndOutlivesThem) {
  const std::string folder = std::filesystem::path(cluster.fact("logs")).parent_path() / "claims";
  cluster.apply_yaml(
      "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: " + cluster.name_space() +
      "}\nspec:\n  capacity: {storage: 64Mi}\n  accessModes: [ReadWriteOnce]\n  storageClassName: by-hand\n"
      "  persistentVolumeReclaimPolicy: Retain\n  hostPath: {path: " +
      folder + ", type: DirectoryOrCreate}\n");
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"});
  wanted.pod.claim_mounts = {{"acme.data", "/data", 32 << 20, "by-hand"}};
  ASSERT_TRUE(drive(wanted, watcher));
  EXPECT_EQ(of_deployment(".spec.strategy.type"), "Recreate");
  wanted.revision = 2;
  wanted.pod.guard.env.push_back({"MORE", "1"});
  EXPECT_TRUE(watcher.wait_for(
      [&] {
        const ApplyResult last = apply(wanted);
        std::set<std::int64_t> revisions;
        for (const Unit& one : last.units) revisions.insert(one.revision);
        EXPECT_LE(revisions.size(), 1U);
        return last.settled && all_ready(last.units);
      },
      90s));
  expect_done([&] { return engine->remove_everything(); });
  EXPECT_EQ(bench.everything_of(installation), "persistentvolumeclaim/mf-acme.data\n");
  expect_done([&] { return engine->remove_claims({"acme.data"}); });
  EXPECT_TRUE(comes_about([&] { return bench.everything_of(installation).empty(); }));
  cluster.kubectl({"delete", "pv", cluster.name_space()});
}

TEST_F(KubernetesTest, OnePortHasItsServiceAsHolder) {
  const Workload wanted = workload({"serve"}, 2);
  apply(wanted);
  EXPECT_THAT(get<std::vector<PortInUse>>([&] { return engine->ports_in_use(); }),
              Contains(AllOf(Field(&PortInUse::port, wanted.node_ports[0].node_port),
                             Field(&PortInUse::holder, HasSubstr(cluster.name_space() + "/mf-test")))));
}

// ---- objects of others

TEST_F(KubernetesTest, AnObjectOfSomebodyElseUnderOurNameIsRefusedAndStaysAsItIs) {
  const std::string pod =
      "{metadata: {labels: {app: theirs}}, spec: {containers: [{name: guard, image: \"" + bench.image() +
      "\", securityContext: {runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, "
      "seccompProfile: {type: RuntimeDefault}}}]}}";
  const std::string spec =
      "\nspec:\n  replicas: 0\n  selector: {matchLabels: {app: theirs}}\n  template: " + pod + "\n";
  const std::array<std::string, 2> labels{"{app: theirs}",
                                          "{app: theirs, mifeng.io/installation: " + SystemRandom().hex(16) + "}"};
  for (const std::string& label : labels) {
    cluster.apply_yaml("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: mf-test, labels: " + label + "}" +
                       spec);
    const std::string before = of_deployment(".metadata.generation} {.metadata.labels} {.spec");
    const auto refused = try_apply(workload({"serve"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kPermissionDenied);
    EXPECT_EQ(refused.error().reason(), "not-ours");
    expect_done([&] { return engine->remove("test"); });
    EXPECT_EQ(of_deployment(".metadata.generation} {.metadata.labels} {.spec"), before);
    EXPECT_EQ(bench.everything_of(installation), "");
    cluster.kubectl({"delete", "deployment", "mf-test"});
  }
  // So is a service alone, and a claim.
  cluster.kubectl({"create", "service", "clusterip", "mf-test", "--clusterip=None"});
  const auto refused = try_apply(workload({"serve"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "not-ours");
  EXPECT_THAT(cluster.kubectl({"get", "service", "mf-test", "-o", "yaml"}), Not(HasSubstr("nodePort")));
  cluster.kubectl({"delete", "service", "mf-test"});
  cluster.apply_yaml(
      "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: mf-acme.data}\nspec:\n"
      "  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 32Mi}}\n");
  Workload claiming = workload({"serve"});
  claiming.pod.claim_mounts = {{"acme.data", "/data", 32 << 20}};
  const auto unclaimed = try_apply(claiming);
  ASSERT_FALSE(unclaimed);
  EXPECT_EQ(unclaimed.error().reason(), "not-ours");
  EXPECT_EQ(reason_of([&] { return engine->remove_claims({"acme.data"}); }), "not-ours");
  cluster.kubectl({"delete", "pvc", "mf-acme.data"});
}

TEST_F(KubernetesTest, ATakenNodePortIsNamedAndWorksWhenItIsFree) {
  const Workload wanted = workload({"serve"});
  const std::string port = std::to_string(wanted.node_ports[0].node_port);
  cluster.kubectl({"create", "service", "nodeport", "theirs", "--tcp=80", "--node-port=" + port});
  const ApplyResult result = apply(wanted);
  EXPECT_FALSE(result.settled);
  ASSERT_EQ(result.units.size(), 1U);
  EXPECT_EQ(result.units[0].state, UnitState::kFailed);
  EXPECT_EQ(result.units[0].reason_code, "port-taken");
  EXPECT_THAT(result.units[0].reason, HasSubstr(port));
  EXPECT_EQ(units().at(0).reason_code, "port-taken");
  EXPECT_THAT(get<std::vector<PortInUse>>([&] { return engine->ports_in_use(); }),
              Contains(AllOf(Field(&PortInUse::port, wanted.node_ports[0].node_port),
                             Field(&PortInUse::holder, HasSubstr("theirs")))));
  cluster.kubectl({"delete", "service", "theirs"});
  Watcher watcher(*engine);
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_TRUE(call_soon(wanted.node_ports[0].node_port));
}

TEST_F(KubernetesTest, WhatSomebodyChangedByHandIsSetRightByTheNextApply) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  const std::string other = bench.push("other");
  const std::string image = of_deployment(".spec.template.spec.containers[?(@.name=='model')].image");
  const std::vector<std::vector<std::string>> changes{
      {"scale", "deployment", "mf-test", "--replicas=1"},
      {"set", "image", "deployment/mf-test", "model=" + other},
      {"set", "env", "deployment/mf-test", "-c", "guard", "LANG=de_DE"},
      {"patch", "service", "mf-test", "-p", R"({"spec":{"externalTrafficPolicy":"Local"}})"}};
  for (const auto& change : changes) {
    SCOPED_TRACE(::testing::PrintToString(change));
    cluster.kubectl(change);
    EXPECT_TRUE(apply(wanted).changed);
    EXPECT_TRUE(drive(wanted, watcher));
    EXPECT_FALSE(apply(wanted).changed);
    EXPECT_EQ(units().size(), 2U);
    EXPECT_EQ(of_deployment(".spec.template.spec.containers[?(@.name=='model')].image"), image);
    EXPECT_EQ(of_deployment(".spec.template.spec.containers[?(@.name=='guard')].env[?(@.name=='LANG')].value"),
              "C.UTF-8");
    EXPECT_EQ(cluster.kubectl({"get", "service", "mf-test", "-o", "jsonpath={.spec.externalTrafficPolicy}"}),
              "Cluster");
  }
  // What is not the deployment's spec is set right and no change of what runs.
  cluster.kubectl({"label", "deployment", "mf-test", "--overwrite", "mifeng.io/revision=9"});
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_EQ(of_deployment(".metadata.labels.mifeng\\.io/revision"), "1");
  // Also what is gone.
  for (const char* kind : {"service", "deployment", "networkpolicy", "poddisruptionbudget"}) {
    SCOPED_TRACE(kind);
    cluster.kubectl({"delete", kind, "mf-test"});
    EXPECT_TRUE(drive(wanted, watcher));
    EXPECT_THAT(bench.everything_of(installation), HasSubstr("/mf-test\n"));
    EXPECT_THAT(cluster.kubectl({"get", kind, "mf-test", "-o", "name"}), HasSubstr("mf-test"));
  }
}

TEST_F(KubernetesTest, ABudgetGoesWithTheSecondReplicaAndSomebodyElsesStays) {
  const auto budgets = [&] { return cluster.kubectl({"get", "poddisruptionbudgets", "-o", "name"}); };
  cluster.kubectl({"create", "poddisruptionbudget", "mf-test", "--selector=app=of-somebody-else", "--min-available=1"});
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"});
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_THAT(budgets(), HasSubstr("/mf-test\n"));
  cluster.kubectl({"delete", "poddisruptionbudget", "mf-test"});
  wanted.replicas = 2;
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_THAT(budgets(), HasSubstr("/mf-test\n"));
  wanted.replicas = 1;
  EXPECT_TRUE(drive(wanted, watcher));
  EXPECT_EQ(budgets(), "");
}

TEST_F(KubernetesTest, AQuotaThatIsUsedUpIsToldAndHealsWhenItIsNot) {
  Watcher watcher(*engine);
  const Workload wanted = workload({"serve"}, 2);
  cluster.kubectl({"create", "quota", "few", "--hard=pods=1"});
  apply(wanted);
  EXPECT_TRUE(watcher.wait_for([&] {
    const auto all = units();
    return std::any_of(all.begin(), all.end(), [](const Unit& one) { return one.reason_code == "quota"; });
  }));
  EXPECT_FALSE(apply(wanted).settled);
  const auto all = units();
  const auto unmade = std::find_if(all.begin(), all.end(), [](const Unit& one) { return one.reason_code == "quota"; });
  ASSERT_NE(unmade, all.end());
  EXPECT_EQ(unmade->state, UnitState::kFailed);
  EXPECT_THAT(unmade->reason, HasSubstr("few"));
  cluster.kubectl({"delete", "quota", "few"});
  EXPECT_TRUE(drive(wanted, watcher));
}

TEST_F(KubernetesTest, WhatNoNodeTakesSaysWhy) {
  Workload wanted = workload({"serve"});
  wanted.pod.model.resources.cpu_request_millis = 1'000'000;
  apply(wanted);
  const Unit waiting = wait_reason("unschedulable");
  EXPECT_EQ(waiting.state, UnitState::kPending);
  EXPECT_THAT(waiting.reason, HasSubstr("Insufficient cpu"));
}

TEST_F(KubernetesTest, WhoMaySeeOneNamespaceAloneWorksInIt) {
  cluster.kubectl({"create", "serviceaccount", "operator"});
  cluster.apply_yaml(R"(
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: operator}
rules:
- {apiGroups: [""], resources: [pods, services, serviceaccounts, persistentvolumeclaims, events, pods/log], verbs: ["*"]}
- {apiGroups: [apps], resources: [deployments, replicasets], verbs: ["*"]}
- {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: ["*"]}
- {apiGroups: [policy], resources: [poddisruptionbudgets], verbs: ["*"]}
)");
  cluster.kubectl({"create", "rolebinding", "operator", "--role=operator",
                   "--serviceaccount=" + cluster.name_space() + ":operator"});
  std::string token = cluster.kubectl({"create", "token", "operator"});
  token.erase(token.find_last_not_of('\n') + 1);
  auto config = json::parse_object(cluster.kubeconfig());
  ASSERT_TRUE(config);
  json::Object* user = config->find("users")->if_array()->at(0).if_object();
  user->set("user", json::Object{{"token", token}});
  engine = cluster.make_engine(installation, json::serialize(*config));
  EXPECT_THAT(get<ClusterFacts>([&] { return engine->probe(); }).may, Not(Contains("see-nodes")));
  Watcher watcher(*engine);
  const Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  EXPECT_THAT(get<std::vector<PortInUse>>([&] { return engine->ports_in_use(); }),
              Contains(Field(&PortInUse::port, wanted.node_ports[0].node_port)));
  expect_done([&] { return engine->remove("test"); });
}

// ---- the API server's bad days

// It begins with an empty memory, to which what a watch saw last is too old (410).
TEST_F(KubernetesTest, AnApiServerThatRestartsIsHeardAgain) {
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"}, 2);
  ASSERT_TRUE(drive(wanted, watcher));
  for (int round = 0; round < 2; ++round) {
    bench.stop_service();
    bench.start_service();
    cluster.kubectl({"scale", "deployment", "mf-test", "--replicas=" + std::to_string(3 + round)});
    EXPECT_TRUE(watcher.wait_for([&] {
      const auto all = net::run_to_result<std::vector<Unit>>([&] { return engine->units("test"); });
      return all && all->size() == static_cast<std::size_t>(3 + round) && all_ready(*all);
    }));
  }
}

TEST_F(KubernetesTest, AnApiServerThatGoesAwayWhileUnitsAreMadeLosesNothing) {
  Watcher watcher(*engine);
  std::vector<Workload> all;
  for (const char* name : {"one", "two", "three"}) {
    all.push_back(workload({"serve"}));
    all.back().deployment = name;
  }
  std::atomic<bool> over{false};
  std::atomic<int> refused{0};
  std::thread applier([&] {
    while (!over) {
      for (const Workload& wanted : all) refused += try_apply(wanted) ? 0 : 1;
      std::this_thread::sleep_for(50ms);
    }
  });
  std::this_thread::sleep_for(300ms);  // somewhere among them
  bench.stop_service();
  std::this_thread::sleep_for(15s);
  bench.start_service();
  const auto runs = [&](const Workload& wanted) {
    const auto result = try_apply(wanted);
    return result && result->settled && all_ready(result->units);
  };
  EXPECT_TRUE(watcher.wait_for([&] { return std::all_of(all.begin(), all.end(), runs); }, 90s));
  over = true;
  applier.join();
  EXPECT_GT(refused, 0);
  EXPECT_EQ(get<std::vector<Unit>>([&] { return engine->all_units(); }).size(), 3U);
  // The cluster's own parts have to hear of them first, which try later each time.
  for (const Workload& wanted : all)
    EXPECT_TRUE(comes_about([&] { return call(wanted.node_ports[0].node_port).has_value(); }, 150s));
}

TEST_F(KubernetesTest, ConnectionsThatBreakOffLoseNothing) {
  engine = make_engine_behind_tunnel();
  Watcher watcher(*engine);
  Workload wanted = workload({"serve"});
  ASSERT_TRUE(drive(wanted, watcher));
  std::atomic<bool> over{false};
  std::thread cutter([&] {
    while (!over) {
      tunnel.cut();
      std::this_thread::sleep_for(700ms);
    }
  });
  for (const int replicas : {2, 1, 3}) {
    wanted.replicas = replicas;
    EXPECT_TRUE(watcher.wait_for(
        [&] {
          const auto last = try_apply(wanted);
          return last && last->settled && all_ready(last->units);
        },
        90s));
  }
  over = true;
  cutter.join();
  // And what happens after the last cut is heard of without asking.
  cluster.kubectl({"scale", "deployment", "mf-test", "--replicas=1"});
  EXPECT_TRUE(watcher.wait_for([&] {
    const auto all = net::run_to_result<std::vector<Unit>>([&] { return engine->units("test"); });
    return all && all->size() == 1;
  }));
}

TEST_F(KubernetesTest, AnApiServerThatIsSlowIsWaitedFor) {
  engine = make_engine_behind_tunnel();
  tunnel.delay(400ms);
  Watcher watcher(*engine);
  EXPECT_TRUE(drive(workload({"serve"}), watcher));
  tunnel.delay(0ms);
}

TEST_F(KubernetesTest, OneThatNoLongerAnswersIsGivenUpAndBlocksNobodyElse) {
  auto stuck = make_engine_behind_tunnel();
  const Workload wanted = workload({"serve"});
  ASSERT_TRUE(net::run_to_result<ApplyResult>([&] { return stuck->apply(wanted); }));
  tunnel.stall(true);
  std::thread waiting([&] {
    const auto began = Steady::now();
    const auto given_up = net::run_to_result<std::vector<Unit>>([&] { return stuck->units("test"); });
    EXPECT_FALSE(given_up);
    EXPECT_LT(Steady::now() - began, 60s);
  });
  EXPECT_FALSE(apply(wanted).changed);
  EXPECT_TRUE(wait_ready().ready);
  waiting.join();
  tunnel.stall(false);
  EXPECT_TRUE(net::run_to_result<std::vector<Unit>>([&] { return stuck->units("test"); }));
}

}  // namespace
}  // namespace mifeng::cluster
