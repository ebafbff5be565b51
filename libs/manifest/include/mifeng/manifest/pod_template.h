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

// Where things are in every container (spec/payload.md).
inline constexpr const char* kGuardProgram = "/mifeng/bin/mifeng-guard";
inline constexpr const char* kAppFolder = "/app";         // the opened payload, in memory
inline constexpr const char* kRunFolder = "/mifeng/run";  // sockets and nginx' temporary files, in memory
inline constexpr const char* kModelSocket = "/mifeng/run/model.sock";

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

// The pod of one replica. Every container runs as uid and gid 65532 with a read-only root, no capability and
// no-new-privileges; that is not a choice of the template, so it is not in it.
struct PodTemplate {
  std::string image;  // REGISTRY/NAME@sha256:…, as the engine pulls it
  PullPolicy pull_policy = PullPolicy::kIfNotPresent;
  std::vector<std::string> command;  // the guard
  std::vector<std::string> args;     // "--" and what the guard starts
  // The same for every replica, sorted by name; engines add MIFENG_UNIT and MIFENG_PLATFORM.
  std::vector<EnvVar> env;
  std::vector<ContainerPort> ports;
  PodResources resources;
  std::vector<MemoryMount> memory_mounts;
  std::vector<ScratchMount> scratch_mounts;
  std::vector<ClaimMount> claim_mounts;
  std::uint16_t health_port = kHealthPort;  // GET /live and /ready, never published
  std::int64_t termination_grace_seconds = 30;
  bool operator==(const PodTemplate&) const = default;
};

// What only the platform knows.
struct RenderOptions {
  std::string deployment_id;
  std::string registry;             // "127.0.0.1:5000", put before the config's image
  std::uint64_t payload_bytes = 0;  // plaintext of the payload: the size of /app comes from it
  // Key id (hex) of the card, among those the image was packed for, that is this platform's: MIFENG_CARD. Empty where
  // there is only one.
  std::string card;
  // For how long a guard goes on after SIGTERM: as long as whoever sends calls to it needs to notice its end.
  int lame_duck_seconds = 5;
};

// kInvalidArgument "bad-field" where the config has no image or command, or an option is missing. The same input gives
// the same template, so a running container can be compared with it.
Result<PodTemplate> render_pod(const DeploymentConfig& config, const RenderOptions& options);

}  // namespace mifeng::manifest
