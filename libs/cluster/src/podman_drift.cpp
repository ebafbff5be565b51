#include <algorithm>
#include <set>

#include "mifeng/cluster/json_path.h"
#include "mifeng/manifest/rules.h"
#include "podman_parts.h"

namespace mifeng::cluster {
namespace {

std::string join(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : " ") + text;
  return all;
}

std::string differs(std::string_view field, const std::string& is, const std::string& wanted) {
  return std::string(field) + " is \"" + is.substr(0, 200) + "\", rendered was \"" + wanted.substr(0, 200) + "\"";
}

std::set<std::string> split_options(const std::string& text) {
  std::set<std::string> options;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from) options.insert(text.substr(from, comma - from));
    from = comma + 1;
  }
  return options;
}

// One comparison after the other; the first that fails stays.
class Drift {
 public:
  explicit Drift(const json::Object& inspected) : inspected_(inspected) {}

  using Path = std::initializer_list<std::string_view>;
  static JsonPath span(Path path) { return {path.begin(), path.size()}; }
  void text(Path path, const std::string& wanted) { note(path, text_at(inspected_, span(path)), wanted); }
  void integer(Path path, std::int64_t wanted) {
    note(path, std::to_string(integer_at(inspected_, span(path))), std::to_string(wanted));
  }
  void flag(Path path, bool wanted) {
    note(path, bool_at(inspected_, span(path)) ? "true" : "false", wanted ? "true" : "false");
  }
  void list(Path path, const std::vector<std::string>& wanted) {
    note(path, join(texts_at(inspected_, span(path))), join(wanted));
  }
  // Absent, null, {} and [] are all empty.
  void empty(Path path) {
    const json::Value* value = at(inspected_, span(path));
    const bool is_empty = value == nullptr || value->is_null() ||
                          (value->if_array() != nullptr && value->if_array()->empty()) ||
                          (value->if_object() != nullptr && value->if_object()->empty());
    if (!is_empty) note(path, json::serialize(*value), "");
  }
  void note(Path path, const std::string& is, const std::string& wanted) {
    if (found_ || is == wanted) return;
    std::string name;
    for (const std::string_view part : path) name.append(name.empty() ? "" : ".").append(part);
    found_ = differs(name, is, wanted);
  }
  std::optional<std::string> found() const { return found_; }

 private:
  const json::Object& inspected_;
  std::optional<std::string> found_;
};

// What a device's description (CDI) adds stands in the container's environment too. It is the machine's, so it cannot
// be rendered; tolerated is what an operator could have set himself, which is nothing that changes what the guard runs.
void compare_env(Drift& drift, const json::Object& inspected, const std::vector<std::string>& wanted,
                 const std::vector<std::string>& image_env, bool has_devices) {
  // A name that both the image and the template set has the template's value; what libpod adds has fixed names.
  std::set<std::string> allowed(wanted.begin(), wanted.end());
  std::set<std::string> names;
  for (const std::string& entry : wanted) names.insert(entry.substr(0, entry.find('=')));
  for (const std::string& entry : image_env) {
    if (!names.contains(entry.substr(0, entry.find('=')))) allowed.insert(entry);
    names.insert(entry.substr(0, entry.find('=')));
  }
  std::set<std::string> missing(wanted.begin(), wanted.end());
  for (const std::string& entry : texts_at(inspected, "Config", "Env")) {
    missing.erase(entry);
    if (allowed.contains(entry)) continue;
    const std::string name = entry.substr(0, entry.find('='));
    const bool by_libpod =
        (name == "PATH" || name == "TERM" || name == "container" || name == "HOSTNAME" || name == "HOME") &&
        !names.contains(name);
    const bool by_device = has_devices && !names.contains(name) && !manifest::check_env_name(name);
    if (!by_libpod && !by_device) drift.note({"Config", "Env"}, name, "");
  }
  if (!missing.empty()) drift.note({"Config", "Env"}, "", missing.begin()->substr(0, missing.begin()->find('=')));
}

void compare_mounts(Drift& drift, const json::Object& inspected, const std::vector<Mounted>& wanted) {
  const json::Value* value = at(inspected, "Mounts");
  const json::Array* mounts = value == nullptr ? nullptr : value->if_array();
  std::size_t found = 0;
  if (mounts != nullptr) {
    for (const json::Value& entry : *mounts) {
      const json::Object* mount = entry.if_object();
      if (mount == nullptr) continue;
      const std::string destination = text_at(*mount, "Destination");
      const auto it = std::find_if(wanted.begin(), wanted.end(),
                                   [&](const Mounted& one) { return one.destination == destination; });
      if (it == wanted.end()) {
        drift.note({"Mounts"}, destination, "");
        continue;
      }
      ++found;
      drift.note({"Mounts", destination, "Type"}, text_at(*mount, "Type"), it->type);
      drift.note({"Mounts", destination, it->type == "volume" ? "Name" : "Source"},
                 text_at(*mount, it->type == "volume" ? "Name" : "Source"), it->source);
      drift.note({"Mounts", destination, "RW"}, bool_at(*mount, "RW") ? "true" : "false",
                 it->writable ? "true" : "false");
      const std::vector<std::string> options = texts_at(*mount, "Options");
      for (const std::string& option : it->options) {
        if (std::find(options.begin(), options.end(), option) == options.end())
          drift.note({"Mounts", destination, "Options"}, join(options), option);
      }
    }
  }
  if (found != wanted.size()) drift.note({"Mounts"}, std::to_string(found), std::to_string(wanted.size()));
}

