#include "mifeng/manifest/deployment_config.h"

#include <algorithm>
#include <set>

#include "mifeng/base/bounds.h"
#include "mifeng/base/phrase.h"
#include "mifeng/manifest/rules.h"
#include "mifeng/manifest/yaml.h"

namespace mifeng::manifest {
namespace {

constexpr std::string_view kApiVersion = "mifeng.io/v1";
constexpr std::string_view kKind = "ModelDeployment";
constexpr std::size_t kCommandBytesMax = 32 * 1024;
constexpr std::int64_t kFolderMin = 4096, kClaimMin = 1 << 20;  // bytes

std::string folder_too_small() { return phrase("must be at least 4096 bytes"); }
std::string claim_too_small() { return phrase("must be at least 1Mi"); }

Complaint check_quantity(std::string_view text) {
  auto quantity = parse_quantity(text);
  if (!quantity) return std::string(quantity.error().message());
  return std::nullopt;
}

FieldReader::Rule exactly(std::string_view expected) {
  return [expected = std::string(expected)](std::string_view text) -> Complaint {
    if (text == expected) return std::nullopt;
    return "must be " + expected;
  };
}

FieldReader::Rule label(std::size_t max_length = bounds::kLabelMax) {
  return [max_length](std::string_view text) { return check_label(text, max_length); };
}

ResourceList read_list(FieldReader& fields, std::string_view key) {
  ResourceList out;
  for (auto& [name, text] : fields.texts_or_empty(key, 32, check_resource_name, check_quantity)) {
    auto quantity = parse_quantity(text);
    if (!quantity) continue;  // the rule has complained
    if (name != "cpu" && name != "memory" && quantity->milli % 1000 != 0)
      fields.refuse(key, name + " must be a whole number");
    out.emplace(name, std::move(*quantity));
  }
  return out;
}

std::optional<std::string> resources_complaint(const Resources& resources) {
  for (const auto& [name, request] : resources.requests) {
    const auto limit = resources.limits.find(name);
    if (limit != resources.limits.end() && limit->second.milli < request.milli)
      return name + " is requested as " + request.text + ", more than its limit " + limit->second.text;
    // Kubernetes: an extended resource cannot be overcommitted.
    if (name != "cpu" && name != "memory" && (limit == resources.limits.end() || limit->second != request))
      return name + " needs a limit that equals its request";
  }
  for (const auto* list : {&resources.requests, &resources.limits})
    if (const auto memory = list->find("memory"); memory != list->end() && memory->second.units() < (4 << 20))
      return "memory " + memory->second.text + " is less than 4Mi; is a suffix missing?";
  return std::nullopt;
}

void read_spec(FieldReader& spec, ConfigKind kind, DeploymentConfig& config) {
  spec.object("model", [&](FieldReader& model) {
    config.model_name = model.string("name", label());
    config.model_version = model.string("version", check_version);
  });
  const bool complete = kind == ConfigKind::kPackage;
  if (complete || spec.has("image")) config.image = spec.string("image", check_image);
  const std::string policy = spec.string_or("imagePullPolicy", "IfNotPresent", [](std::string_view text) -> Complaint {
    if (text == "Always" || text == "IfNotPresent" || text == "Never") return std::nullopt;
    return "must be Always, IfNotPresent or Never";
  });
  config.pull_policy = policy == "Always"  ? PullPolicy::kAlways
                       : policy == "Never" ? PullPolicy::kNever
                                           : PullPolicy::kIfNotPresent;
  config.replicas = static_cast<int>(spec.integer_or("replicas", 1, 0, bounds::kReplicasMax));
  spec.objects_if("ports", 16, [&](FieldReader& fields) {
    ContainerPort port;
    port.name = fields.string("name", label(bounds::kPortNameMax));
    port.container_port = static_cast<std::uint16_t>(fields.integer("containerPort", 1024, 65535));
    if (port.container_port == kHealthPort) fields.refuse("containerPort", phrase("15020 is the guard's own port"));
    for (const ContainerPort& other : config.ports) {
      if (other.name == port.name) fields.refuse("name", phrase("is the name of another port already"));
      if (other.container_port == port.container_port) fields.refuse("containerPort", phrase("is listed already"));
    }
    config.ports.push_back(std::move(port));
  });
  if (config.ports.empty() && !spec.failed())
    spec.refuse("ports", phrase("needs at least one port, each with its name and containerPort"), "missing-field");
  config.command = spec.strings_or_empty("command", 64, [](std::string_view text) -> Complaint {
    if (text.size() > 4096) return "is longer than 4096 bytes";
    return std::nullopt;
  });
  std::size_t command_bytes = 0;
  for (const std::string& word : config.command) command_bytes += word.size() + 1;
  if (command_bytes > kCommandBytesMax) spec.refuse("command", phrase("is longer than 32768 bytes"));
  if (!config.command.empty() && (config.command[0].empty() || config.command[0][0] != '/'))
    spec.refuse("command", phrase("must begin with the absolute path of a program"));
  if (complete && config.command.empty() && !spec.failed())
    spec.refuse("command", phrase("is missing"), "missing-field");
  spec.objects_if("env", bounds::kEnvVarsMax, [&](FieldReader& fields) {
    EnvVar variable;
    variable.name = fields.string("name", check_env_name);
    variable.value = fields.string_or("value", "", [](std::string_view text) -> Complaint {
      if (text.size() > 8192) return "is longer than 8192 bytes";
      return std::nullopt;
    });
    for (const EnvVar& other : config.env)
      if (other.name == variable.name) fields.refuse("name", phrase("is set already"));
    config.env.push_back(std::move(variable));
  });
  const std::string network = spec.string_or("network", "none", [](std::string_view text) -> Complaint {
    if (text == "none" || text == "outgoing") return std::nullopt;
    return "must be none or outgoing";
  });
  config.network = network == "outgoing" ? Network::kOutgoing : Network::kNone;
  spec.object_if("resources", [&](FieldReader& fields) {
    config.resources.requests = read_list(fields, "requests");
    config.resources.limits = read_list(fields, "limits");
    if (const auto complaint = resources_complaint(config.resources)) fields.refuse("", *complaint);
  });
  spec.objects_if("volumes", kVolumesMax, [&](FieldReader& fields) {
    Volume volume;
    volume.name = fields.string("name", label());
    if (fields.has("hostPath"))
      fields.refuse("hostPath", phrase("is not allowed: a model sees no folder of its host; use emptyDir or "
                                       "persistentVolumeClaim"));
    fields.object_if("persistentVolumeClaim", [&](FieldReader& claim) {
      volume.claim = claim.string("claimName", label());
      volume.storage_class = claim.string_or("storageClassName", "", [](std::string_view text) -> Complaint {
        return text.empty() ? std::nullopt : label()(text);
      });
      if (!claim.has("size")) return;
      auto size = parse_quantity(claim.text("size", check_quantity));
      if (size && size->units() < kClaimMin) claim.refuse("size", claim_too_small());
      if (size) volume.claim_size = std::move(*size);
    });
    if (!volume.claim.empty() && fields.has("emptyDir"))
      fields.refuse("emptyDir", phrase("cannot stand beside persistentVolumeClaim: a volume is one of them"));
    const auto read_empty_dir = [&](FieldReader& empty_dir) {
      const std::string medium = empty_dir.string_or("medium", "", [](std::string_view text) -> Complaint {
        if (text.empty() || text == "Memory") return std::nullopt;
        return "must be Memory, or left out";
      });
      volume.medium = medium == "Memory" ? Volume::Medium::kMemory : Volume::Medium::kDefault;
      if (empty_dir.has("sizeLimit")) {
        auto size = parse_quantity(empty_dir.text("sizeLimit", check_quantity));
        if (size && size->units() < kFolderMin) empty_dir.refuse("sizeLimit", folder_too_small());
        if (size) volume.size_limit = std::move(*size);
      } else {
        empty_dir.string_or("sizeLimit", "");
      }
    };
    if (fields.has("persistentVolumeClaim"))
      fields.object_if("emptyDir", read_empty_dir);
    else
      fields.object("emptyDir", read_empty_dir);
    for (const Volume& other : config.volumes)
      if (other.name == volume.name) fields.refuse("name", phrase("is the name of another volume already"));
    config.volumes.push_back(std::move(volume));
  });
  spec.objects_if("volumeMounts", 32, [&](FieldReader& fields) {
    VolumeMount mount;
    mount.name = fields.string("name", label());
    mount.mount_path = fields.string("mountPath", check_mount_path);
    const bool known = std::any_of(config.volumes.begin(), config.volumes.end(),
                                   [&](const Volume& volume) { return volume.name == mount.name; });
    if (!known) fields.refuse("name", phrase("is the name of no volume in spec.volumes"));
    for (const VolumeMount& other : config.volume_mounts)
      if (other.mount_path == mount.mount_path) fields.refuse("mountPath", phrase("is mounted already"));
    config.volume_mounts.push_back(std::move(mount));
  });
  spec.object_if("readiness", [&](FieldReader& readiness) {
    config.readiness_path = readiness.string_or("path", config.readiness_path, check_url_path);
  });
  config.termination_grace_seconds =
      static_cast<int>(spec.integer_or("terminationGracePeriodSeconds", 30, 1, kGraceSecondsMax));
  const auto deadline = spec.integer_or("progressDeadlineSeconds", 0, kProgressDeadlineMin, kProgressDeadlineMax);
  if (deadline != 0) config.progress_deadline_seconds = static_cast<int>(deadline);
}

Error refused(const std::string& sentence) { return Error(ErrorCode::kInvalidArgument, "bad-overlay", sentence); }

// Held to what read_spec() holds a vendor's to.
Result<Volume> volume_of(const VolumeChoice& choice) {
  const std::string path = "volumes." + choice.name;
  Volume volume;
  volume.name = choice.name;
  volume.claim = choice.claim;
  volume.storage_class = choice.storage_class;
  const bool claimed = !choice.claim.empty();
  if (claimed != choice.medium.empty()) return refused(path + " needs either a claim or a medium");
  if (claimed) {
    if (const auto complaint = check_label(choice.claim)) return refused(path + ".claim " + *complaint);
    if (const auto complaint = check_label(choice.storage_class); complaint && !choice.storage_class.empty())
      return refused(path + ".storage_class " + *complaint);
  } else {
    if (choice.medium != "disk" && choice.medium != "memory") return refused(path + ".medium must be disk or memory");
    if (!choice.storage_class.empty()) return refused(path + ".storage_class belongs to a claim");
    if (choice.medium == "memory") volume.medium = Volume::Medium::kMemory;
  }
  if (choice.size.empty()) return volume;
  auto size = parse_quantity(choice.size);
  if (!size) return std::move(size).error().with_context(path + ".size");
  if (size->units() < (claimed ? kClaimMin : kFolderMin))
    return refused(path + ".size " + (claimed ? claim_too_small() : folder_too_small()));
  (claimed ? volume.claim_size : volume.size_limit) = std::move(*size);
  return volume;
}

Result<void> place_volumes(DeploymentConfig& config, const std::vector<VolumeChoice>& choices) {
  std::set<std::string> placed;
  for (const VolumeChoice& choice : choices) {
    const auto own = std::find_if(config.volumes.begin(), config.volumes.end(),
                                  [&](const Volume& one) { return one.name == choice.name; });
    if (own == config.volumes.end())
      return refused("volumes: " + choice.name + " is not among the volumes that the vendor's config has");
    if (!placed.insert(choice.name).second) return refused("volumes: " + choice.name + " is there twice");
    MIFENG_TRY(*own, volume_of(choice));
    const auto mounts = std::count_if(config.volume_mounts.begin(), config.volume_mounts.end(),
                                      [&](const VolumeMount& mount) { return mount.name == choice.name; });
    if (own->medium == Volume::Medium::kMemory && mounts > 1)
      return refused("volumes." + choice.name +
                     ".medium cannot be memory: it is mounted in several places, each of which would be a memory of "
                     "its own");
  }
  return ok();
}

void write_list(std::string& out, std::string_view key, const ResourceList& list) {
  if (list.empty()) return;
  out += "    " + std::string(key) + ":\n";
  for (const auto& [name, quantity] : list) out += "      " + yaml_string(name) + ": \"" + quantity.text + "\"\n";
}

}  // namespace

std::string_view to_string(PullPolicy policy) {
  switch (policy) {
    case PullPolicy::kAlways: return "Always";
    case PullPolicy::kIfNotPresent: return "IfNotPresent";
    case PullPolicy::kNever: return "Never";
  }
  return "";
}

std::string_view to_string(Network network) {
  switch (network) {
    case Network::kNone: return "none";
    case Network::kOutgoing: return "outgoing";
  }
  return "";
}

Result<DeploymentConfig> parse_deployment_config(std::string_view yaml, std::string_view name, ConfigKind kind) {
  MIFENG_TRY(const YamlNode root, parse_yaml(yaml, name));
  DeploymentConfig config;
  FieldReader document(root, name, "");
  document.string("apiVersion", exactly(kApiVersion));
  document.string("kind", exactly(kKind));
  document.object("metadata", [&](FieldReader& metadata) {
    config.name = metadata.string("name", label(40));
    config.namespace_name = metadata.string_or("namespace", config.namespace_name, label());
  });
  document.object("spec", [&](FieldReader& spec) { read_spec(spec, kind, config); });
  MIFENG_CHECK(document.finish());
  return config;
}

std::string to_yaml(const DeploymentConfig& config) {
  std::string out = "apiVersion: " + std::string(kApiVersion) + "\nkind: " + std::string(kKind) + "\nmetadata:\n";
  out += "  name: " + yaml_string(config.name) + "\n  namespace: " + yaml_string(config.namespace_name) + "\n";
  out += "spec:\n  model:\n    name: " + yaml_string(config.model_name) +
         "\n    version: " + yaml_string(config.model_version) + "\n";
  if (!config.image.empty()) out += "  image: " + yaml_string(config.image) + "\n";
  out += "  imagePullPolicy: " + std::string(to_string(config.pull_policy)) + "\n";
  out += "  replicas: " + std::to_string(config.replicas) + "\n  ports:\n";
  for (const ContainerPort& port : config.ports)
    out += "    - name: " + yaml_string(port.name) + "\n      containerPort: " + std::to_string(port.container_port) +
           "\n";
  if (!config.command.empty()) {
    out += "  command:\n";
    for (const std::string& word : config.command) out += "    - " + yaml_string(word) + "\n";
  }
  if (!config.env.empty()) {
    out += "  env:\n";
    for (const EnvVar& variable : config.env)
      out += "    - name: " + yaml_string(variable.name) + "\n      value: " + yaml_string(variable.value) + "\n";
  }
  out += "  network: " + std::string(to_string(config.network)) + "\n";
  if (!config.resources.requests.empty() || !config.resources.limits.empty()) {
    out += "  resources:\n";
    write_list(out, "requests", config.resources.requests);
    write_list(out, "limits", config.resources.limits);
  }
  if (!config.volumes.empty()) {
    out += "  volumes:\n";
    for (const Volume& volume : config.volumes) {
      out += "    - name: " + yaml_string(volume.name) + "\n";
      if (!volume.claim.empty()) {
        out += "      persistentVolumeClaim: {claimName: " + yaml_string(volume.claim);
        if (volume.claim_size) out += ", size: \"" + volume.claim_size->text + "\"";
        if (!volume.storage_class.empty()) out += ", storageClassName: " + yaml_string(volume.storage_class);
        out += "}\n";
        continue;
      }
      out += "      emptyDir: {";
      if (volume.medium == Volume::Medium::kMemory) out += "medium: Memory";
      if (volume.size_limit)
        out += std::string(volume.medium == Volume::Medium::kMemory ? ", " : "") + "sizeLimit: \"" +
               volume.size_limit->text + "\"";
      out += "}\n";
    }
  }
  if (!config.volume_mounts.empty()) {
    out += "  volumeMounts:\n";
    for (const VolumeMount& mount : config.volume_mounts)
      out += "    - name: " + yaml_string(mount.name) + "\n      mountPath: " + yaml_string(mount.mount_path) + "\n";
  }
  out += "  readiness:\n    path: " + yaml_string(config.readiness_path) + "\n";
  out += "  terminationGracePeriodSeconds: " + std::to_string(config.termination_grace_seconds) + "\n";
  if (config.progress_deadline_seconds)
    out += "  progressDeadlineSeconds: " + std::to_string(*config.progress_deadline_seconds) + "\n";
  return out;
}

Result<DeploymentConfig> apply_overlay(const DeploymentConfig& config, const DeploymentOverlay& overlay) {
  DeploymentConfig out = config;
  if (overlay.replicas) {
    if (*overlay.replicas < 0 || *overlay.replicas > bounds::kReplicasMax)
      return refused(phrase("replicas must be a whole number from 0 to {}", bounds::kReplicasMax));
    out.replicas = *overlay.replicas;
  }
  for (const auto& [list, target, name] : {std::tuple{&overlay.requests, &out.resources.requests, "requests"},
                                           std::tuple{&overlay.limits, &out.resources.limits, "limits"}})
    for (const auto& [resource, quantity] : *list) {
      if (const auto complaint = check_resource_name(resource))
        return refused("resources." + std::string(name) + "." + resource + " " + *complaint);
      if (resource != "cpu" && resource != "memory" && quantity.milli % 1000 != 0)
        return refused("resources." + std::string(name) + "." + resource + " must be a whole number");
      (*target)[resource] = quantity;
    }
  if (const auto complaint = resources_complaint(out.resources)) return refused("resources: " + *complaint);
  for (const EnvVar& variable : overlay.env) {
    const auto known =
        std::find_if(out.env.begin(), out.env.end(), [&](const EnvVar& own) { return own.name == variable.name; });
    if (known == out.env.end())
      return refused(phrase("env: {} is not among the variables that the vendor's config has", variable.name));
    if (variable.value.size() > 8192 || variable.value.find('\0') != std::string::npos)
      return refused(phrase("env: the value of {} is longer than 8192 bytes or holds a NUL", variable.name));
    known->value = variable.value;
  }
  MIFENG_CHECK(place_volumes(out, overlay.volumes));
  return out;
}

}  // namespace mifeng::manifest
