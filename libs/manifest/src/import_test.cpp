#include "mifeng/manifest/import.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "mifeng/os/file.h"

namespace mifeng::manifest {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string corpus(const std::string& name) {
  return *read_text_file(std::string(MIFENG_SOURCE_DIR) + "/libs/manifest/corpus/import/" + name, 1 << 20);
}

Imported import(const std::string& text, const ImportOptions& options = {}) {
  auto imported = import_kubernetes({{"f.yaml", text}}, options);
  EXPECT_TRUE(imported) << imported.error().message();
  return imported ? std::move(*imported) : Imported{};
}

std::vector<std::string> paths(const std::vector<ImportRemark>& remarks) {
  std::vector<std::string> paths;
  for (const ImportRemark& one : remarks) paths.push_back(one.path);
  return paths;
}

// A Deployment that is fine but for these lines, which stand in its pod's spec or in its container.
std::string deployment(const std::string& pod, const std::string& container = "") {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: digits}\nspec:\n  template:\n"
         "    metadata: {labels: {app: digits}}\n    spec:\n" +
         (pod.empty() ? "" : "      " + pod + "\n") +
         "      containers:\n        - name: model\n          command: [/app/model]\n"
         "          ports: [{containerPort: 8080}]\n" +
         (container.empty() ? "" : "          " + container + "\n");
}

TEST(Import, AVendorsDeploymentAndServiceBecomeAConfig) {
  const Imported imported = import(corpus("digits.yaml"));
  ASSERT_THAT(paths(imported.refusals), IsEmpty()) << imported.refusals[0].sentence;
  const DeploymentConfig& config = imported.config;
  EXPECT_EQ(config.name, "digits");
  EXPECT_EQ(config.model_name, "digits");
  EXPECT_EQ(config.model_version, "1.2.0");
  EXPECT_EQ(config.image, "");
  EXPECT_EQ(config.replicas, 2);
  EXPECT_EQ(config.pull_policy, PullPolicy::kAlways);
  EXPECT_THAT(config.command, ElementsAre("/app/model", "--threads", "2"));
  EXPECT_THAT(config.ports, ElementsAre(ContainerPort{"predict", 8080}));
  EXPECT_THAT(config.env, ElementsAre(EnvVar{"LANG", "C.UTF-8"}, EnvVar{"THREADS", "2"}));
  EXPECT_EQ(config.resources.requests.at("memory").units(), 1 << 30);
  EXPECT_EQ(config.resources.limits.at("nvidia.com/gpu").units(), 1);
  EXPECT_EQ(config.readiness_path, "/health");
  EXPECT_EQ(config.termination_grace_seconds, 20);
  EXPECT_EQ(config.progress_deadline_seconds, 900);
  EXPECT_EQ(config.volumes.size(), 2u);
  EXPECT_EQ(config.volumes[0].medium, Volume::Medium::kMemory);
  EXPECT_EQ(config.volumes[1].claim, "digits-state");
  EXPECT_EQ(config.network, Network::kNone);
  EXPECT_THAT(paths(imported.notes), Contains("spec.ports[0].nodePort"));
  EXPECT_THAT(paths(imported.notes), Contains("spec.template.spec.containers[0].image"));
}

TEST(Import, EverythingElseIsRefusedByItsPathAllAtOnce) {
  const Imported imported = import(corpus("refused.yaml"));
  const auto refused = paths(imported.refusals);
  const std::string pod = "spec.template.spec.", container = pod + "containers[0].";
  for (const std::string& path :
       {pod + "hostNetwork", pod + "serviceAccountName", pod + "imagePullSecrets", pod + "initContainers",
        pod + "containers", container + "command[1]", container + "ports[0].containerPort",
        container + "ports[0].hostPort", container + "envFrom", container + "env[0].valueFrom",
        container + "env[1].name", container + "securityContext.privileged",
        container + "securityContext.capabilities.add", container + "volumeMounts[0].mountPath",
        pod + "volumes[0].hostPath", pod + "volumes[1].configMap", std::string("kind"), std::string("spec.type"),
        std::string("spec.selector")})
    EXPECT_THAT(refused, Contains(path));
  for (const ImportRemark& one : imported.refusals) {
    EXPECT_THAT(one.place, StartsWith("f.yaml:"));
    EXPECT_FALSE(one.sentence.empty());
  }
  const auto host = std::find_if(imported.refusals.begin(), imported.refusals.end(),
                                 [&](const ImportRemark& one) { return one.path == pod + "volumes[0].hostPath"; });
  EXPECT_EQ(host->place, "f.yaml:21:40");
  EXPECT_THAT(host->sentence, HasSubstr("emptyDir"));
}

