// What a workload must be to be rendered for Kubernetes.
#include <algorithm>
#include <set>

#include "mifeng/base/bounds.h"
#include "mifeng/manifest/rules.h"
#include "objects.h"

namespace mifeng::kubernetes {
namespace {

constexpr std::size_t kPortNameMax = 15;  // RFC 6335 section 5.1

bool is_label(std::string_view text, std::size_t max) { return !manifest::check_label(text, max); }

Error bad(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kInvalidArgument, "bad-workload", path + " " + why);
}

bool is_mount_path(std::string_view path) {
  return path.size() >= 2 && path.size() <= 255 && path.front() == '/' && path.back() != '/' &&
         path.find("//") == std::string_view::npos && path.find("/.") == std::string_view::npos &&
         path.find(':') == std::string_view::npos;
}

class Mounts {
 public:
  Result<void> add(const std::string& where, const std::string& path) {
    if (!is_mount_path(path)) return bad(where, "has a path that cannot be mounted: " + path);
    if (!paths_.insert(path).second) return bad(where, "has " + path + " twice");
    return ok();
  }

 private:
  std::set<std::string> paths_;
};

Result<void> check_container(const std::string& where, const cluster::ContainerTemplate& container, Mounts& mounts) {
  if (container.image.size() > 500 || container.image.find("@sha256:") == std::string::npos)
    return bad(where + ".image", "must name a digest: REGISTRY/NAME@sha256:...");
  if (container.command.empty()) return bad(where + ".command", "must not be empty");
  if (container.user == 0) return bad(where + ".user", "must not be root");
  for (const auto& mount : container.memory_mounts) MIFENG_CHECK(mounts.add(where + ".memory_mounts", mount.path));
  std::set<std::string> env;
  for (const auto& variable : container.env) {
    if (variable.name.empty() || variable.name.find_first_of(std::string("=\0", 2)) != std::string::npos)
      return bad(where + ".env", "has a variable without a proper name");
    if (!env.insert(variable.name).second) return bad(where + ".env", "has " + variable.name + " twice");
    for (const char* ours :
         {"MIFENG_UNIT", "MIFENG_POD_UID", "MIFENG_TOKEN_FILE", "MIFENG_PLATFORM", "MIFENG_DOOR_TAG"})
      if (variable.name == ours) return bad(where + ".env", variable.name + " is set by the engine");
  }
  return ok();
}

}  // namespace

Result<void> validate(const cluster::Workload& workload) {
  const cluster::PodTemplate& pod = workload.pod;
  if (!is_label(workload.deployment, 40)) return bad("deployment", "must be a DNS label of at most 40 bytes");
  if (workload.replicas < 0 || workload.replicas > bounds::kReplicasMax)
    return bad("replicas", "must be from 0 to " + std::to_string(bounds::kReplicasMax));
  Mounts of_guard, of_model;
  std::set<std::string> names;
  MIFENG_CHECK(of_guard.add("pod", kTokenFolder));
  MIFENG_CHECK(of_model.add("pod", manifest::kStartFolder));
  for (const auto& folder : pod.shared) {
    if (!is_label(folder.name, 50) || !names.insert(folder.name).second)
      return bad("pod.shared", "has a name that is no DNS label, or twice: " + folder.name);
    MIFENG_CHECK(of_guard.add("pod.shared", folder.path));
    MIFENG_CHECK(of_model.add("pod.shared", folder.path));
  }
  MIFENG_CHECK(check_container("pod.guard", pod.guard, of_guard));
  MIFENG_CHECK(check_container("pod.model", pod.model, of_model));
  for (const auto& mount : pod.scratch_mounts) {
    if (!is_label(mount.volume, 50)) return bad("pod.scratch_mounts", "has a volume whose name is no DNS label");
    MIFENG_CHECK(of_model.add("pod.scratch_mounts", mount.path));
  }
  for (const auto& mount : pod.claim_mounts) {
    const std::size_t dot = mount.claim.find('.');
    if (dot == std::string::npos || !is_label(mount.claim.substr(0, dot), 63) ||
        !is_label(mount.claim.substr(dot + 1), 63))
      return bad("pod.claim_mounts", "has a claim that is not VENDOR.NAME, two DNS labels");
    MIFENG_CHECK(of_model.add("pod.claim_mounts", mount.path));
  }
  std::set<std::string> ports;
  for (const auto& port : pod.ports) {
    if (!is_label(port.name, kPortNameMax) || !ports.insert(port.name).second)
      return bad("pod.ports", "has a name that is no DNS label of at most 15 bytes, or twice: " + port.name);
    if (port.container_port == 0) return bad("pod.ports", port.name + " must be from 1 to 65535");
    if (port.container_port == pod.health_port) return bad("pod.ports", port.name + " is the health port");
  }
  std::set<std::uint16_t> numbers;
  for (const auto& port : workload.node_ports) {
    if (port.slot != 0) return bad("node_ports", "has a slot that is not 0");
    if (port.node_port == 0 || !numbers.insert(port.node_port).second)
      return bad("node_ports", "has none, or one twice, for port " + port.port_name);
  }
  for (const auto& port : pod.ports) {
    const auto named = std::count_if(workload.node_ports.begin(), workload.node_ports.end(),
                                     [&](const auto& node) { return node.port_name == port.name; });
    if (named != 1) return bad("node_ports", "must have one for port " + port.name);
  }
  return ok();
}

std::vector<std::string> cannot_hold(const cluster::PodTemplate& pod) {
  std::vector<std::string> sentences;
  for (const auto& port : pod.ports)
    if (port.name.size() > kPortNameMax)
      sentences.push_back("the port name " + port.name + " is longer than the 15 bytes that Kubernetes takes");
  return sentences;
}

}  // namespace mifeng::kubernetes
