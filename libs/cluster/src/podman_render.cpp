#include "podman_render.h"

#include <algorithm>

#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

constexpr std::int64_t kLogBytesMax = 10 << 20;

json::Array to_array(const std::vector<std::string>& texts) {
  json::Array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

// "vendor.com/class": 2 becomes the CDI devices vendor.com/class=0 and =1.
std::vector<std::string> device_names(const Resources& resources) {
  std::vector<std::string> names;
  for (const auto& [kind, count] : resources.devices) {
    for (std::int64_t i = 0; i < count; ++i) names.push_back(kind + "=" + std::to_string(i));
  }
  return names;
}

}  // namespace

const char* to_string(Part part) { return part == Part::kGuard ? "guard" : "model"; }

std::string user_of(const ContainerTemplate& container) {
  return std::to_string(container.user) + ":" + std::to_string(manifest::kGuardUser);
}

const ContainerTemplate& template_of(const PodTemplate& pod, Part part) {
  return part == Part::kGuard ? pod.guard : pod.model;
}

std::vector<std::string> tmpfs_options(const MemoryMount& mount) {
  std::vector<std::string> options{"rw", "nosuid", "nodev"};
  if (!mount.executable) options.push_back("noexec");
  options.push_back("size=" + std::to_string(mount.size_bytes));
  options.push_back("mode=0700");
  return options;
}

std::string shared_volume_options(const SharedFolder& folder, const PodTemplate& pod) {
  const std::uint32_t owner = folder.model_writes ? pod.model.user : pod.guard.user;
  return "nr_blocks=" + std::to_string((folder.size_bytes + 4095) / 4096) + ",uid=" + std::to_string(owner) +
         ",gid=" + std::to_string(manifest::kGuardUser) + ",mode=0750,nosuid,nodev" +
         (folder.executable ? "" : ",noexec");
}

std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int slot, Part part) {
  std::vector<Mounted> mounts;
  const std::string unit = unit_name(frame, workload.deployment, slot);
  for (const SharedFolder& folder : workload.pod.shared) {
    // nocopy, or what the image has at this place is copied into the volume.
    std::set<std::string> options{"nosuid", "nodev", "nocopy"};
    if (!folder.executable) options.insert("noexec");
    mounts.push_back({"volume", shared_volume_name(unit, folder), folder.path, std::move(options),
                      folder.model_writes == (part == Part::kModel)});
  }
  if (part == Part::kGuard) {
    mounts.push_back({"bind", (frame.sockets_dir / unit).string(), kSocketsPath, {"nosuid", "nodev", "noexec"}, false});
    return mounts;
  }
  mounts.push_back({"bind", frame.start_dir.string(), manifest::kStartFolder, {"nosuid", "nodev"}, false});
  for (const ScratchMount& scratch : workload.pod.scratch_mounts) {
    mounts.push_back({"volume",
                      volume_name(frame, workload.deployment, slot, scratch.volume),
                      scratch.path,
                      {"nosuid", "nodev", "noexec"},
                      true});
  }
  for (const ClaimMount& claim : workload.pod.claim_mounts) {
    mounts.push_back(
        {"volume", claim_volume_name(frame, claim.claim), claim.path, {"nosuid", "nodev", "noexec"}, true});
  }
  return mounts;
}

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int slot, Part part) {
  std::vector<std::string> env;
  for (const EnvVar& variable : template_of(workload.pod, part).env)
    env.push_back(variable.name + "=" + variable.value);
  if (part == Part::kModel) return env;
  env.push_back("MIFENG_UNIT=" + unit_name(frame, workload.deployment, slot));
  env.push_back("MIFENG_PLATFORM=unix:" + std::string(kSocketsPath) + "/platform.sock");
  return env;
}

std::string ports_label(const PodTemplate& pod) {
  std::string label;
  for (const ContainerPort& port : pod.ports)
    label += (label.empty() ? "" : ",") + port.name + ":" + std::to_string(port.container_port);
  return label;
}

CpuBounds cpu_bounds(const Resources& resources) {
  CpuBounds bounds;
  // As the kubelet converts: 1024 shares are one processor, 2 is the least that cgroups take.
  if (resources.cpu_request_millis)
    bounds.shares = std::max<std::int64_t>(2, *resources.cpu_request_millis * 1024 / 1000);
  if (resources.cpu_limit_millis)
    bounds.quota = std::max<std::int64_t>(1000, *resources.cpu_limit_millis * kCpuPeriodMicros / 1000);
  return bounds;
}

