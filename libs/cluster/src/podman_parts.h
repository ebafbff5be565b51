// What the rendering of a container and the comparison with it share.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "podman_render.h"

namespace mifeng::cluster {

inline constexpr const char* kSocketsPath = "/mifeng/platform";
inline constexpr int kSlots = 2001;  // more than any deployment has
inline constexpr std::int64_t kCpuPeriodMicros = 100'000;
inline constexpr std::int64_t kPidsMax = 4096;

// "UID:GID" of a container; the group is the same for both of a unit.
std::string user_of(const ContainerTemplate& container);
const ContainerTemplate& template_of(const PodTemplate& pod, Part part);

// In the order and spelling in which libpod shows them again, without `U`, which it turns into uid and gid.
std::vector<std::string> tmpfs_options(const MemoryMount& mount);
// As mount(8) takes them, of the volume behind a shared folder: bounded by pages, since Podman takes a size for a
// quota.
std::string shared_volume_options(const SharedFolder& folder, const PodTemplate& pod);

struct Mounted {
  std::string type, source, destination;
  std::set<std::string> options;
  bool writable = false;
};

// Folders of the host and volumes that a container sees.
std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int slot, Part part);

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int slot, Part part);

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
