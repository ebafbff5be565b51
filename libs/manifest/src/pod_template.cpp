#include "mifeng/manifest/pod_template.h"

#include <algorithm>

namespace mifeng::manifest {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr int kEndSeconds = 5;
constexpr int kLameDuckSecondsMax = 60;  // spec/grant.md, MIFENG_LAME_DUCK

// A tmpfs counts whole pages per file and its folders; 1/16 and 16 MiB more than the content is enough for 100,000
// files, and leaves a model a little room of its own.
std::int64_t app_size(std::uint64_t payload_bytes) {
  const auto content = static_cast<std::int64_t>(payload_bytes);
  return (content + content / 16 + 16 * kMiB + kMiB - 1) / kMiB * kMiB;
}

std::optional<std::int64_t> find(const ResourceList& list, const std::string& name, bool millis) {
  const auto at = list.find(name);
  if (at == list.end()) return std::nullopt;
  return millis ? at->second.milli : at->second.units();
}

}  // namespace

Result<PodTemplate> render_pod(const DeploymentConfig& config, const RenderOptions& options) {
  const auto refuse = [](const char* sentence) { return Error(ErrorCode::kInvalidArgument, "bad-field", sentence); };
  if (config.image.empty()) return refuse("image: the config names no image; only a packed model can be rendered");
  if (config.command.empty())
    return refuse("command: the config names no command; only a packed model can be rendered");
  if (config.ports.empty()) return refuse("ports: the config names no port");
  if (options.deployment_id.empty()) return refuse("the deployment has no id");
  if (options.registry.empty()) return refuse("no registry was given for the image");
  if (options.lame_duck_seconds < 0 || options.lame_duck_seconds > kLameDuckSecondsMax)
    return refuse("a guard's lame-duck time is 0 to 60 seconds");
  if (options.payload_bytes > std::uint64_t{1} << 40) return refuse("the payload is larger than 2^40 bytes");

  PodTemplate pod;
  pod.image = options.registry + "/" + config.image;
  pod.pull_policy = config.pull_policy;
  pod.command = {kGuardProgram};
  pod.args = {"--"};
  pod.args.insert(pod.args.end(), config.command.begin(), config.command.end());

  std::string ports;
  for (const ContainerPort& port : config.ports)
    ports += (ports.empty() ? "" : ",") + port.name + "=" + std::to_string(port.container_port);
  pod.env = config.env;
  pod.env.push_back({"MIFENG_DEPLOYMENT", options.deployment_id});
  pod.env.push_back({"MIFENG_PORTS", ports});
  pod.env.push_back({"MIFENG_LAME_DUCK", std::to_string(options.lame_duck_seconds)});
  pod.env.push_back({"MIFENG_READINESS", config.readiness_path});
  pod.env.push_back({"MIFENG_TERMINATION_GRACE", std::to_string(config.termination_grace_seconds)});
  if (!options.card.empty()) pod.env.push_back({"MIFENG_CARD", options.card});
  std::sort(pod.env.begin(), pod.env.end(), [](const EnvVar& a, const EnvVar& b) { return a.name < b.name; });
  pod.ports = config.ports;

  pod.resources.cpu_request_millis = find(config.resources.requests, "cpu", true);
  pod.resources.cpu_limit_millis = find(config.resources.limits, "cpu", true);
  pod.resources.memory_request_bytes = find(config.resources.requests, "memory", false);
  pod.resources.memory_limit_bytes = find(config.resources.limits, "memory", false);
  for (const auto& [name, quantity] : config.resources.limits)
    if (name != "cpu" && name != "memory") pod.resources.devices[name] = quantity.units();

  pod.memory_mounts.push_back({kAppFolder, app_size(options.payload_bytes), true});
  pod.memory_mounts.push_back({kRunFolder, 64 * kMiB, false});
  // Programs expect somewhere to write temporary files, and the root is read-only.
  const bool own_tmp = std::any_of(config.volume_mounts.begin(), config.volume_mounts.end(),
                                   [](const VolumeMount& mount) { return mount.mount_path == "/tmp"; });
  if (!own_tmp) pod.memory_mounts.push_back({"/tmp", 64 * kMiB, false});
  for (const VolumeMount& mount : config.volume_mounts) {
    const auto volume = std::find_if(config.volumes.begin(), config.volumes.end(),
                                     [&](const Volume& one) { return one.name == mount.name; });
    if (volume == config.volumes.end()) return refuse("volumeMounts: a mount names no volume of the config");
    std::optional<std::int64_t> size;
    if (volume->size_limit) size = volume->size_limit->units();
    if (!volume->claim.empty()) {
      ClaimMount claim{.claim = config.image.substr(0, config.image.find('/')) + "." + volume->claim,
                       .path = mount.mount_path,
                       .size_bytes = std::nullopt,
                       .storage_class = volume->storage_class};
      if (volume->claim_size) claim.size_bytes = volume->claim_size->units();
      pod.claim_mounts.push_back(std::move(claim));
    } else if (volume->medium == Volume::Medium::kMemory) {
      pod.memory_mounts.push_back({mount.mount_path, size.value_or(64 * kMiB), false});
    } else {
      pod.scratch_mounts.push_back({mount.name, mount.mount_path, size});
    }
  }
  // The guard's time begins only after it has gone on serving, and it needs a moment to end the model.
  pod.termination_grace_seconds = options.lame_duck_seconds + config.termination_grace_seconds + kEndSeconds;
  return pod;
}

}  // namespace mifeng::manifest
