// The workload of which testdata/rendered.json holds the objects, and what a real API server (1.33) said of them and of
// others like them.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "mifeng/json/value.h"
#include "mifeng/os/file.h"
#include "objects.h"

namespace mifeng::kubernetes {

inline std::string testdata(const std::string& name) {
  const auto text = read_text_file(MIFENG_SOURCE_DIR "/libs/kubernetes/testdata/" + name, 4 << 20);
  EXPECT_TRUE(text) << text.error().message();
  return text ? *text : std::string();
}

inline json::Object testdata_object(const std::string& name) {
  auto object = json::parse_object(testdata(name));
  EXPECT_TRUE(object) << object.error().message();
  return object ? std::move(*object) : json::Object();
}

inline KubernetesOptions sample_options() {
  KubernetesOptions options;
  options.installation = "0123456789abcdef0123456789abcdef";
  options.name_space = "models";
  return options;
}

inline cluster::Workload sample_workload() {
  cluster::Workload workload;
  workload.deployment = "digits-a1b2c3";
  workload.revision = 3;
  workload.restart = 1;
  workload.replicas = 2;
  workload.node_ports = {{"http", 0, 30991}, {"former", 0, 30992}};
  workload.door = cluster::GuardDoor{"http://10.0.0.9:7443", "tag$1", "mifeng/key-1"};
  cluster::PodTemplate& pod = workload.pod;
  pod.guard.image = "registry.test:5000/mifeng/guard@sha256:" + std::string(64, '1');
  pod.guard.command = {"/mifeng/bin/mifeng-guard"};
  pod.guard.env = {{"LANG", "C.UTF-8"}, {"MIFENG_MODEL", "a $(LANG) and $$5"}};
  pod.guard.resources.memory_request_bytes = 48 << 20;
  pod.guard.resources.memory_limit_bytes = 48 << 20;
  pod.guard.memory_mounts = {{"/mifeng/run", 8 << 20, false}};
  pod.model.image = "registry.test:5000/acme/digits@sha256:" + std::string(64, '2');
  pod.model.pull_policy = cluster::PullPolicy::kAlways;
  pod.model.command = {"/mifeng/start/mifeng-start", "--"};
  pod.model.args = {"python3", "-c", "print('$(HOME)')"};
  pod.model.env = {{"EMPTY", ""}, {"PRICE", "$5"}};
  pod.model.user = manifest::kModelUserMin + 7;
  pod.model.resources.cpu_request_millis = 500;
  pod.model.resources.cpu_limit_millis = 1500;
  pod.model.resources.memory_request_bytes = 32 << 20;
  pod.model.resources.memory_limit_bytes = 64 << 20;
  pod.model.resources.devices = {{"nvidia.com/gpu", 1}};
  pod.model.memory_mounts = {{"/tmp", 8 << 20, false}, {"/dev/shm", 1 << 20, false}};
  pod.shared = {{"app", "/app", 8 << 20, true, false},
                {"guard", "/mifeng/guard", 1 << 20, false, false},
                {"model", "/mifeng/model", 1 << 20, false, true}};
  pod.ports = {{"http", 8080}};
  pod.scratch_mounts = {{"cache", "/cache", std::nullopt}, {"spool", "/spool", 8 << 20}};
  pod.claim_mounts = {{"acme.data", "/data", 1 << 30, "fast"}};
  return workload;
}

}  // namespace mifeng::kubernetes
