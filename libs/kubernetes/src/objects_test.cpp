#include "objects.h"

#include <gmock/gmock.h>

#include "mifeng/cluster/json_path.h"
#include "sample.h"

namespace mifeng::kubernetes {
namespace {

using cluster::Workload;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> kinds_of(const Workload& workload) {
  std::vector<std::string> kinds;
  for (const Rendered& one : render(sample_options(), workload)) kinds.push_back(cluster::text_at(one.object, "kind"));
  return kinds;
}

// Of the deployment that a workload makes.
json::Object deployment_of_workload(const Workload& workload) {
  return render(sample_options(), workload).back().object;
}

TEST(KubernetesObjects, AreAsTheyWere) {
  json::Array objects;
  for (const Rendered& one : render_common(sample_options())) objects.emplace_back(one.object);
  for (const Rendered& one : render(sample_options(), sample_workload())) objects.emplace_back(one.object);
  const std::string text =
      json::serialize_pretty(json::Object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", objects}});
  // Other objects replace every pod that runs: when this changes, that is what an update of the platform does.
  EXPECT_EQ(text, testdata("rendered.json"));
}

TEST(KubernetesObjects, TheSameWorkloadGivesTheSameObjects) {
  const auto one = render(sample_options(), sample_workload()), other = render(sample_options(), sample_workload());
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i)
    EXPECT_EQ(json::serialize(one[i].object), json::serialize(other[i].object));
}

TEST(KubernetesObjects, ThereAreNoMoreThanAreNeeded) {
  Workload workload = sample_workload();
  EXPECT_THAT(kinds_of(workload),
              ElementsAre("PersistentVolumeClaim", "NetworkPolicy", "Service", "PodDisruptionBudget", "Deployment"));
  workload.replicas = 1;
  workload.pod.claim_mounts.clear();
  EXPECT_THAT(kinds_of(workload), ElementsAre("NetworkPolicy", "Service", "Deployment"));
  workload.pod.ports.clear();
  EXPECT_THAT(kinds_of(workload), ElementsAre("NetworkPolicy", "Deployment"));
}

TEST(KubernetesObjects, AModelWithoutANetworkMakesNoSocketForOne) {
  const auto args_of_model = [](const Workload& workload) {
    const json::Object spec = render_pod_spec(sample_options(), workload);
    return cluster::texts_at(*spec.find("containers")->if_array()->at(1).if_object(), "args");
  };
  Workload workload = sample_workload();
  workload.pod.model.command = {manifest::kStartProgram};
  workload.pod.model.args = {"--env", "A", "--", "/app/model"};
  workload.pod.network = manifest::Network::kNone;
  EXPECT_THAT(args_of_model(workload), ElementsAre("--only-unix-sockets", "--env", "A", "--", "/app/model"));
  workload.pod.network = manifest::Network::kOutgoing;
  EXPECT_THAT(args_of_model(workload), ElementsAre("--env", "A", "--", "/app/model"));
}

TEST(KubernetesObjects, AClaimLetsNoUnitBeMadeBesideAnOldOne) {
  Workload workload = sample_workload();
  EXPECT_EQ(cluster::text_at(deployment_of_workload(workload), "spec", "strategy", "type"), "Recreate");
  workload.pod.claim_mounts.clear();
  const json::Object rolling = deployment_of_workload(workload);
  EXPECT_EQ(cluster::text_at(rolling, "spec", "strategy", "type"), "RollingUpdate");
  EXPECT_EQ(cluster::integer_at(rolling, "spec", "strategy", "rollingUpdate", "maxUnavailable"), 0);
}

TEST(KubernetesObjects, WhatTheConfigSaysIsTheDeadline) {
  Workload workload = sample_workload();
  const auto deadline = [&] {
    return cluster::integer_at(deployment_of_workload(workload), "spec", "progressDeadlineSeconds");
  };
  EXPECT_EQ(deadline(), sample_options().progress_deadline_seconds);
  workload.pod.progress_deadline_seconds = 7200;
  EXPECT_EQ(deadline(), 7200);
}

TEST(KubernetesObjects, TaintsAreToleratedBesideThoseOfALostNode) {
  Workload workload = sample_workload();
  const auto tolerations = [&] {
    const json::Array all = *render_pod_spec(sample_options(), workload).find("tolerations")->if_array();
    EXPECT_GE(all.size(), 2u);
    return json::serialize(json::Array(all.begin() + 2, all.end()));
  };
  EXPECT_EQ(tolerations(), "[]");
  workload.pod.tolerations = {{.key = "nvidia.com/gpu"},
                              {.key = "dedicated", .value = "lab", .effect = "NoSchedule"},
                              {.key = "spot", .value = "", .effect = "NoExecute", .seconds = 0}};
  EXPECT_EQ(tolerations(),
            R"([{"key":"nvidia.com/gpu","operator":"Exists"},)"
            R"({"key":"dedicated","operator":"Equal","value":"lab","effect":"NoSchedule"},)"
            R"({"key":"spot","operator":"Equal","value":"","effect":"NoExecute","tolerationSeconds":0}])");
}

// Kubernetes would put its own values where $(NAME) stands.
TEST(KubernetesObjects, ADollarIsADollarInTheContainer) {
  const std::string spec = json::serialize(render_pod_spec(sample_options(), sample_workload()));
  EXPECT_THAT(spec, HasSubstr(R"(print('$$(HOME)'))"));
  EXPECT_THAT(spec, HasSubstr(R"("a $$(LANG) and $$$$5")"));
  EXPECT_THAT(spec, HasSubstr(R"("$$5")"));
  EXPECT_THAT(spec, HasSubstr(R"("tag$$1")"));
}

TEST(KubernetesObjects, WithoutADoorThereIsNoToken) {
  Workload workload = sample_workload();
  workload.door.reset();
  const std::string spec = json::serialize(render_pod_spec(sample_options(), workload));
  EXPECT_EQ(spec.find("serviceAccountToken\""), std::string::npos);
  EXPECT_EQ(spec.find("MIFENG_PLATFORM"), std::string::npos);
  EXPECT_THAT(spec, HasSubstr("\"automountServiceAccountToken\":false"));
}

TEST(KubernetesObjects, TheSelectorIsTheSameForEveryRevision) {
  Workload workload = sample_workload();
  const auto selector = [&] {
    return json::serialize(*cluster::at(deployment_of_workload(workload), "spec", "selector"));
  };
  const std::string before = selector();
  workload.revision = 9;
  workload.restart = 9;
  EXPECT_EQ(selector(), before);
}

TEST(KubernetesObjects, NamesComeBack) {
  EXPECT_EQ(object_name("digits"), "mf-digits");
  EXPECT_EQ(deployment_of("mf-digits"), "digits");
  EXPECT_EQ(deployment_of("digits"), "");
  EXPECT_EQ(target_of(Kind::kDeployment, "models", "mf-digits"),
            "/apis/apps/v1/namespaces/models/deployments/mf-digits");
  EXPECT_EQ(target_of(Kind::kService, "models"), "/api/v1/namespaces/models/services");
}

struct BadWorkload {
  const char* path;
  void (*change)(Workload&);
};
const BadWorkload kBad[] = {
    {"deployment", [](Workload& w) { w.deployment = "Digits"; }},
    {"deployment", [](Workload& w) { w.deployment = ""; }},
    {"deployment", [](Workload& w) { w.deployment = std::string(41, 'a'); }},
    {"replicas", [](Workload& w) { w.replicas = -1; }},
    {"replicas", [](Workload& w) { w.replicas = 1001; }},
    {"pod.guard.image", [](Workload& w) { w.pod.guard.image = "registry.test/guard:1"; }},
    {"pod.model.command", [](Workload& w) { w.pod.model.command.clear(); }},
    {"pod.model.user", [](Workload& w) { w.pod.model.user = 0; }},
    {"pod.model.env",
     [](Workload& w) {
       w.pod.model.env.push_back({"A=B", "1"});
     }},
    {"pod.model.env",
     [](Workload& w) {
       w.pod.model.env.push_back({"PRICE", "6"});
     }},
    {"pod.guard.env",
     [](Workload& w) {
       w.pod.guard.env.push_back({"MIFENG_UNIT", "x"});
     }},
    {"pod.model.memory_mounts",
     [](Workload& w) {
       w.pod.model.memory_mounts.push_back({"/app", 1, false});
     }},
    {"pod.model.memory_mounts",
     [](Workload& w) {
       w.pod.model.memory_mounts.push_back({"/a/../b", 1, false});
     }},
    {"pod.shared",
     [](Workload& w) {
       w.pod.shared.push_back({"app", "/other", 1, false, false});
     }},
    {"pod.scratch_mounts",
     [](Workload& w) {
       w.pod.scratch_mounts.push_back({"A", "/a", std::nullopt});
     }},
    {"pod.claim_mounts",
     [](Workload& w) {
       w.pod.claim_mounts.push_back({"nodot", "/a"});
     }},
    {"pod.ports",
     [](Workload& w) {
       w.pod.ports.push_back({"a-name-of-16-byt", 81});
     }},
    {"pod.ports",
     [](Workload& w) {
       w.pod.ports.push_back({"health", w.pod.health_port});
     }},
    {"node_ports", [](Workload& w) { w.node_ports[0].slot = 1; }},
    {"node_ports", [](Workload& w) { w.node_ports[1].node_port = 30991; }},
    {"node_ports", [](Workload& w) { w.node_ports[0].port_name = "other"; }},
};

TEST(KubernetesObjects, WhatCannotBeRenderedIsRefusedByItsPath) {
  ASSERT_TRUE(validate(sample_workload())) << validate(sample_workload()).error().message();
  for (const BadWorkload& bad : kBad) {
    Workload workload = sample_workload();
    bad.change(workload);
    const auto refused = validate(workload);
    ASSERT_FALSE(refused) << bad.path;
    EXPECT_EQ(refused.error().reason(), "bad-workload");
    EXPECT_THAT(refused.error().message(), ::testing::StartsWith(bad.path));
  }
}

}  // namespace
}  // namespace mifeng::kubernetes
