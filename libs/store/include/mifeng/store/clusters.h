// Clusters 集群: where units run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"
#include "mifeng/store/words.h"

namespace mifeng::store {

enum class ClusterKind { kPodman, kKubernetes };
template <>
struct Words<ClusterKind> {
  static constexpr std::string_view of[] = {"podman", "kubernetes"};
};

// kUnknown: not asked yet. kAway: it does not answer; what runs there goes on.
enum class ClusterState { kUnknown, kReady, kAway };
template <>
struct Words<ClusterState> {
  static constexpr std::string_view of[] = {"unknown", "ready", "away"};
};

MIFENG_RECORD(ClusterRow, "clusters", 1, text(id), text(name), word(ClusterKind, kind),
              text(address),         // where its engine is reached; nothing secret
              text(wrapped_access),  // what is secret of that, wrapped; empty where there is nothing
              text(default_namespace), text(node_addresses),  // separated by spaces; where gateways dial node ports
              number(addresses_given),                        // by a person: what the engine sees changes them not
              text(registry),                                 // as its nodes see it; empty: as the platform does
              text(guard_url),  // where its guards reach the platform; empty: where those of any cluster do
              word(ClusterState, state), text(reason), text(version),  // what its engine said of itself
              text(may),                                               // what we are allowed there, separated by spaces
              number(sweep_held),  // something newer than this database runs there: nothing unknown is removed
              number(created_ms), number(changed_ms));

}  // namespace mifeng::store
