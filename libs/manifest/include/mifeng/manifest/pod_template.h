// What runs, in the words of Kubernetes and without anything of one engine: every engine renders its own objects of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/manifest/deployment_config.h"

namespace mifeng::manifest {

// Where things are in a unit's two containers (spec/payload.md, spec/start.md).
inline constexpr const char* kGuardProgram = "/mifeng/bin/mifeng-guard";
inline constexpr const char* kStartFolder = "/mifeng/start";  // the model's: the platform's own first process
inline constexpr const char* kStartProgram = "/mifeng/start/mifeng-start";
inline constexpr const char* kAppFolder = "/app";             // the opened payload, in memory
inline constexpr const char* kRunFolder = "/mifeng/run";      // the guard's alone: key socket, nginx' files, in memory
inline constexpr const char* kGuardFolder = "/mifeng/guard";  // sockets of the guard's that the model connects to
inline constexpr const char* kModelFolder = "/mifeng/model";  // sockets of the model's that the guard connects to
inline constexpr std::uint32_t kGuardUser = 65532;            // and the group of both containers
// Of every image, in the words of OCI and of Kubernetes' label kubernetes.io/arch; the system is always linux.
inline constexpr const char* kArchitecture = "amd64";
// Users of models, one for each deployment, from here on: what the kernel counts by user (descriptors in flight,
// inotify, processes) is no other deployment's. Above what systemd gives to containers, below 2^31.
inline constexpr std::uint32_t kModelUserMin = 1'900'000'000;
inline constexpr std::uint32_t kModelUserMax = 2'100'000'000;

// In base units: a thousandth of a processor, a byte. Absent is "no bound".
struct PodResources {
  std::optional<std::int64_t> cpu_request_millis;
  std::optional<std::int64_t> cpu_limit_millis;
  std::optional<std::int64_t> memory_request_bytes;
  std::optional<std::int64_t> memory_limit_bytes;  // what lies in memory mounts counts, so the payload does
  std::map<std::string, std::int64_t> devices;     // extended resources by their name: "nvidia.com/gpu": 1
  bool operator==(const PodResources&) const = default;
};

// A folder in memory, empty at each start, owned by the container's user.
struct MemoryMount {
  std::string path;
  std::int64_t size_bytes = 16 << 20;
  bool executable = false;
  bool operator==(const MemoryMount&) const = default;
};

// A folder in memory that both containers see at the same path: one writes, the other reads. Mode 0750, group 65532,
// owned by the user of the one that writes. Empty at each start of the unit.
struct SharedFolder {
  std::string name;  // a DNS label, for the engine
  std::string path;
  std::int64_t size_bytes = 16 << 20;
  bool executable = false;
  bool model_writes = false;  // else the guard does
  bool operator==(const SharedFolder&) const = default;
};

// A folder that is private to one unit, outlives its restarts and goes with it (数据卷 that are not in memory).
struct ScratchMount {
  std::string volume;  // name in the deployment config
  std::string path;
  std::optional<std::int64_t> size_bytes;  // a bound where the engine can hold it
  bool operator==(const ScratchMount&) const = default;
};

// A folder that outlives the deployment, and that all replicas of all deployments of one vendor's models share that
// claim it.
struct ClaimMount {
  std::string claim;  // VENDOR.NAME: what one vendor's models keep, another's cannot name
  std::string path;
  std::optional<std::int64_t> size_bytes{};  // asked for where it is made
  std::string storage_class{};               // empty: the cluster's own choice
  bool operator==(const ClaimMount&) const = default;
};

// A taint of Kubernetes' nodes that keeps units away, and is not to. The operator's alone to say: a config names no
// nodes.
struct Toleration {
  std::string key{};
  std::optional<std::string> value{};     // none: whatever it is
  std::string effect{};                   // NoSchedule, PreferNoSchedule or NoExecute; empty: each
  std::optional<std::int64_t> seconds{};  // of NoExecute: after which a unit goes; none: it stays
  bool operator==(const Toleration&) const = default;
};
inline constexpr std::size_t kTolerationsMax = 16;
inline constexpr std::int64_t kTolerationSecondsMax = 7 * 24 * 3600;

// One of the two. It runs as its user and group 65532 with a read-only root, no capability and no-new-privileges; that
// is not a choice of the template, so it is not in it.
struct ContainerTemplate {
  std::string image;  // REGISTRY/NAME@sha256:…, as the engine pulls it
  PullPolicy pull_policy = PullPolicy::kIfNotPresent;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<EnvVar> env;  // the same for every replica, sorted by name
  std::uint32_t user = kGuardUser;
  PodResources resources;
  std::vector<MemoryMount> memory_mounts;
  bool operator==(const ContainerTemplate&) const = default;
};

// The pod of one replica: the guard, of the platform's image, and the model, of the vendor's. Only the guard has the
// ports, and what proves to the platform who it is; engines add MIFENG_UNIT and MIFENG_PLATFORM to its environment, and
// mount kStartFolder into the model's container.
struct PodTemplate {
  ContainerTemplate guard;
  ContainerTemplate model;
  std::vector<SharedFolder> shared;
  std::vector<ScratchMount> scratch_mounts;  // this and the next are the model's
  std::vector<ClaimMount> claim_mounts;
  Network network = Network::kNone;  // the model's
  std::vector<ContainerPort> ports;
  std::uint16_t health_port = kHealthPort;  // the guard's: GET /live and /ready, never published
  std::int64_t termination_grace_seconds = 30;
  std::optional<int> progress_deadline_seconds;  // as the config says
  std::vector<Toleration> tolerations;           // what only an engine of Kubernetes can hold
  bool operator==(const PodTemplate&) const = default;
};

// What only the platform knows.
struct RenderOptions {
  std::string deployment_id;
  std::string registry;             // "127.0.0.1:5000", put before the config's image
  std::string guard_image;          // NAME@sha256:… in that registry
  std::uint64_t payload_bytes = 0;  // plaintext of the payload: the size of /app comes from it
  std::uint32_t model_user = kModelUserMin;
  // Points of the platform's keys in base64, those of the card that the package was sealed for: whom the guard
  // believes, and whom it seals its requests to.
  std::string identity_key;
  std::string delivery_key;
  // For how long a guard goes on after SIGTERM: as long as whoever sends calls to it needs to notice its end.
  int lame_duck_seconds = 5;
  std::vector<Toleration> tolerations{};
};

// kInvalidArgument "bad-field" where the config has no image or command, or an option is missing or out of bounds;
// "bad-overlay" for tolerations that no taint can have. The same input gives the same template, so a running container
// can be compared with it.
Result<PodTemplate> render_pod(const DeploymentConfig& config, const RenderOptions& options);

}  // namespace mifeng::manifest
