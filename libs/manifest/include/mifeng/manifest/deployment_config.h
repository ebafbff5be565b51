// The deployment config (配置文件): spec/package.md, "The deployment config".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/manifest/quantity.h"

namespace mifeng::manifest {

enum class PullPolicy { kAlways, kIfNotPresent, kNever };
std::string_view to_string(PullPolicy policy);  // Kubernetes' spelling

// What of a network a model has beside its sockets.
enum class Network {
  kNone,     // nothing but itself
  kOutgoing  // it may reach others; nobody reaches it
};
std::string_view to_string(Network network);  // "none", "outgoing"

struct ContainerPort {
  std::string name;  // a DNS label of at most 15 characters; routes name it
  std::uint16_t container_port = 0;
  bool operator==(const ContainerPort&) const = default;
};

struct EnvVar {
  std::string name;
  std::string value;
  bool operator==(const EnvVar&) const = default;
};

// By resource name: cpu, memory, nvidia.com/gpu, ...
using ResourceList = std::map<std::string, Quantity>;
struct Resources {
  ResourceList requests;
  ResourceList limits;
  bool operator==(const Resources&) const = default;
};

struct Volume {
  enum class Medium {
    kDefault,  // emptyDir: {}: the node's disk, or memory where an engine has nothing else
    kMemory    // emptyDir: {medium: Memory}
  };
  std::string name{};
  Medium medium = Medium::kDefault;
  std::optional<Quantity> size_limit{};
  std::string claim{};                   // persistentVolumeClaim: {claimName}; empty: an emptyDir
  std::optional<Quantity> claim_size{};  // {size}: how much is asked for where it is made
  std::string storage_class{};           // {storageClassName}: of which kind; empty: the cluster's own choice
  bool operator==(const Volume&) const = default;
};

struct VolumeMount {
  std::string name;  // of the volume
  std::string mount_path;
  bool operator==(const VolumeMount&) const = default;
};

struct DeploymentConfig {
  std::string name;                       // metadata.name
  std::string namespace_name = "models";  // metadata.namespace
  std::string model_name;                 // 模型名称
  std::string model_version;
  std::string image;  // 镜像名称: vendor/model@sha256:…, empty in a project's file
  PullPolicy pull_policy = PullPolicy::kIfNotPresent;  // 镜像抓取策略
  int replicas = 1;                                    // 容器副本数
  std::vector<ContainerPort> ports;                    // 容器端口号
  std::vector<std::string> command;                    // 运行命令
  std::vector<EnvVar> env;                             // 环境变量
  Network network = Network::kNone;
  Resources resources;          // 硬件资源
  std::vector<Volume> volumes;  // 数据卷
  std::vector<VolumeMount> volume_mounts;
  std::string readiness_path = "/v2/health/ready";
  int termination_grace_seconds = 30;
  std::optional<int> progress_deadline_seconds;  // within which a unit has to be ready; none: what the platform gives
  bool operator==(const DeploymentConfig&) const = default;
};

enum class ConfigKind {
  kProject,  // as a vendor writes it: image and command may be left to `mifeng pack`
  kPackage   // as it stands in a package: everything is there
};

// Bounds of what a config may say, and of what an operator may change about it.
inline constexpr std::size_t kVolumesMax = 32;
inline constexpr int kGraceSecondsMax = 3600;
inline constexpr int kProgressDeadlineMin = 5;  // seconds; mifengd's --progress-deadline has the same bounds
inline constexpr int kProgressDeadlineMax = 86'400;
inline constexpr int kHealthPort = 15020;  // the guard's own; no port of a config

// kInvalidArgument with "NAME:LINE:COLUMN: field: sentence".
Result<DeploymentConfig> parse_deployment_config(std::string_view yaml, std::string_view name, ConfigKind kind);
// YAML that parses to the same config; the same config gives the same bytes.
std::string to_yaml(const DeploymentConfig& config);

// Where an operator wants a volume of the config's: on a claim of the vendor's, or else in a folder that goes with its
// unit. No folder of a host is among what can be said.
struct VolumeChoice {
  std::string name{};           // the config has one of this name
  std::string claim{};          // empty: none
  std::string medium{};         // "disk" or "memory", where there is no claim
  std::string size{};           // a quantity; empty: none is said
  std::string storage_class{};  // of a claim; empty: the cluster's own choice
  bool operator==(const VolumeChoice&) const = default;
};

// What an operator may change at deployment, and nothing else.
struct DeploymentOverlay {
  std::optional<int> replicas{};
  std::map<std::string, Quantity> requests{};  // replaces by resource name
  std::map<std::string, Quantity> limits{};
  std::vector<EnvVar> env{};            // only names that the vendor's config has: the vendor decides what can be set
  std::vector<VolumeChoice> volumes{};  // in the same way; where they are mounted stays as it is
};
// kInvalidArgument "bad-overlay" with the field's path.
Result<DeploymentConfig> apply_overlay(const DeploymentConfig& config, const DeploymentOverlay& overlay);

}  // namespace mifeng::manifest