void compare_tmpfs(Drift& drift, const json::Object& inspected, const std::vector<MemoryMount>& wanted,
                   std::uint32_t user) {
  const std::set<std::string> owner{"uid=" + std::to_string(user), "gid=" + std::to_string(manifest::kGuardUser)};
  const json::Value* value = at(inspected, "HostConfig", "Tmpfs");
  const json::Object* tmpfs = value == nullptr ? nullptr : value->if_object();
  std::size_t found = 0;
  if (tmpfs != nullptr) {
    for (const auto& [path, shown] : *tmpfs) {
      const auto it = std::find_if(wanted.begin(), wanted.end(),
                                   [&, &path = path](const MemoryMount& one) { return one.path == path; });
      if (it == wanted.end()) {
        drift.note({"HostConfig", "Tmpfs"}, path, "");
        continue;
      }
      ++found;
      const std::vector<std::string> rendered = tmpfs_options(*it);
      std::set<std::string> options(rendered.begin(), rendered.end());
      options.insert(owner.begin(), owner.end());
      options.insert("rprivate");
      const std::string text = shown.if_string() == nullptr ? std::string() : *shown.if_string();
      std::set<std::string> is = split_options(text);
      if (is.erase("U") != 0) is.insert(owner.begin(), owner.end());  // as it stands until the first start
      if (is != options) drift.note({"HostConfig", "Tmpfs", path}, text, join(rendered));
    }
  }
  if (found != wanted.size()) drift.note({"HostConfig", "Tmpfs"}, std::to_string(found), std::to_string(wanted.size()));
}

void compare_ports(Drift& drift, const json::Object& inspected, const PodmanFrame& frame, const Workload& workload,
                   int slot) {
  const json::Value* value = at(inspected, "HostConfig", "PortBindings");
  const json::Object* bindings = value == nullptr ? nullptr : value->if_object();
  std::set<std::string> wanted;
  for (const ContainerPort& port : workload.pod.ports) {
    if (const NodePort* node = find_node_port(workload, port.name, slot)) {
      wanted.insert(std::to_string(port.container_port) + "/tcp=" + frame.host_ip + ":" +
                    std::to_string(node->node_port));
    }
  }
  std::set<std::string> shown;
  if (bindings != nullptr) {
    for (const auto& [name, list] : *bindings) {
      if (list.if_array() == nullptr) continue;
      for (const json::Value& entry : *list.if_array()) {
        if (entry.if_object() != nullptr)
          shown.insert(name + "=" + text_at(*entry.if_object(), "HostIp") + ":" +
                       text_at(*entry.if_object(), "HostPort"));
      }
    }
  }
  drift.note({"HostConfig", "PortBindings"}, join({shown.begin(), shown.end()}), join({wanted.begin(), wanted.end()}));
}

void compare_networks(Drift& drift, const json::Object& inspected, const std::set<std::string>& wanted) {
  const json::Value* value = at(inspected, "NetworkSettings", "Networks");
  const json::Object* networks = value == nullptr ? nullptr : value->if_object();
  std::set<std::string> is;
  if (networks != nullptr) {
    for (const auto& [name, network] : *networks) is.insert(name);
  }
  // libpod shows "none" for a container that has no network at all.
  is.erase("none");
  if (is != wanted)
    drift.note({"NetworkSettings", "Networks"}, join({is.begin(), is.end()}), join({wanted.begin(), wanted.end()}));
}

