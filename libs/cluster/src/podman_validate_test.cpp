#include <gmock/gmock.h>

#include <functional>

#include "podman_render.h"
#include "test_workload.h"

namespace mifeng::cluster {
namespace {

using ::testing::HasSubstr;

TEST(PodmanValidate, ASlotIsWholeWhenItHasEveryPortOfTheTemplate) {
  Workload workload = sample_workload();
  workload.pod.ports.push_back({"metrics", 9090});
  workload.replicas = 0;
  workload.node_ports = {{"http", 0, 1}, {"http", 2, 2}, {"metrics", 2, 3}, {"old", 1, 4}, {"metrics", 0, 5}};
  EXPECT_EQ(whole_slots(workload), (std::vector<int>{0, 2}));
  workload.pod.ports.clear();
  workload.replicas = 2;
  EXPECT_EQ(whole_slots(workload), (std::vector<int>{0, 1, 2}));
}

TEST(PodmanValidate, ANewUnitComesBesideTheOldOneUnlessItNeedsHardwareOfItsOwn) {
  PodTemplate pod = sample_workload().pod;
  EXPECT_EQ(ports_needed(pod, 3).slots, 3);
  EXPECT_EQ(ports_needed(pod, 3).update_slots, 1);
  pod.model.resources.devices["example.com/accelerator"] = 1;
  EXPECT_EQ(ports_needed(pod, 3).slots, 3);
  EXPECT_EQ(ports_needed(pod, 3).update_slots, 0);
}

TEST(PodmanValidate, RefusesWhatCannotBeRendered) {
  const std::vector<std::pair<const char*, std::function<void(Workload&)>>> changes = {
      {"deployment", [](Workload& w) { w.deployment = "Digits"; }},
      {"deployment", [](Workload& w) { w.deployment = "a/../b"; }},
      {"replicas", [](Workload& w) { w.replicas = -1; }},
      {"pod.model.image", [](Workload& w) { w.pod.model.image = "127.0.0.1:5000/acme/digits:latest"; }},
      {"pod.guard.command", [](Workload& w) { w.pod.guard.command.clear(); }},
      {"pod.model.memory_mounts", [](Workload& w) { w.pod.model.memory_mounts[0].path = "/app,exec"; }},
      {"pod.model.memory_mounts", [](Workload& w) { w.pod.model.memory_mounts[0].path = "/app"; }},
      {"pod.shared", [](Workload& w) { w.pod.shared[2].path = "/mifeng/start"; }},
      {"pod.shared", [](Workload& w) { w.pod.shared[2].name = "app"; }},
      {"pod.shared", [](Workload& w) { w.pod.shared[0].size_bytes = 1; }},
      {"pod.model.user", [](Workload& w) { w.pod.model.user = 0; }},
      {"pod.scratch_mounts", [](Workload& w) { w.pod.scratch_mounts[0].path = "/mifeng/platform"; }},
      {"pod.scratch_mounts", [](Workload& w) { w.pod.scratch_mounts[0].volume = "../x"; }},
      {"pod.tolerations", [](Workload& w) { w.pod.tolerations = {{.key = "dedicated"}}; }},
      {"pod.claim_mounts",
       [](Workload& w) {
         w.pod.claim_mounts = {{"data", "/data"}};
       }},
      {"pod.claim_mounts",
       [](Workload& w) {
         w.pod.claim_mounts = {{"acme.data.more", "/data"}};
       }},
      {"pod.claim_mounts",
       [](Workload& w) {
         w.pod.claim_mounts = {{"acme.data", "/cache"}};
       }},
      {"pod.guard.env",
       [](Workload& w) {
         w.pod.guard.env.push_back({"LANG", "C"});
       }},
      {"pod.guard.env",
       [](Workload& w) {
         w.pod.guard.env.push_back({"MIFENG_PLATFORM", "http://127.0.0.1:1"});
       }},
      {"node_ports", [](Workload& w) { w.node_ports.clear(); }},
      {"node_ports", [](Workload& w) { w.replicas = 2; }},
      {"node_ports",
       [](Workload& w) {
         w.replicas = 2;
         w.node_ports.push_back({"http", 1, 30991});
       }},
      {"node_ports",
       [](Workload& w) {
         w.node_ports.push_back({"http", 0, 30992});
       }},
      {"node_ports",
       [](Workload& w) {
         w.node_ports.push_back({"http", -1, 30992});
       }},
      {"node_ports", [](Workload& w) { w.node_ports[0].node_port = 0; }},
      {"node_ports",
       [](Workload& w) {
         w.pod.ports.push_back({"metrics", 9090});
       }},
      {"pod.ports", [](Workload& w) { w.pod.ports[0].container_port = w.pod.health_port; }},
      {"devices", [](Workload& w) { w.pod.model.resources.devices["gpu"] = 1; }},
  };
  EXPECT_TRUE(validate(sample_workload()));
  for (const auto& [field, change] : changes) {
    Workload workload = sample_workload();
    change(workload);
    const auto verdict = validate(workload);
    ASSERT_FALSE(verdict) << field;
    EXPECT_THAT(verdict.error().message(), HasSubstr(field));
  }
}

}  // namespace
}  // namespace mifeng::cluster
