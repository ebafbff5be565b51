// Clusters 集群: where units run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct ClusterRow {
  std::string id{};
  std::string name{};
  std::string kind{};            // "podman", "kubernetes"
  std::string address{};         // where its engine is reached; nothing secret
  std::string wrapped_access{};  // what is secret of that, wrapped; empty where there is nothing
  std::string default_namespace{};
  std::string node_addresses{};  // separated by spaces; where gateways dial node ports
  std::string registry{};        // as its nodes see it
  std::string state{};           // "unknown", "ready", "away"
  std::string reason{};
  std::string version{};        // what its engine said of itself
  std::string may{};            // what we are allowed there, separated by spaces
  std::int64_t sweep_held = 0;  // something newer than this database runs there: nothing unknown is removed
  std::int64_t created_ms = 0;
  std::int64_t changed_ms = 0;
};
template <>
struct Table<ClusterRow> {
  static constexpr const char* name = "clusters";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {
      "id",    "name",   "kind",    "address", "wrapped_access", "default_namespace", "node_addresses", "registry",
      "state", "reason", "version", "may",     "sweep_held",     "created_ms",        "changed_ms"};
  static auto tie(ClusterRow& r) {
    return std::tie(r.id, r.name, r.kind, r.address, r.wrapped_access, r.default_namespace, r.node_addresses,
                    r.registry, r.state, r.reason, r.version, r.may, r.sweep_held, r.created_ms, r.changed_ms);
  }
};

}  // namespace mifeng::store
