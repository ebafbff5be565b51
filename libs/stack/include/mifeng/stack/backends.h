// The two programs of others that an installation runs for itself: the image registry and the container engine's
// service.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "mifeng/stack/service.h"

namespace mifeng::stack {

struct RegistryOptions {
  std::filesystem::path folder;  // registry.yml, data/
  std::filesystem::path log;
  std::uint16_t port = 0;  // on loopback; not 0
};
// Debian's docker-registry with deletion on; returns once it answers. Before that it gives back the room of layers that
// no image has any more.
Result<std::unique_ptr<Service>> start_registry(const RegistryOptions& options);

struct PodmanServiceOptions {
  std::filesystem::path folder;  // *.conf, storage/, run/, networks/, volumes/, tmp/
  std::filesystem::path socket;
  std::filesystem::path log;
  std::string registry;                 // "127.0.0.1:5000"
  bool registry_tls = false;            // else it is spoken to without
  std::filesystem::path registry_ca{};  // authority of its certificate, beside the system's; empty: none
};
// `podman system service` that shares nothing with another Podman on the machine but the kernel: storage, networks,
// locks and configuration are below `folder`. Returns once it answers.
Result<std::unique_ptr<Service>> start_podman(const PodmanServiceOptions& options);

// Stops it, waits at most 10 s for the monitors of its containers, and lets go of the storage folder, which Podman
// mounts on itself, so that it can be removed. Containers that run go on; remove them first.
void stop_podman(Service& service, const PodmanServiceOptions& options);

// The files of start_podman, and the environment that makes `podman` use them.
Result<std::map<std::string, std::string>> write_podman_config(const PodmanServiceOptions& options);

}  // namespace mifeng::stack