TEST(Import, OneFieldMoreIsRefusedWherever) {
  EXPECT_THAT(paths(import(deployment("")).refusals), IsEmpty());
  const struct {
    const char *pod, *container, *path;
  } kCases[] = {
      {"hostPID: true", "", "spec.template.spec.hostPID"},
      {"hostIPC: yes", "", "spec.template.spec.hostIPC"},
      {"shareProcessNamespace: true", "", "spec.template.spec.shareProcessNamespace"},
      {"nodeSelector: {a: b}", "", "spec.template.spec.nodeSelector"},
      {"runtimeClassName: x", "", "spec.template.spec.runtimeClassName"},
      {"somethingNew: 1", "", "spec.template.spec.somethingNew"},
      {"securityContext: {runAsNonRoot: false}", "", "spec.template.spec.securityContext.runAsNonRoot"},
      {"securityContext: {sysctls: []}", "", "spec.template.spec.securityContext.sysctls"},
      {"securityContext: {seccompProfile: {type: Unconfined}}", "",
       "spec.template.spec.securityContext.seccompProfile.type"},
      {"volumes: [{name: a}]", "", "spec.template.spec.volumes[0]"},
      {"volumes: [{name: a, secret: {secretName: s}}]", "", "spec.template.spec.volumes[0].secret"},
      {"", "lifecycle: {}", "spec.template.spec.containers[0].lifecycle"},
      {"", "workingDir: /x", "spec.template.spec.containers[0].workingDir"},
      {"", "securityContext: {readOnlyRootFilesystem: false}",
       "spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem"},
      {"", "readinessProbe: {exec: {command: [x]}}", "spec.template.spec.containers[0].readinessProbe.exec"},
      {"", "readinessProbe: {httpGet: {path: health}}", "spec.template.spec.containers[0].readinessProbe.httpGet.path"},
      {"", "env: [{name: A, value: $(B)}]", "spec.template.spec.containers[0].env[0].value"},
      {"", "env: {A: b}", "spec.template.spec.containers[0].env"},
      {"", "resources: {limits: {hugepages-2Mi: 4Mi}}",
       "spec.template.spec.containers[0].resources.limits.hugepages-2Mi"},
      {"", "resources: {limits: {memory: much}}", "spec.template.spec.containers[0].resources.limits.memory"},
      {"", "resources: {claims: []}", "spec.template.spec.containers[0].resources.claims"},
  };
  for (const auto& one : kCases)
    EXPECT_THAT(paths(import(deployment(one.pod, one.container)).refusals), ElementsAre(one.path)) << one.path;
}

TEST(Import, WhatOnlyTwoFieldsShowIsRefusedByTheConfigsOwnLoader) {
  const Imported imported = import(deployment("", "resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}"));
  ASSERT_EQ(imported.refusals.size(), 1u);
  EXPECT_THAT(imported.refusals[0].sentence, HasSubstr("memory is requested as 2Gi"));
  EXPECT_THAT(import(deployment("", "volumeMounts: [{name: a, mountPath: /a}]")).refusals, testing::SizeIs(1));
}

TEST(Import, DocumentsComeInAnyOrderAndInAList) {
  const std::string service =
      "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {selector: {app: digits}, ports: [{name: web, port: "
      "8080}]}\n";
  EXPECT_EQ(import(service + "---\n" + deployment("")).config.ports[0].name, "web");
  EXPECT_EQ(import("---\n---\n" + deployment("") + "---\n").config.ports[0].name, "http");
  const std::string list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret}\n";
  EXPECT_THAT(paths(import(list).refusals), ElementsAre("kind", "kind")) << "and there is no Deployment";
  EXPECT_THAT(paths(import(deployment("") + "---\n" + deployment("")).refusals), ElementsAre("kind"));
  auto two = import_kubernetes({{"a.yaml", service}, {"b.yaml", deployment("hostPID: true")}}, {});
  ASSERT_TRUE(two);
  EXPECT_EQ(two->refusals.at(0).place, "b.yaml:8:16");
}

TEST(Import, ModelAndVersionAreTheDeploymentsOrAreSaid) {
  EXPECT_EQ(import(deployment("", "image: host:5000/acme/digits")).config.model_version, "1.0.0");
  EXPECT_EQ(import(deployment("", "image: acme/digits:latest")).config.model_version, "1.0.0");
  const auto said = import(deployment("", "image: acme/digits:2.1"), {.model_name = "numbers", .model_version = "3.0"});
  EXPECT_EQ(said.config.model_name, "numbers");
  EXPECT_EQ(said.config.model_version, "3.0");
  EXPECT_EQ(import(deployment(""), {.model_name = "Not a label", .model_version = ""}).refusals.size(), 1u);
}

TEST(Import, WhatCannotBeReadIsAnError) {
  for (const char* text : {"", "---\n", "a: [", "a: &x 1\nb: *x\n", "a: 1\na: 2\n", "\xff"}) {
    const auto imported = import_kubernetes({{"f.yaml", text}}, {});
    ASSERT_FALSE(imported) << text;
    EXPECT_EQ(imported.error().reason(), "bad-yaml");
  }
  for (const char* text : {"1", "[]", "{}", "- a\n", "kind: Deployment\n"})
    EXPECT_FALSE(import(text).refusals.empty()) << text;
}

}  // namespace
}  // namespace mifeng::manifest