const NodePort* find_node_port(const Workload& workload, const std::string& port_name, int slot) {
  for (const NodePort& port : workload.node_ports) {
    if (port.port_name == port_name && port.slot == slot) return &port;
  }
  return nullptr;
}

std::string unit_name(const PodmanFrame& frame, const std::string& deployment, int slot) {
  return "mf-" + frame.installation.substr(0, 8) + "-" + deployment + "-" + std::to_string(slot);
}

std::string container_name(const std::string& unit, Part part) {
  return part == Part::kGuard ? unit : unit + ".model";  // a dot stands in no label
}

std::string unit_of(const std::string& container) { return container.substr(0, container.find('.')); }

std::string model_network_name(const std::string& unit) { return unit + ".net"; }
bool has_network(const PodTemplate& pod) { return pod.network == manifest::Network::kOutgoing; }

std::string shared_volume_name(const std::string& unit, const SharedFolder& folder) {
  return unit + ".shared." + folder.name;  // and two dots in no name of a volume of the config's
}

std::string volume_name(const PodmanFrame& frame, const std::string& deployment, int slot, const std::string& volume) {
  return unit_name(frame, deployment, slot) + "." + volume;  // a dot stands in no label: no two spell the same
}

std::string claim_volume_name(const PodmanFrame& frame, const std::string& claim) {
  return "mf-" + frame.installation.substr(0, 8) + "." + claim;
}

std::vector<std::string> cannot_hold(const PodTemplate& pod) {
  std::vector<std::string> sentences;
  for (const ScratchMount& mount : pod.scratch_mounts) {
    if (mount.size_bytes)
      sentences.push_back("The volume " + mount.volume + " at " + mount.path +
                          " lies on the disk, where its sizeLimit of " + std::to_string(*mount.size_bytes) +
                          " bytes is not enforced; with medium Memory it is.");
  }
  for (const ClaimMount& mount : pod.claim_mounts) {
    if (mount.size_bytes || !mount.storage_class.empty())
      sentences.push_back("The claimed volume " + mount.claim + " at " + mount.path +
                          " lies on this machine's disk: its size is not enforced, and it has no storage class.");
  }
  return sentences;
}

PortNeeds ports_needed(const PodTemplate& pod, int replicas) {
  PortNeeds needs;
  needs.slots = std::max(0, replicas);
  // An accelerator is one unit's alone here: a second one beside it would not start.
  needs.update_slots = pod.model.resources.devices.empty() ? 1 : 0;
  return needs;
}

std::string_view image_digest(std::string_view image) {
  const std::size_t sign = image.find("@sha256:");
  if (sign == std::string_view::npos || image.size() != sign + 1 + 7 + 64) return {};
  const std::string_view hex = image.substr(sign + 8);
  const bool is_hex =
      std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex ? image.substr(sign + 1) : std::string_view();
}

