// A workload as libpod's containers/create wants it, and the comparison of what libpod says about a container with
// that. Pure functions: no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/cluster/engine.h"
#include "mifeng/json/value.h"

namespace mifeng::cluster {

inline constexpr std::string_view kLabelInstallation = "io.mifeng.installation";
inline constexpr std::string_view kLabelDeployment = "io.mifeng.deployment";
inline constexpr std::string_view kLabelReplica = "io.mifeng.replica";
inline constexpr std::string_view kLabelVolume = "io.mifeng.volume";
inline constexpr std::string_view kLabelClaim = "io.mifeng.claim";

// What every container of an installation has in common.
struct PodmanFrame {
  std::string installation;
  std::filesystem::path sockets_dir;
  std::string host_ip = "127.0.0.1";
  std::string network;
  // Bounds that the host sets for r_limits: asking for more makes the start fail where CAP_SYS_RESOURCE is missing.
  std::int64_t nofile = 1024;
  std::int64_t nproc = 1024;
};

// kInvalidArgument "bad-workload": a name, port or size that cannot be rendered, with its path.
Result<void> validate(const Workload& workload);

std::string instance_name(const PodmanFrame& frame, const std::string& deployment, int replica);
// mf-<installation>-<deployment>-<replica>.<volume>
std::string volume_name(const PodmanFrame& frame, const std::string& deployment, int replica,
                        const std::string& volume);

// mf-<installation>.<vendor>.<claim>
std::string claim_volume_name(const PodmanFrame& frame, const std::string& claim);

// Engine::not_held for Podman.
std::vector<std::string> not_held(const PodTemplate& pod);

// The body of POST containers/create for one replica of a valid workload.
json::Object render_container(const PodmanFrame& frame, const Workload& workload, int replica);

// The sha256:... of REGISTRY/NAME@sha256:..., empty where there is none.
std::string_view image_digest(std::string_view image);

// Compares libpod's answer to GET containers/NAME/json with what was rendered; gives the first field that differs as
// "HostConfig.Memory is 1, rendered was 2", or nothing where the container is what was rendered.
// `image_env`: the environment of the image's own config, which a container inherits.
std::optional<std::string> find_drift(const PodmanFrame& frame, const Workload& workload, int replica,
                                      const json::Object& inspected, const std::vector<std::string>& image_env);

}  // namespace mifeng::cluster
