// What the rendering of a container and the comparison with it share.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "podman_render.h"

namespace mifeng::cluster {

// uid and gid of every model's container; nobody of the host.
inline constexpr const char* kUser = "65532:65532";
inline constexpr std::int64_t kCpuPeriodMicros = 100'000;
inline constexpr std::int64_t kPidsMax = 4096;

// In the order and spelling in which libpod shows them again, without `U`, which it turns into uid and gid.
std::vector<std::string> tmpfs_options(const MemoryMount& mount);

struct Mounted {
  std::string type, source, destination;
  std::set<std::string> options;
  bool writable = false;
};

// Folders of the host that the container sees: its volumes and the folder of its socket.
std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int replica);

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int replica);

struct CpuBounds {
  std::int64_t shares = 0;  // 0: not set
  std::int64_t quota = 0;   // of kCpuPeriodMicros; 0: not set
};
CpuBounds cpu_bounds(const Resources& resources);

// The port of the host that a replica's port is published at; none where it is not.
const HostPort* find_host_port(const Workload& workload, const std::string& port_name, int replica);

}  // namespace mifeng::cluster
