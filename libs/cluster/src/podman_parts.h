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
inline constexpr const char* kSocketsPath = "/mifeng/platform";
inline constexpr int kSlots = 2001;  // more than any deployment has
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
std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int slot);

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int slot);

// The value of kLabelPorts.
std::string ports_label(const PodTemplate& pod);

struct CpuBounds {
  std::int64_t shares = 0;  // 0: not set
  std::int64_t quota = 0;   // of kCpuPeriodMicros; 0: not set
};
CpuBounds cpu_bounds(const Resources& resources);

// The node port that a port is published at by the unit of a slot; none where it is not.
const NodePort* find_node_port(const Workload& workload, const std::string& port_name, int slot);

}  // namespace mifeng::cluster
