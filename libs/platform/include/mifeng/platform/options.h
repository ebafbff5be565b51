// What a platform is told at its start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/clusters/engine_factory.h"
#include "mifeng/models/registry.h"

namespace mifeng::platform {

struct PlatformOptions {
  std::filesystem::path data_dir;  // mifeng.db, uploads/; made (0700) where missing
  std::string name = "mifeng";     // on the platform card
  std::string registry;            // "127.0.0.1:5000", "HOST/PROJECT"; empty: submits are refused with "no-registry"
  models::RegistryAccess registry_access{};
  // The guards' image: its OCI layout (empty: it is in the registry already), and the digest by which units name it.
  std::filesystem::path guard_image;
  std::string guard_image_digest;  // "sha256:…"
  int port_first = 30000;          // node ports of a new cluster
  int port_last = 32767;
  int parallel_hashes = 1;                                      // PBKDF2 at once
  int password_rounds = 600'000;                                // lower only in tests
  UnixMillis token_lifetime_max_ms = 366LL * 24 * 3600 * 1000;  // of API tokens
  int database_connections = 16;                     // more than parallel_deployments, so that requests find one
  int parallel_deployments = 8;                      // of each cluster, looked at by the reconciler at the same time
  std::string local_address;                         // of the cluster "local": where its engine is reached
  std::string local_node = "127.0.0.1";              // where gateways reach its node ports
  std::string guard_url;                             // where guards of other machines reach us; empty: nowhere
  std::string gateway_url;                           // where gateways take requests, for trials; empty: nobody said
  std::filesystem::path gateway_ca;                  // of its certificate, beside the system's authorities
  clusters::ClusterJoiner* joiner = nullptr;         // brings clusters in; null: none can be added. Outlives us
  UnixMillis resync_ms = 30 * 1000;                  // from one look at everything to the next
  UnixMillis progress_deadline_ms = 10 * 60 * 1000;  // an update whose units are not ready by then has failed
  int cluster_lame_duck_seconds = 15;  // for which guards in clusters go on after SIGTERM: kube-proxy needs seconds
  UnixMillis lease_ms = 5 * 60 * 1000;
  UnixMillis renew_ms = 60 * 1000;
  UnixMillis snapshot_lifetime_ms = 24LL * 3600 * 1000;
  UnixMillis output_key_lifetime_ms = 24LL * 3600 * 1000;
  UnixMillis delivery_key_grace_ms = 30LL * 24 * 3600 * 1000;  // for packages that were made for a former card
  UnixMillis keep_ms = 90LL * 24 * 3600 * 1000;                // usage and ended instances
  UnixMillis image_pruning_ms = 60LL * 60 * 1000;              // from one look for unused images to the next
  std::int64_t package_size_max = 64LL << 30;
  std::int64_t vendor_quota = 500LL << 30;  // bytes that one vendor's packages may take
  std::string proc = "/proc";               // where listening sockets are read
  // What prints the ports that the packet filter sends elsewhere; waits at most 2 s for the filter's lock.
  std::vector<std::string> port_rules{"/usr/sbin/iptables", "-w", "2", "-t", "nat", "-S", "NETAVARK-HOSTPORT-DNAT"};
};

}  // namespace mifeng::platform