std::optional<std::string> container_drift(const PodmanFrame& frame, const Workload& workload, int slot, Part part,
                                           const Inspected& given) {
  const PodTemplate& pod = workload.pod;
  const ContainerTemplate& container = template_of(pod, part);
  const bool is_guard = part == Part::kGuard;
  const std::string unit = unit_name(frame, workload.deployment, slot);
  if (given.container == nullptr) return "there is no container " + container_name(unit, part);
  const json::Object& inspected = *given.container;
  Drift drift(inspected);
  drift.text({"Name"}, container_name(unit, part));
  drift.text({"Config", "Labels", kLabelPart}, to_string(part));
  drift.text({"Config", "Labels", kLabelInstallation}, frame.installation);
  drift.text({"Config", "Labels", kLabelDeployment}, workload.deployment);
  drift.text({"Config", "Labels", kLabelSlot}, std::to_string(slot));
  drift.text({"Config", "Labels", kLabelRevision}, std::to_string(workload.revision));
  drift.text({"Config", "Labels", kLabelPorts}, ports_label(pod));
  drift.text({"Config", "Labels", kLabelHealthPort}, std::to_string(pod.health_port));
  drift.text({"ImageDigest"}, std::string(image_digest(container.image)));
  drift.text({"Rootfs"}, "");
  drift.text({"Pod"}, "");

  // What the first process really is, as the runtime was told.
  drift.text({"Path"}, container.command.front());
  std::vector<std::string> arguments(container.command.begin() + 1, container.command.end());
  arguments.insert(arguments.end(), container.args.begin(), container.args.end());
  drift.list({"Args"}, arguments);
  drift.text({"Config", "User"}, user_of(container));
  drift.text({"Config", "WorkingDir"}, "/");
  drift.text({"Config", "Umask"}, "0077");
  drift.integer({"Config", "StopTimeout"}, pod.termination_grace_seconds);
  compare_env(drift, inspected, rendered_env(frame, workload, slot, part), given.image_env,
              !container.resources.devices.empty());

  drift.flag({"HostConfig", "Privileged"}, false);
  drift.flag({"HostConfig", "ReadonlyRootfs"}, true);
  drift.list({"HostConfig", "SecurityOpt"}, {"no-new-privileges"});
  drift.empty({"EffectiveCaps"});
  drift.empty({"BoundingCaps"});
  drift.empty({"HostConfig", "CapAdd"});
  drift.empty({"HostConfig", "GroupAdd"});
  drift.empty({"HostConfig", "ExtraHosts"});
  drift.empty({"HostConfig", "Dns"});
  drift.empty({"HostConfig", "VolumesFrom"});
  if (container.resources.devices.empty()) drift.empty({"HostConfig", "Devices"});
  drift.text({"HostConfig", "PidMode"}, "private");
  // Podman 4.3 calls a namespace of the container's own "shareable" here, whichever of the two it was made with.
  const std::string ipc = text_at(inspected, "HostConfig", "IpcMode");
  if (ipc != "shareable") drift.note({"HostConfig", "IpcMode"}, ipc, "private");
  drift.text({"HostConfig", "UTSMode"}, "private");
  drift.text({"HostConfig", "UsernsMode"}, "");
  drift.text({"HostConfig", "NetworkMode"}, is_guard || has_network(pod) ? "bridge" : "none");
  drift.text({"HostConfig", "RestartPolicy", "Name"}, "no");
  std::set<std::string> networks;
  if (is_guard) networks.insert(frame.network);
  if (!is_guard && has_network(pod)) networks.insert(model_network_name(unit));
  compare_networks(drift, inspected, networks);
  const CpuBounds cpu = cpu_bounds(container.resources);
  drift.integer({"HostConfig", "Memory"}, container.resources.memory_limit_bytes.value_or(0));
  drift.integer({"HostConfig", "MemorySwap"}, container.resources.memory_limit_bytes.value_or(0));
  drift.integer({"HostConfig", "MemoryReservation"}, container.resources.memory_request_bytes.value_or(0));
  drift.integer({"HostConfig", "CpuShares"}, cpu.shares);
  drift.integer({"HostConfig", "CpuQuota"}, cpu.quota);
  drift.integer({"HostConfig", "PidsLimit"}, kPidsMax);
  bool core_is_off = false;
  if (const json::Value* limits = at(inspected, "HostConfig", "Ulimits"); limits != nullptr && limits->if_array()) {
    for (const json::Value& entry : *limits->if_array()) {
      const json::Object* limit = entry.if_object();
      if (limit != nullptr && text_at(*limit, "Name") == "RLIMIT_CORE")
        core_is_off = integer_at(*limit, "Soft") == 0 && integer_at(*limit, "Hard") == 0;
    }
  }
  drift.note({"HostConfig", "Ulimits", "RLIMIT_CORE"}, core_is_off ? "0" : "not 0", "0");

  compare_mounts(drift, inspected, rendered_mounts(frame, workload, slot, part));
  compare_tmpfs(drift, inspected, container.memory_mounts, container.user);
  compare_ports(drift, inspected, frame, workload, is_guard ? slot : -1);
  return drift.found();
}

}  // namespace

std::optional<std::string> find_drift(const PodmanFrame& frame, const Workload& workload, int slot,
                                      const Inspected& guard, const Inspected& model) {
  if (auto drift = container_drift(frame, workload, slot, Part::kGuard, guard)) return drift;
  auto drift = container_drift(frame, workload, slot, Part::kModel, model);
  if (drift) return "model: " + *drift;
  return std::nullopt;
}

}  // namespace mifeng::cluster
