// The workload of which testdata/inspected-{guard,model}.json are Podman 4.3.1's view: rendered by render_container,
// started, inspected.
#pragma once

#include <gtest/gtest.h>

#include "mifeng/os/file.h"
#include "podman_render.h"

namespace mifeng::cluster {

inline PodmanFrame sample_frame() {
  PodmanFrame frame;
  frame.installation = "0123456789abcdef0123456789abcdef";
  frame.sockets_dir = "/srv/mifeng/sockets";
  frame.start_dir = "/srv/mifeng/start";
  frame.network = "mf-01234567";
  return frame;
}

// `part`: "guard", "model".
inline json::Object sample_inspected(const std::string& part) {
  const auto text = read_text_file(MIFENG_SOURCE_DIR "/libs/cluster/testdata/inspected-" + part + ".json", 1 << 20);
  EXPECT_TRUE(text) << text.error().message();
  auto object = json::parse_object(*text);
  EXPECT_TRUE(object) << object.error().message();
  return std::move(*object);
}

inline Workload sample_workload() {
  Workload workload;
  workload.deployment = "digits-a1b2c3";
  workload.node_ports = {{"http", 0, 30991}};
  PodTemplate& pod = workload.pod;
  const std::string image =
      "127.0.0.1:5999/test/tiny@sha256:29f82a398e3a80e7f877564d219444b0c8dab1b378cc1232484518fe4d4e01b2";
  pod.guard.image = pod.model.image = image;
  pod.guard.command = pod.model.command = {"/tiny"};
  pod.guard.args = {"serve"};
  pod.guard.env = {{"LANG", "C.UTF-8"}};
  pod.guard.resources.memory_limit_bytes = 48 << 20;
  pod.guard.memory_mounts = {{"/mifeng/run", 8 << 20, false}};
  pod.model.args = {"hang"};
  pod.model.env = {{"MIFENG_SOCKET", "/mifeng/model/model.sock"}};
  pod.model.user = manifest::kModelUserMin;
  pod.model.resources.cpu_request_millis = 500;
  pod.model.resources.cpu_limit_millis = 1500;
  pod.model.resources.memory_request_bytes = 32 << 20;
  pod.model.resources.memory_limit_bytes = 64 << 20;
  pod.model.memory_mounts = {{"/tmp", 8 << 20, false}};
  pod.shared = {{"app", "/app", 8 << 20, true, false},
                {"guard", "/mifeng/guard", 1 << 20, false, false},
                {"model", "/mifeng/model", 1 << 20, false, true}};
  pod.ports = {{"http", 8080}};
  pod.scratch_mounts = {{"cache", "/cache", std::nullopt}};
  return workload;
}

}  // namespace mifeng::cluster