json::Object render_container(const PodmanFrame& frame, const Workload& workload, int slot, Part part) {
  const PodTemplate& pod = workload.pod;
  const ContainerTemplate& container = template_of(pod, part);
  const bool is_guard = part == Part::kGuard;
  const std::string unit = unit_name(frame, workload.deployment, slot);

  json::Object env;
  for (const std::string& entry : rendered_env(frame, workload, slot, part)) {
    const std::size_t equals = entry.find('=');
    env.set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  json::Array mounts;
  for (const MemoryMount& mount : container.memory_mounts) {
    std::vector<std::string> options = tmpfs_options(mount);
    // U gives the folder to the container's user; without it a folder of the image that root owns stays closed.
    options.insert(options.end(), {"U", "notmpcopyup"});
    mounts.emplace_back(json::Object{
        {"destination", mount.path}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", to_array(options)}});
  }
  json::Array volumes;
  for (const Mounted& mount : rendered_mounts(frame, workload, slot, part)) {
    std::vector<std::string> options(mount.options.begin(), mount.options.end());
    if (mount.type == "volume") {
      options.push_back(mount.writable ? "rw" : "ro");
      // U gives the volume to the container's user; a shared folder has its owner already.
      if (!mount.options.contains("nocopy")) options.push_back("U");
      volumes.emplace_back(
          json::Object{{"Name", mount.source}, {"Dest", mount.destination}, {"Options", to_array(options)}});
    } else {
      options.insert(options.end(), {"ro", "rprivate"});
      mounts.emplace_back(json::Object{{"destination", mount.destination},
                                       {"type", "bind"},
                                       {"source", mount.source},
                                       {"options", to_array(options)}});
    }
  }
  json::Array port_mappings;
  for (const ContainerPort& port : is_guard ? pod.ports : std::vector<ContainerPort>()) {
    if (const NodePort* node = find_node_port(workload, port.name, slot)) {
      port_mappings.emplace_back(json::Object{{"host_ip", frame.host_ip},
                                              {"host_port", node->node_port},
                                              {"container_port", port.container_port},
                                              {"protocol", "tcp"}});
    }
  }
  json::Object limits{{"pids", json::Object{{"limit", kPidsMax}}}};
  json::Object memory;
  if (container.resources.memory_limit_bytes) {
    memory.set("limit", *container.resources.memory_limit_bytes);
    memory.set("swap", *container.resources.memory_limit_bytes);  // of memory and swap together: no swap
  }
  if (container.resources.memory_request_bytes) memory.set("reservation", *container.resources.memory_request_bytes);
  if (!memory.empty()) limits.set("memory", memory);
  const CpuBounds cpu = cpu_bounds(container.resources);
  json::Object processors;
  if (cpu.shares != 0) processors.set("shares", cpu.shares);
  if (cpu.quota != 0) {
    processors.set("quota", cpu.quota);
    processors.set("period", kCpuPeriodMicros);
  }
  if (!processors.empty()) limits.set("cpu", processors);

  json::Object create{
      {"name", container_name(unit, part)},
      {"hostname", unit},
      {"image", container.image},
      {"entrypoint", to_array(container.command)},
      {"command", to_array(container.args)},
      {"env", env},
      {"work_dir", "/"},
      {"user", user_of(container)},
      {"umask", "0077"},
      {"labels", json::Object{{std::string(kLabelInstallation), frame.installation},
                              {std::string(kLabelDeployment), workload.deployment},
                              {std::string(kLabelSlot), std::to_string(slot)},
                              {std::string(kLabelPart), to_string(part)},
                              {std::string(kLabelRevision), std::to_string(workload.revision)},
                              {std::string(kLabelRestart), std::to_string(workload.restart)},
                              {std::string(kLabelPorts), ports_label(pod)},
                              {std::string(kLabelHealthPort), std::to_string(pod.health_port)}}},
      {"read_only_filesystem", true},
      {"no_new_privileges", true},
      {"cap_drop", json::Array{"all"}},
      {"pidns", json::Object{{"nsmode", "private"}}},
      {"ipcns", json::Object{{"nsmode", "private"}}},
      {"utsns", json::Object{{"nsmode", "private"}}},
      // The model's has a loopback of its own, and a network of its own where it may have one.
      {"netns", json::Object{{"nsmode", is_guard || has_network(pod) ? "bridge" : "none"}}},
      {"mounts", mounts},
      {"volumes", volumes},
      {"image_volume_mode", "ignore"},
      {"httpproxy", false},  // the host's proxy settings are no business of a model
      {"systemd", "false"},
      {"restart_policy", "no"},  // libpod's own has no back-off; the reconciler starts what has ended
      {"stop_timeout", pod.termination_grace_seconds},
      {"log_configuration", json::Object{{"driver", "k8s-file"}, {"size", kLogBytesMax}}},
      {"resource_limits", limits},
      {"r_limits", json::Array{json::Object{{"type", "core"}, {"soft", 0}, {"hard", 0}},
                               json::Object{{"type", "nofile"}, {"soft", frame.nofile}, {"hard", frame.nofile}},
                               json::Object{{"type", "nproc"}, {"soft", frame.nproc}, {"hard", frame.nproc}}}},
  };
  if (is_guard) {
    create.set("Networks", json::Object{{frame.network, json::Object{}}});
    create.set("portmappings", port_mappings);
  }
  if (!is_guard && has_network(pod)) create.set("Networks", json::Object{{model_network_name(unit), json::Object{}}});
  json::Array devices;
  for (const std::string& device : device_names(container.resources))
    devices.emplace_back(json::Object{{"path", device}});
  if (!devices.empty()) create.set("devices", devices);
  return create;
}

}  // namespace mifeng::cluster
