// The engine on one machine: Podman, by its REST API.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mifeng/cluster/engine.h"

namespace mifeng::cluster {

struct PodmanOptions {
  std::filesystem::path socket;       // of `podman system service`
  std::string installation;           // id: 32 hex digits
  std::filesystem::path sockets_dir;  // DATA/sockets; <unit>/ in it is mounted read-only at /mifeng/platform
  std::filesystem::path start_dir;    // holds mifeng-start; mounted read-only at /mifeng/start of every model
  std::string host_ip = "127.0.0.1";  // where node ports listen
  std::string registry;               // "127.0.0.1:5000": images of it are ours to prune; "" prunes nothing
  bool registry_tls = false;          // whether to verify TLS of the registry when pulling
  std::string registry_user;          // who pulls from it; empty: nobody has to say who he is
  std::filesystem::path registry_password_file;   // its first line; read each time
  std::chrono::milliseconds probe_timeout{1000};  // for an answer on the health port
  // What keeps models that may use the network from everybody's guards; waits for a lock as long as it says.
  std::vector<std::string> packet_filter{"/usr/sbin/iptables", "-w", "2"};
};

// kInvalidArgument "bad-options". Does not talk to the service yet. `clock` must outlive the engine.
Result<std::unique_ptr<Engine>> create_podman_engine(const PodmanOptions& options, const Clock& clock);

}  // namespace mifeng::cluster
