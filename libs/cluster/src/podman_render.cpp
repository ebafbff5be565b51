#include "podman_render.h"

#include <algorithm>
#include <set>

#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

constexpr const char* kSocketsPath = "/mifeng/platform";
constexpr std::int64_t kLogBytesMax = 10 << 20;

bool is_label(std::string_view text, std::size_t max) {
  if (text.empty() || text.size() > max || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

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

std::vector<Mounted> rendered_mounts(const PodmanFrame& frame, const Workload& workload, int replica) {
  std::vector<Mounted> mounts;
  for (const ScratchMount& scratch : workload.pod.scratch_mounts) {
    mounts.push_back({"volume",
                      volume_name(frame, workload.deployment, replica, scratch.volume),
                      scratch.path,
                      {"nosuid", "nodev", "noexec"},
                      true});
  }
  for (const ClaimMount& claim : workload.pod.claim_mounts) {
    mounts.push_back(
        {"volume", claim_volume_name(frame, claim.claim), claim.path, {"nosuid", "nodev", "noexec"}, true});
  }
  mounts.push_back({"bind",
                    (frame.sockets_dir / instance_name(frame, workload.deployment, replica)).string(),
                    kSocketsPath,
                    {"nosuid", "nodev", "noexec"},
                    false});
  return mounts;
}

std::vector<std::string> rendered_env(const PodmanFrame& frame, const Workload& workload, int replica) {
  std::vector<std::string> env;
  for (const EnvVar& variable : workload.pod.env) env.push_back(variable.name + "=" + variable.value);
  env.push_back("MIFENG_INSTANCE=" + instance_name(frame, workload.deployment, replica));
  env.push_back("MIFENG_PLATFORM=unix:" + std::string(kSocketsPath) + "/platform.sock");
  return env;
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

const HostPort* find_host_port(const Workload& workload, const std::string& port_name, int replica) {
  for (const HostPort& port : workload.host_ports) {
    if (port.port_name == port_name && port.replica == replica) return &port;
  }
  return nullptr;
}

Result<void> validate(const Workload& workload) {
  const PodTemplate& pod = workload.pod;
  if (!is_label(workload.deployment, 40)) return bad("deployment", "must be a DNS label of at most 40 bytes");
  if (workload.replicas < 0 || workload.replicas > 1000) return bad("replicas", "must be from 0 to 1000");
  if (pod.image.empty() || pod.image.size() > 500 || image_digest(pod.image).empty())
    return bad("pod.image", "must name a digest: REGISTRY/NAME@sha256:...");
  if (pod.command.empty()) return bad("pod.command", "must not be empty");
  std::set<std::string> paths{kSocketsPath};
  for (const MemoryMount& mount : pod.memory_mounts) {
    if (!is_mount_path(mount.path)) return bad("pod.memory_mounts", "has a path that cannot be mounted: " + mount.path);
    if (mount.size_bytes < 4096) return bad("pod.memory_mounts", "needs at least 4096 bytes for " + mount.path);
    if (!paths.insert(mount.path).second) return bad("pod.memory_mounts", "has " + mount.path + " twice");
  }
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
  std::set<std::string> env;
  for (const EnvVar& variable : pod.env) {
    if (variable.name.empty() || variable.name.find_first_of(std::string("=\0", 2)) != std::string::npos)
      return bad("pod.env", "has a variable without a proper name");
    if (variable.value.find('\0') != std::string::npos) return bad("pod.env", variable.name + " holds a zero byte");
    if (!env.insert(variable.name).second) return bad("pod.env", "has " + variable.name + " twice");
    if (variable.name == "MIFENG_INSTANCE" || variable.name == "MIFENG_PLATFORM")
      return bad("pod.env", variable.name + " is set by the engine");
  }
  for (const auto& [kind, count] : pod.resources.devices) {
    if (kind.empty() || kind.find('/') == std::string::npos || kind.find_first_of("= ,") != std::string::npos)
      return bad("pod.resources.devices", "has no domain/name: " + kind);
    if (count < 0 || count > 64) return bad("pod.resources.devices", kind + " must be from 0 to 64");
  }
  std::set<std::uint16_t> host_ports;
  for (const ContainerPort& port : pod.ports) {
    if (!is_label(port.name, 63)) return bad("pod.ports", "has a name that is no DNS label: " + port.name);
    if (port.container_port == 0) return bad("pod.ports", port.name + " must be from 1 to 65535");
    if (port.container_port == pod.health_port) return bad("pod.ports", port.name + " is the health port");
    for (int replica = 0; replica < workload.replicas; ++replica) {
      const HostPort* host = find_host_port(workload, port.name, replica);
      if (host == nullptr || host->host_port == 0)
        return bad("host_ports", "has none for port " + port.name + " of replica " + std::to_string(replica));
      if (!host_ports.insert(host->host_port).second)
        return bad("host_ports", "has " + std::to_string(host->host_port) + " twice");
    }
  }
  return ok();
}

std::string instance_name(const PodmanFrame& frame, const std::string& deployment, int replica) {
  return "mf-" + frame.installation.substr(0, 8) + "-" + deployment + "-" + std::to_string(replica);
}

std::string volume_name(const PodmanFrame& frame, const std::string& deployment, int replica,
                        const std::string& volume) {
  return instance_name(frame, deployment, replica) + "." + volume;  // a dot stands in no label: no two spell the same
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
  return sentences;
}

std::string_view image_digest(std::string_view image) {
  const std::size_t sign = image.find("@sha256:");
  if (sign == std::string_view::npos || image.size() != sign + 1 + 7 + 64) return {};
  const std::string_view hex = image.substr(sign + 8);
  const bool is_hex =
      std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return is_hex ? image.substr(sign + 1) : std::string_view();
}

json::Object render_container(const PodmanFrame& frame, const Workload& workload, int replica) {
  const PodTemplate& pod = workload.pod;
  const std::string name = instance_name(frame, workload.deployment, replica);

  json::Object env;
  for (const std::string& entry : rendered_env(frame, workload, replica)) {
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
  for (const Mounted& mount : rendered_mounts(frame, workload, replica)) {
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
    if (const HostPort* host = find_host_port(workload, port.name, replica)) {
      port_mappings.emplace_back(json::Object{{"host_ip", frame.host_ip},
                                              {"host_port", host->host_port},
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
                              {std::string(kLabelReplica), std::to_string(replica)}}},
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
