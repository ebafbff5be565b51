// What a workload must be to be rendered for Podman.
#include <algorithm>
#include <set>

#include "mifeng/base/bounds.h"
#include "mifeng/manifest/rules.h"
#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

bool is_label(std::string_view text, std::size_t max) { return !manifest::check_label(text, max); }

Error bad(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kInvalidArgument, "bad-workload", path + " " + why);
}

// Paths end up in mount options and labels, so they hold nothing that a list or an option could be made of.
bool is_mount_path(std::string_view path) {
  if (path.size() < 2 || path.size() > 255 || path.front() != '/' || path.back() == '/') return false;
  if (path.find("//") != std::string_view::npos || path.find("/.") != std::string_view::npos) return false;
  return std::all_of(path.begin(), path.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '-' ||
           c == '_' || c == '.';
  });
}

Result<void> check_memory_folder(const std::string& where, const std::string& path, std::int64_t size,
                                 std::set<std::string>& paths) {
  if (!is_mount_path(path)) return bad(where, "has a path that cannot be mounted: " + path);
  if (size < 4096) return bad(where, "needs at least 4096 bytes for " + path);
  if (!paths.insert(path).second) return bad(where, "has " + path + " twice");
  return ok();
}

// `paths`: where something is mounted already.
Result<void> check_container(const std::string& where, const ContainerTemplate& container,
                             std::set<std::string>& paths) {
  if (container.image.size() > 500 || image_digest(container.image).empty())
    return bad(where + ".image", "must name a digest: REGISTRY/NAME@sha256:...");
  if (container.command.empty()) return bad(where + ".command", "must not be empty");
  if (container.user == 0) return bad(where + ".user", "must not be root");
  for (const MemoryMount& mount : container.memory_mounts)
    MIFENG_CHECK(check_memory_folder(where + ".memory_mounts", mount.path, mount.size_bytes, paths));
  std::set<std::string> env;
  for (const EnvVar& variable : container.env) {
    if (variable.name.empty() || variable.name.find_first_of(std::string("=\0", 2)) != std::string::npos)
      return bad(where + ".env", "has a variable without a proper name");
    if (variable.value.find('\0') != std::string::npos)
      return bad(where + ".env", variable.name + " holds a zero byte");
    if (!env.insert(variable.name).second) return bad(where + ".env", "has " + variable.name + " twice");
    if (variable.name == "MIFENG_UNIT" || variable.name == "MIFENG_PLATFORM")
      return bad(where + ".env", variable.name + " is set by the engine");
  }
  for (const auto& [kind, count] : container.resources.devices) {
    if (kind.empty() || kind.find('/') == std::string::npos || kind.find_first_of("= ,") != std::string::npos)
      return bad(where + ".resources.devices", "has no domain/name: " + kind);
    if (count < 0 || count > 64) return bad(where + ".resources.devices", kind + " must be from 0 to 64");
  }
  return ok();
}

}  // namespace

Result<void> validate(const Workload& workload) {
  const PodTemplate& pod = workload.pod;
  if (!is_label(workload.deployment, 40)) return bad("deployment", "must be a DNS label of at most 40 bytes");
  if (workload.replicas < 0 || workload.replicas > bounds::kReplicasMax)
    return bad("replicas", "must be from 0 to " + std::to_string(bounds::kReplicasMax));
  std::set<std::string> paths{kSocketsPath, manifest::kStartFolder};
  std::set<std::string> names;
  for (const SharedFolder& folder : pod.shared) {
    if (!is_label(folder.name, 63)) return bad("pod.shared", "has a name that is no DNS label: " + folder.name);
    if (!names.insert(folder.name).second) return bad("pod.shared", "has " + folder.name + " twice");
    MIFENG_CHECK(check_memory_folder("pod.shared", folder.path, folder.size_bytes, paths));
  }
  for (const Part part : {Part::kGuard, Part::kModel})
    MIFENG_CHECK(check_container(std::string("pod.") + to_string(part), template_of(pod, part), paths));
  if (!pod.tolerations.empty()) return bad("pod.tolerations", "are of Kubernetes' nodes: one machine has no taints");
  std::set<std::string> volumes;
  for (const ScratchMount& mount : pod.scratch_mounts) {
    if (!is_mount_path(mount.path))
      return bad("pod.scratch_mounts", "has a path that cannot be mounted: " + mount.path);
    if (!is_label(mount.volume, 63)) return bad("pod.scratch_mounts", "has a volume whose name is no DNS label");
    if (!paths.insert(mount.path).second) return bad("pod.scratch_mounts", "has " + mount.path + " twice");
  }
  for (const ClaimMount& mount : pod.claim_mounts) {
    if (!is_mount_path(mount.path)) return bad("pod.claim_mounts", "has a path that cannot be mounted: " + mount.path);
    const std::size_t dot = mount.claim.find('.');
    if (dot == std::string::npos || !is_label(mount.claim.substr(0, dot), 63) ||
        !is_label(mount.claim.substr(dot + 1), 63))
      return bad("pod.claim_mounts", "has a claim that is not VENDOR.NAME, two DNS labels");
    if (!paths.insert(mount.path).second) return bad("pod.claim_mounts", "has " + mount.path + " twice");
  }
  for (const ContainerPort& port : pod.ports) {
    if (!is_label(port.name, 63)) return bad("pod.ports", "has a name that is no DNS label: " + port.name);
    if (port.container_port == 0) return bad("pod.ports", port.name + " must be from 1 to 65535");
    if (port.container_port == pod.health_port) return bad("pod.ports", port.name + " is the health port");
  }
  std::set<std::uint16_t> numbers;
  std::set<std::pair<std::string, int>> places;
  for (const NodePort& port : workload.node_ports) {
    if (port.slot < 0 || port.slot >= kSlots) return bad("node_ports", "has a slot that is not from 0 to 2000");
    if (port.node_port == 0) return bad("node_ports", "has none for port " + port.port_name);
    if (!numbers.insert(port.node_port).second)
      return bad("node_ports", "has " + std::to_string(port.node_port) + " twice");
    if (!places.emplace(port.port_name, port.slot).second)
      return bad("node_ports", "has two for port " + port.port_name + " of slot " + std::to_string(port.slot));
  }
  if (static_cast<int>(whole_slots(workload).size()) < workload.replicas)
    return bad("node_ports", "has fewer whole slots than there are replicas");
  return ok();
}

std::vector<int> whole_slots(const Workload& workload) {
  std::vector<int> slots;
  if (workload.pod.ports.empty()) {
    const PortNeeds needs = ports_needed(workload.pod, workload.replicas);
    for (int slot = 0; slot < needs.slots + needs.update_slots; ++slot) slots.push_back(slot);
    return slots;
  }
  std::set<int> named;
  for (const NodePort& port : workload.node_ports) named.insert(port.slot);
  for (const int slot : named) {
    const auto has_it = [&](const ContainerPort& port) { return find_node_port(workload, port.name, slot) != nullptr; };
    if (std::all_of(workload.pod.ports.begin(), workload.pod.ports.end(), has_it)) slots.push_back(slot);
  }
  return slots;
}

}  // namespace mifeng::cluster
