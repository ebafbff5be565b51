#include "pod_drift.h"

#include <gmock/gmock.h>

#include <functional>

#include "sample.h"

namespace mifeng::kubernetes {
namespace {

using json::Array;
using json::Object;
using json::Value;
using ::testing::StartsWith;

// The pod of sample_workload() as an API server gave it back, with all that it sets of itself.
Object real_spec() {
  const Object pod = testdata_object("pod-of-sample.json");
  const Value* spec = pod.find("spec");
  EXPECT_TRUE(spec != nullptr && spec->if_object() != nullptr);
  return *spec->if_object();
}

std::optional<std::string> drift_of(const Object& spec) {
  return find_pod_drift(render_pod_spec(sample_options(), sample_workload()), spec);
}

Object& container(Object& spec, const char* list, std::size_t index) {
  return *spec.find(list)->if_array()->at(index).if_object();
}
Object& guard(Object& spec) { return container(spec, "containers", 0); }
Object& model(Object& spec) { return container(spec, "containers", 1); }
Object& start(Object& spec) { return container(spec, "initContainers", 0); }
Array& list(Object& in, const char* name) { return *in.find(name)->if_array(); }
Object& inner(Object& in, const char* name) { return *in.find(name)->if_object(); }

TEST(PodDrift, WhatTheApiServerMadeOfItIsAsRendered) { EXPECT_EQ(drift_of(real_spec()), std::nullopt); }

TEST(PodDrift, TheOrderOfMembersSaysNothing) {
  Object turned;
  const Object spec = real_spec();
  for (const auto* one = spec.end(); one != spec.begin();) {
    --one;
    turned.set(one->first, one->second);
  }
  EXPECT_EQ(drift_of(turned), std::nullopt);
}

struct Change {
  const char* path;  // how the drift begins
  std::function<void(Object&)> make;
};

TEST(PodDrift, EveryChangeIsNamed) {
  const std::vector<Change> changes{
      {"containers[1].command", [](Object& s) { model(s).set("command", Array{"sh"}); }},
      {"containers[0].command", [](Object& s) { guard(s).set("command", Array{"sh"}); }},
      {"initContainers[0].command", [](Object& s) { start(s).set("command", Array{"sh"}); }},
      {"containers[1].command is missing", [](Object& s) { model(s).erase("command"); }},
      {"containers[1].args", [](Object& s) { list(model(s), "args").emplace_back("--more"); }},
      {"containers[1].args[2]", [](Object& s) { list(model(s), "args")[2] = "evil()"; }},
      {"containers[0].args is", [](Object& s) { guard(s).set("args", Array{"--debug"}); }},
      {"containers[1].env",
       [](Object& s) {
         list(model(s), "env").emplace_back(Object{{"name", "LD_PRELOAD"}});
       }},
      {"containers[1].env[1].value", [](Object& s) { list(model(s), "env")[1].if_object()->set("value", "$6"); }},
      {"containers[0].env", [](Object& s) { list(guard(s), "env").pop_back(); }},
      {"containers[1].envFrom",
       [](Object& s) {
         model(s).set("envFrom", Array{Object{{"secretRef", Object{{"name", "x"}}}}});
       }},
      {"containers[1].image",
       [](Object& s) { model(s).set("image", "registry.test:5000/acme/digits@sha256:" + std::string(64, '3')); }},
      {"containers[1].image", [](Object& s) { model(s).set("image", "registry.test:5000/acme/digits:latest"); }},
      {"containers[1].name", [](Object& s) { model(s).set("name", "other"); }},
      {"containers[1].volumeMounts",
       [](Object& s) {
         list(model(s), "volumeMounts").emplace_back(Object{{"name", "guard-memory-0"}, {"mountPath", "/look"}});
       }},
      {"containers[1].volumeMounts[0].readOnly is missing",
       [](Object& s) { list(model(s), "volumeMounts")[0].if_object()->erase("readOnly"); }},
      {"containers[1].volumeMounts[0].subPath",
       [](Object& s) { list(model(s), "volumeMounts")[0].if_object()->set("subPath", "a"); }},
      {"containers[1].volumeDevices",
       [](Object& s) {
         model(s).set("volumeDevices", Array{Object{{"name", "x"}}});
       }},
      {"containers[1].livenessProbe",
       [](Object& s) {
         model(s).set("livenessProbe", Object{{"exec", Object{{"command", Array{"sh", "-c", "cat /app/*"}}}}});
       }},
      {"containers[0].livenessProbe.httpGet.path",
       [](Object& s) { inner(inner(guard(s), "livenessProbe"), "httpGet").set("path", "/other"); }},
      {"containers[0].startupProbe is missing", [](Object& s) { guard(s).erase("startupProbe"); }},
      {"containers[1].lifecycle",
       [](Object& s) {
         model(s).set("lifecycle", Object{{"postStart", Object{{"exec", Object{{"command", Array{"sh"}}}}}}});
       }},
      {"containers[1].securityContext.privileged",
       [](Object& s) { inner(model(s), "securityContext").set("privileged", true); }},
      {"containers[1].securityContext.runAsUser",
       [](Object& s) { inner(model(s), "securityContext").set("runAsUser", std::int64_t{65532}); }},
      {"containers[0].securityContext.capabilities.add",
       [](Object& s) { inner(inner(guard(s), "securityContext"), "capabilities").set("add", Array{"SYS_PTRACE"}); }},
      {"containers[0].securityContext.procMount",
       [](Object& s) { inner(guard(s), "securityContext").set("procMount", "Unmasked"); }},
      {"containers[0].securityContext is missing", [](Object& s) { guard(s).erase("securityContext"); }},
      {"containers[1].stdin", [](Object& s) { model(s).set("stdin", true); }},
      {"containers[1].workingDir", [](Object& s) { model(s).set("workingDir", "/app"); }},
      {"containers[0].ports",
       [](Object& s) {
         list(guard(s), "ports").emplace_back(Object{{"containerPort", 1}});
       }},
      {"containers[0].terminationMessagePath", [](Object& s) { guard(s).set("terminationMessagePath", "/app/model"); }},
      {"initContainers[0].restartPolicy", [](Object& s) { start(s).set("restartPolicy", "Always"); }},
      {"containers",
       [](Object& s) {
         list(s, "containers").emplace_back(Object{{"name", "third"}});
       }},
      {"containers", [](Object& s) { list(s, "containers").pop_back(); }},
      {"initContainers",
       [](Object& s) {
         list(s, "initContainers").emplace_back(Object{{"name", "third"}});
       }},
      {"ephemeralContainers",
       [](Object& s) {
         s.set("ephemeralContainers", Array{Object{{"name", "look"}}});
       }},
      {"volumes",
       [](Object& s) {
         list(s, "volumes").emplace_back(Object{{"name", "host"}, {"hostPath", Object{{"path", "/"}}}});
       }},
      {"volumes[0]",
       [](Object& s) {
         Object& volume = *list(s, "volumes")[0].if_object();
         volume.erase("emptyDir");
         volume.set("hostPath", Object{{"path", "/"}});
       }},
      {"volumes[1].emptyDir.medium is missing",
       [](Object& s) { inner(*list(s, "volumes")[1].if_object(), "emptyDir").erase("medium"); }},
      {"volumes[1].emptyDir.sizeLimit",
       [](Object& s) { inner(*list(s, "volumes")[1].if_object(), "emptyDir").set("sizeLimit", "9Mi"); }},
      {"hostNetwork", [](Object& s) { s.set("hostNetwork", true); }},
      {"hostPID", [](Object& s) { s.set("hostPID", true); }},
      {"hostIPC", [](Object& s) { s.set("hostIPC", true); }},
      {"hostUsers", [](Object& s) { s.set("hostUsers", false); }},
      {"hostAliases",
       [](Object& s) {
         s.set("hostAliases", Array{Object{{"ip", "10.0.0.1"}}});
       }},
      {"shareProcessNamespace", [](Object& s) { s.set("shareProcessNamespace", true); }},
      {"serviceAccountName", [](Object& s) { s.set("serviceAccountName", "default"); }},
      {"automountServiceAccountToken", [](Object& s) { s.set("automountServiceAccountToken", true); }},
      {"securityContext.fsGroup", [](Object& s) { inner(s, "securityContext").set("fsGroup", std::int64_t{0}); }},
      {"securityContext.sysctls", [](Object& s) { inner(s, "securityContext").set("sysctls", Array{Object{}}); }},
      {"runtimeClassName", [](Object& s) { s.set("runtimeClassName", "other"); }},
      {"dnsPolicy", [](Object& s) { s.set("dnsPolicy", "None"); }},
      {"dnsConfig",
       [](Object& s) {
         s.set("dnsConfig", Object{{"nameservers", Array{"10.0.0.1"}}});
       }},
      {"restartPolicy", [](Object& s) { s.set("restartPolicy", "Never"); }},
      {"terminationGracePeriodSeconds", [](Object& s) { s.set("terminationGracePeriodSeconds", 1); }},
      {"enableServiceLinks", [](Object& s) { s.set("enableServiceLinks", true); }},
      {"aFieldOfTomorrow", [](Object& s) { s.set("aFieldOfTomorrow", "x"); }},
      {"containers[1].aFieldOfTomorrow", [](Object& s) { model(s).set("aFieldOfTomorrow", false); }},
      {"containers[1].volumeMounts[0].recursiveReadOnly",
       [](Object& s) { list(model(s), "volumeMounts")[0].if_object()->set("recursiveReadOnly", "Enabled"); }},
      {"containers is", [](Object& s) { s.set("containers", "none"); }},
      {"securityContext is", [](Object& s) { s.set("securityContext", nullptr); }},
  };
  for (const Change& change : changes) {
    Object spec = real_spec();
    change.make(spec);
    const auto drift = drift_of(spec);
    ASSERT_TRUE(drift) << change.path;
    EXPECT_THAT(*drift, StartsWith(change.path));
  }
}

TEST(PodDrift, WhereItRunsAndWhatItMayTakeIsTheClusters) {
  const std::vector<Change> changes{
      {"nodeName", [](Object& s) { s.set("nodeName", "node7"); }},
      {"nodeSelector",
       [](Object& s) {
         s.set("nodeSelector", Object{{"pool", "gpu"}});
       }},
      {"affinity",
       [](Object& s) {
         s.set("affinity", Object{{"nodeAffinity", Object{}}});
       }},
      {"tolerations",
       [](Object& s) {
         list(s, "tolerations").emplace_back(Object{{"operator", "Exists"}});
       }},
      {"topologySpreadConstraints", [](Object& s) { s.erase("topologySpreadConstraints"); }},
      {"priority", [](Object& s) { s.set("priority", 100); }},
      {"priorityClassName", [](Object& s) { s.set("priorityClassName", "high"); }},
      {"schedulerName", [](Object& s) { s.set("schedulerName", "volcano"); }},
      {"schedulingGates",
       [](Object& s) {
         s.set("schedulingGates", Array{Object{{"name", "wait"}}});
       }},
      {"overhead",
       [](Object& s) {
         s.set("overhead", Object{{"cpu", "1"}});
       }},
      {"imagePullSecrets",
       [](Object& s) {
         s.set("imagePullSecrets", Array{Object{{"name", "other"}}});
       }},
      {"resources",
       [](Object& s) {
         model(s).set("resources", Object{{"limits", Object{{"cpu", "9"}}}});
       }},
      {"resources", [](Object& s) { start(s).erase("resources"); }},
      {"imagePullPolicy", [](Object& s) { guard(s).set("imagePullPolicy", "Always"); }},
      {"the registry's host",
       [](Object& s) { model(s).set("image", "mirror.test/acme/digits@sha256:" + std::string(64, '2')); }},
      {"another spelling of a size",
       [](Object& s) { inner(*list(s, "volumes")[1].if_object(), "emptyDir").set("sizeLimit", "8Mi"); }},
  };
  for (const Change& change : changes) {
    Object spec = real_spec();
    change.make(spec);
    EXPECT_EQ(drift_of(spec), std::nullopt) << change.path;
  }
}

// A name that is free in one place says nothing of another.
TEST(PodDrift, WhatIsFreeOfAContainerIsNotFreeElsewhere) {
  Object spec = real_spec();
  inner(model(spec), "securityContext").set("resources", Object{});
  EXPECT_TRUE(drift_of(spec));
  spec = real_spec();
  list(spec, "volumes")[0].if_object()->set("nodeName", "x");
  EXPECT_TRUE(drift_of(spec));
  spec = real_spec();
  model(spec).set("nodeName", "x");
  EXPECT_TRUE(drift_of(spec));
}

TEST(PodDrift, NothingIsNoPod) { EXPECT_TRUE(drift_of(Object{})); }

TEST(PodDrift, WhatMayChangeInPlaceIsNamedAndNothingElseIs) {
  const Changeable before = changeable_parts(real_spec());
  EXPECT_EQ(before.size(), 3U);
  EXPECT_EQ(find_change(before, before), std::nullopt);
  EXPECT_EQ(find_evident_change(changeable_parts(render_pod_spec(sample_options(), sample_workload())), before),
            std::nullopt);
  const std::string other = "elsewhere.test/acme/digits@sha256:" + std::string(64, '4');
  const std::vector<Change> changes{
      {"the image of the container model was acme/digits@", [&](Object& s) { model(s).set("image", other); }},
      {"the image of the container guard was mifeng/guard@", [&](Object& s) { guard(s).set("image", other); }},
      {"the ephemeral container debugger was added: tools/debug:1",
       [](Object& s) {
         s.set("ephemeralContainers", Array{Object{{"name", "debugger"}, {"image", "hub.test/tools/debug:1"}}});
       }},
      {"activeDeadlineSeconds was added: 30", [](Object& s) { s.set("activeDeadlineSeconds", 30); }}};
  for (const Change& change : changes) {
    Object spec = real_spec();
    change.make(spec);
    const Changeable now = changeable_parts(spec);
    EXPECT_THAT(find_change(before, now).value_or(""), StartsWith(change.path));
    EXPECT_THAT(find_evident_change(before, now).value_or(""), StartsWith(change.path));
  }
  // Who names his registry otherwise, or comes with another guard, has changed nothing that runs.
  Object spec = real_spec();
  const std::string newer = "registry.test:5000/mifeng/guard@sha256:" + std::string(64, '5');
  guard(spec).set("image", newer);
  start(spec).set("image", newer);
  EXPECT_EQ(find_evident_change(before, changeable_parts(spec)), std::nullopt);
  spec.set("nodeName", "node2");
  EXPECT_EQ(changeable_parts(spec).size(), 3U);
}

}  // namespace
}  // namespace mifeng::kubernetes
