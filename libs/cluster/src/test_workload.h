// The workload of which testdata/inspected.json is Podman 4.3.1's view: rendered by render_container, started,
// inspected.
#pragma once

#include "podman_render.h"

namespace mifeng::cluster {

inline PodmanFrame sample_frame() {
  PodmanFrame frame;
  frame.installation = "0123456789abcdef0123456789abcdef";
  frame.sockets_dir = "/srv/mifeng/sockets";
  frame.network = "mf-01234567";
  return frame;
}

inline Workload sample_workload() {
  Workload workload;
  workload.deployment = "digits-a1b2c3";
  workload.node_ports = {{"http", 0, 30991}};
  PodTemplate& pod = workload.pod;
  pod.image = "127.0.0.1:5999/test/tiny@sha256:29f82a398e3a80e7f877564d219444b0c8dab1b378cc1232484518fe4d4e01b2";
  pod.command = {"/tiny"};
  pod.args = {"serve"};
  pod.env = {{"LANG", "C.UTF-8"}};
  pod.ports = {{"http", 8080}};
  pod.resources.cpu_request_millis = 500;
  pod.resources.cpu_limit_millis = 1500;
  pod.resources.memory_request_bytes = 32 << 20;
  pod.resources.memory_limit_bytes = 64 << 20;
  pod.memory_mounts = {{"/app", 8 << 20, true}, {"/mifeng/run", 8 << 20, false}};
  pod.scratch_mounts = {{"cache", "/cache", std::nullopt}};
  return workload;
}

}  // namespace mifeng::cluster
