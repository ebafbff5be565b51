// What runs, in the words of Kubernetes and without anything of one engine: every engine renders its own objects of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mifeng::cluster {

// 镜像抓取策略
enum class PullPolicy { kAlways, kIfNotPresent, kNever };

struct EnvVar {
  std::string name;
  std::string value;
};

struct ContainerPort {
  std::string name;  // a DNS label
  std::uint16_t container_port = 0;
};

// In base units: a thousandth of a processor, a byte. Absent is "no bound".
struct Resources {
  std::optional<std::int64_t> cpu_request_millis;
  std::optional<std::int64_t> cpu_limit_millis;
  std::optional<std::int64_t> memory_request_bytes;
  std::optional<std::int64_t> memory_limit_bytes;
  std::map<std::string, std::int64_t> devices;  // extended resources by their name: "nvidia.com/gpu": 1
};

// A folder in memory, empty at each start, owned by the container's user.
struct MemoryMount {
  std::string path;
  std::int64_t size_bytes = 16 << 20;
  bool executable = false;
};

// A folder that outlives the container and is private to one replica (数据卷 that are not in memory).
struct ScratchMount {
  std::string volume;  // name in the deployment config
  std::string path;
  std::optional<std::int64_t> size_bytes;  // a bound where the engine can hold it
};

// The pod of one replica. Every container runs as uid and gid 65532 with a read-only root, no capability and
// no-new-privileges; that is not a choice of the template, so it is not in it.
struct PodTemplate {
  std::string image;  // REGISTRY/NAME@sha256:…, as the engine pulls it
  PullPolicy pull_policy = PullPolicy::kIfNotPresent;
  std::vector<std::string> command;  // the guard
  std::vector<std::string> args;     // what the guard starts
  std::vector<EnvVar> env;           // the same for every replica; engines add MIFENG_INSTANCE and MIFENG_PLATFORM
  std::vector<ContainerPort> ports;
  Resources resources;
  std::vector<MemoryMount> memory_mounts;
  std::vector<ScratchMount> scratch_mounts;
  std::uint16_t health_port = 15020;          // GET /live and /ready, never published
  std::int64_t termination_grace_seconds = 30;
};

}  // namespace mifeng::cluster
