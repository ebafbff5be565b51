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

std::vector<std::string> tmpfs_options(const MemoryMount& mount) {
  std::vector<std::string> options{"rw", "nosuid", "nodev"};
  if (!mount.executable) options.push_back("noexec");
  options.push_back("size=" + std::to_string(mount.size_bytes));
  options.push_back("mode=0700");
  return options;
}

std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int slot) {
  std::vector<Mounted> mounts;
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
  mounts.push_back({"bind",
                    (frame.sockets_dir / unit_name(frame, workload.deployment, slot)).string(),
                    kSocketsPath,
                    {"nosuid", "nodev", "noexec"},
                    false});
  return mounts;
}

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int slot) {
  std::vector<std::string> env;
  for (const EnvVar& variable : workload.pod.env) env.push_back(variable.name + "=" + variable.value);
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

std::string volume_name(const PodmanFrame& frame, const std::string& deployment, int slot, const std::string& volume) {
  return unit_name(frame, deployment, slot) + "." + volume;  // a dot stands in no label: no two spell the same
}

std::string claim_volume_name(const PodmanFrame& frame, const std::string& claim) {
  return "mf-" + frame.installation.substr(0, 8) + "." + claim;
}

std::vector<std::string> not_held(const PodTemplate& pod) {
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
  needs.update_slots = pod.resources.devices.empty() ? 1 : 0;
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

json::Object render_container(const PodmanFrame& frame, const Workload& workload, int slot) {
  const PodTemplate& pod = workload.pod;
  const std::string name = unit_name(frame, workload.deployment, slot);

  json::Object env;
  for (const std::string& entry : rendered_env(frame, workload, slot)) {
    const std::size_t equals = entry.find('=');
    env.set(entry.substr(0, equals), entry.substr(equals + 1));
  }
  json::Array mounts;
  for (const MemoryMount& mount : pod.memory_mounts) {
    std::vector<std::string> options = tmpfs_options(mount);
    // U gives the folder to the container's user; without it a folder of the image that root owns stays closed.
    options.insert(options.end(), {"U", "notmpcopyup"});
    mounts.emplace_back(json::Object{
        {"destination", mount.path}, {"type", "tmpfs"}, {"source", "tmpfs"}, {"options", to_array(options)}});
  }
  json::Array volumes;
  for (const Mounted& mount : rendered_mounts(frame, workload, slot)) {
    std::vector<std::string> options(mount.options.begin(), mount.options.end());
    if (mount.type == "volume") {
      options.insert(options.end(), {"rw", "U"});
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
  for (const ContainerPort& port : pod.ports) {
    if (const NodePort* node = find_node_port(workload, port.name, slot)) {
      port_mappings.emplace_back(json::Object{{"host_ip", frame.host_ip},
                                              {"host_port", node->node_port},
                                              {"container_port", port.container_port},
                                              {"protocol", "tcp"}});
    }
  }
  json::Object limits{{"pids", json::Object{{"limit", kPidsMax}}}};
  json::Object memory;
  if (pod.resources.memory_limit_bytes) {
    memory.set("limit", *pod.resources.memory_limit_bytes);
    memory.set("swap", *pod.resources.memory_limit_bytes);  // of memory and swap together: no swap
  }
  if (pod.resources.memory_request_bytes) memory.set("reservation", *pod.resources.memory_request_bytes);
  if (!memory.empty()) limits.set("memory", memory);
  const CpuBounds cpu = cpu_bounds(pod.resources);
  json::Object processors;
  if (cpu.shares != 0) processors.set("shares", cpu.shares);
  if (cpu.quota != 0) {
    processors.set("quota", cpu.quota);
    processors.set("period", kCpuPeriodMicros);
  }
  if (!processors.empty()) limits.set("cpu", processors);

  json::Object create{
      {"name", name},
      {"hostname", name},
      {"image", pod.image},
      {"entrypoint", to_array(pod.command)},
      {"command", to_array(pod.args)},
      {"env", env},
      {"work_dir", "/"},
      {"user", kUser},
      {"umask", "0077"},
      {"labels", json::Object{{std::string(kLabelInstallation), frame.installation},
                              {std::string(kLabelDeployment), workload.deployment},
                              {std::string(kLabelSlot), std::to_string(slot)},
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
      {"netns", json::Object{{"nsmode", "bridge"}}},
      {"Networks", json::Object{{frame.network, json::Object{}}}},
      {"portmappings", port_mappings},
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
  json::Array devices;
  for (const std::string& device : device_names(pod.resources)) devices.emplace_back(json::Object{{"path", device}});
  if (!devices.empty()) create.set("devices", devices);
  return create;
}

}  // namespace mifeng::cluster
