#include "mifeng/manifest/pod_template.h"

#include <algorithm>
#include <set>

#include "mifeng/manifest/rules.h"

namespace mifeng::manifest {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr int kEndSeconds = 5;
constexpr int kLameDuckSecondsMax = 60;  // spec/grant.md, MIFENG_LAME_DUCK
constexpr std::int64_t kRunBytes = 64 * kMiB;
constexpr std::int64_t kSocketsBytes = kMiB;
// For the guard beside what its folders hold: nginx takes 1,024 connections, half of them towards the model, with some
// 300 KiB for each request under way (buffers of the model's answer, of its seal and of the request); its own and
// nginx' code and data are some 20 MiB.
constexpr std::int64_t kGuardBytes = 512 * 300 * 1024 + 96 * kMiB;

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

void sort(std::vector<EnvVar>& env) {
  std::sort(env.begin(), env.end(), [](const EnvVar& a, const EnvVar& b) { return a.name < b.name; });
}

// For whoever runs a guard: all that it goes by (spec/grant.md).
ContainerTemplate guard_of(const DeploymentConfig& config, const RenderOptions& options) {
  ContainerTemplate guard;
  guard.image = options.registry + "/" + options.guard_image;
  guard.command = {kGuardProgram};
  // Its default, spelled out: Podman takes a container without arguments for one that wants its image's.
  guard.args = {"--health-port", std::to_string(kHealthPort)};
  std::string ports;
  for (const ContainerPort& port : config.ports)
    ports += (ports.empty() ? "" : ",") + port.name + "=" + std::to_string(port.container_port);
  guard.env = {{"MIFENG_DELIVERY_KEY", options.delivery_key},
               {"MIFENG_DEPLOYMENT", options.deployment_id},
               {"MIFENG_IDENTITY_KEY", options.identity_key},
               {"MIFENG_LAME_DUCK", std::to_string(options.lame_duck_seconds)},
               {"MIFENG_MODEL_UID", std::to_string(options.model_user)},
               {"MIFENG_PORTS", ports},
               {"MIFENG_READINESS", config.readiness_path},
               {"MIFENG_TERMINATION_GRACE", std::to_string(config.termination_grace_seconds)}};
  sort(guard.env);
  guard.memory_mounts = {{kRunFolder, kRunBytes, false}};
  // What lies in memory is charged to the container that writes it.
  guard.resources.memory_limit_bytes = app_size(options.payload_bytes) + kRunBytes + kSocketsBytes + kGuardBytes;
  return guard;
}

std::string socket_variable(const std::string& port_name) {
  std::string name = "MIFENG_SOCKET_";
  for (const char c : port_name) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::vector<EnvVar> model_env(const DeploymentConfig& config) {
  std::vector<EnvVar> env = config.env;
  env.push_back({"MIFENG_MODEL_NAME", config.model_name});
  env.push_back({"MIFENG_MODEL_VERSION", config.model_version});
  const std::string folder = kModelFolder;
  env.push_back({"MIFENG_SOCKET", folder + "/model.sock"});
  for (std::size_t i = 1; i < config.ports.size(); ++i)
    env.push_back({socket_variable(config.ports[i].name), folder + "/model-" + config.ports[i].name + ".sock"});
  // NVIDIA's runtime gives every accelerator of the machine to a container that says nothing.
  const auto named = [&](const char* name) {
    return std::any_of(env.begin(), env.end(), [&](const EnvVar& one) { return one.name == name; });
  };
  const auto& limits = config.resources.limits;
  const bool has_devices = std::any_of(limits.begin(), limits.end(),
                                       [](const auto& one) { return one.first.find('/') != std::string::npos; });
  if (!has_devices && !named("NVIDIA_VISIBLE_DEVICES")) env.push_back({"NVIDIA_VISIBLE_DEVICES", "void"});
  sort(env);
  return env;
}

Result<void> check_tolerations(const std::vector<Toleration>& tolerations) {
  const auto refuse = [](const std::string& sentence) {
    return Error(ErrorCode::kInvalidArgument, "bad-overlay", sentence);
  };
  if (tolerations.size() > kTolerationsMax)
    return refuse("tolerations: there are more than " + std::to_string(kTolerationsMax));
  for (std::size_t i = 0; i < tolerations.size(); ++i) {
    const Toleration& one = tolerations[i];
    const std::string path = "tolerations[" + std::to_string(i) + "]";
    if (const auto complaint = check_taint_key(one.key)) return refuse(path + ".key " + *complaint);
    if (one.value)
      if (const auto complaint = check_taint_value(*one.value)) return refuse(path + ".value " + *complaint);
    if (one.effect != "" && one.effect != "NoSchedule" && one.effect != "PreferNoSchedule" && one.effect != "NoExecute")
      return refuse(path + ".effect must be NoSchedule, PreferNoSchedule or NoExecute, or left out");
    if (one.seconds && one.effect != "NoExecute") return refuse(path + ".seconds belong to the effect NoExecute");
    if (one.seconds && (*one.seconds < 0 || *one.seconds > kTolerationSecondsMax))
      return refuse(path + ".seconds must be from 0 to " + std::to_string(kTolerationSecondsMax));
    for (std::size_t j = 0; j < i; ++j)
      if (tolerations[j].key == one.key && tolerations[j].value == one.value && tolerations[j].effect == one.effect)
        return refuse(path + " is there twice");
  }
  return ok();
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

  if (options.guard_image.find("@sha256:") == std::string::npos) return refuse("the guard's image has no digest");
  if (options.identity_key.empty() || options.delivery_key.empty()) return refuse("the platform's keys are missing");
  if (options.model_user < kModelUserMin || options.model_user > kModelUserMax)
    return refuse("the model's user is out of bounds");

  PodTemplate pod;
  pod.guard = guard_of(config, options);
  pod.network = config.network;
  pod.ports = config.ports;
  ContainerTemplate& model = pod.model;
  model.image = options.registry + "/" + config.image;
  model.pull_policy = config.pull_policy;
  pod.guard.pull_policy = PullPolicy::kIfNotPresent;
  model.user = options.model_user;
  model.env = model_env(config);
  model.resources.cpu_request_millis = find(config.resources.requests, "cpu", true);
  model.resources.cpu_limit_millis = find(config.resources.limits, "cpu", true);
  model.resources.memory_request_bytes = find(config.resources.requests, "memory", false);
  model.resources.memory_limit_bytes = find(config.resources.limits, "memory", false);
  for (const auto& [name, quantity] : config.resources.limits)
    if (name != "cpu" && name != "memory") model.resources.devices[name] = quantity.units();

  pod.shared = {{"app", kAppFolder, app_size(options.payload_bytes), true, false},
                {"guard", kGuardFolder, kSocketsBytes, false, false},
                {"model", kModelFolder, kSocketsBytes, false, true}};
  // Programs expect somewhere to write temporary files, and the root is read-only.
  const bool own_tmp = std::any_of(config.volume_mounts.begin(), config.volume_mounts.end(),
                                   [](const VolumeMount& mount) { return mount.mount_path == "/tmp"; });
  if (!own_tmp) model.memory_mounts.push_back({"/tmp", 64 * kMiB, false});
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
      model.memory_mounts.push_back({mount.mount_path, size.value_or(64 * kMiB), false});
    } else {
      pod.scratch_mounts.push_back({mount.name, mount.mount_path, size});
    }
  }
  model.command = {kStartProgram};
  std::set<std::string> names;
  for (const EnvVar& variable : model.env) names.insert(variable.name);
  for (const std::string_view name : image_env_names()) names.emplace(name);
  for (const std::string& name : names) model.args.insert(model.args.end(), {"--env", name});
  if (!model.resources.devices.empty()) model.args.push_back("--whole-environment");
  model.args.insert(model.args.end(), {"--writable", kModelFolder});
  for (const VolumeMount& mount : config.volume_mounts)
    model.args.insert(model.args.end(), {"--writable", mount.mount_path});
  model.args.push_back("--");
  model.args.insert(model.args.end(), config.command.begin(), config.command.end());
  // The guard's time begins only after it has gone on serving, and it needs a moment to end the model.
  pod.termination_grace_seconds = options.lame_duck_seconds + config.termination_grace_seconds + kEndSeconds;
  pod.progress_deadline_seconds = config.progress_deadline_seconds;
  MIFENG_CHECK(check_tolerations(options.tolerations));
  pod.tolerations = options.tolerations;
  return pod;
}

}  // namespace mifeng::manifest
