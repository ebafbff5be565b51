// What an API server says of its objects, as far as we look at it. Pure functions: no I/O.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/cluster/units.h"
#include "mifeng/json/value.h"
#include "pod_drift.h"
#include "reasons.h"

namespace mifeng::kubernetes {

// 3, "3m", "2Gi" in thousandths; nothing for what is no quantity.
std::optional<std::int64_t> thousandths(std::string_view quantity);
// RFC 3339 with seconds or microseconds.
std::optional<UnixMillis> time_of(std::string_view text);

inline constexpr std::size_t kNewsMax = 8 << 20;  // bytes of a line of a watch

// Such a line.
struct NewsSeen {
  enum class Kind { kThere, kGone, kBookmark };
  Kind kind = Kind::kThere;
  json::Object object;
  std::string resource_version;  // to go on from
};
// kUnavailable "expired" where the server no longer knows what came after the version asked for, and "api-unavailable"
// for its other errors; kInternal "bad-api-answer" for what is no event.
Result<NewsSeen> read_news(std::string_view line);

struct PodSeen {
  std::string name, name_space, uid;
  std::string installation, deployment;  // empty where it is not of Mifeng
  std::string node;
  bool ended = false;  // Succeeded or Failed: kubelet runs nothing of it any more
  cluster::Unit unit;  // of ours
  std::vector<std::string> container_ids;
  Changeable changeable;            // of ours
  std::string change;               // by the view: how it is not any more what it was; empty where nobody changed it
  std::string waiting_container;    // of ours, whose image could not be pulled
  std::string scheduler_words;      // of ours, why it has no node yet
  std::vector<std::string> claims;  // of ours, the names of its PersistentVolumeClaims
  Taken taken;                      // of its node, as the scheduler counts
  std::vector<std::uint16_t> host_ports;
  bool operator==(const PodSeen&) const;
};
PodSeen pod_in(const json::Object& object);
// What a pod of this spec takes of its node, and what all its containers may take together.
Taken taken_by(const json::Object& spec);
Taken limits_of(const json::Object& spec);

// A quota of the namespace, but for those that count some pods alone.
struct QuotaSeen {
  std::string name;
  std::map<std::string, cluster::Amount>
      of{};  // by its own word ("requests.memory", "pods"): bytes, millis, or a count
};
std::optional<QuotaSeen> quota_in(const json::Object& object);
// What is free of a cluster is no more than its quotas leave, and they may count as well.
void bound_by(const QuotaSeen& quota, cluster::Capacity& capacity);
// Whether one pod more fits.
bool has_room_for(const QuotaSeen& quota, const json::Object& pod_spec);

struct DeploymentSeen {
  std::string name, uid, installation, deployment;
  std::string resource_version;
  std::int64_t generation = 0, observed = 0;
  std::int64_t revision = 0, restart = 0;  // of the template that is wanted now
  std::int64_t wanted = 0, replicas = 0, updated = 0, available = 0;
  std::string failure;  // why no pod could be made, in the API server's words
  std::int64_t deadline_seconds = 0;
  std::string strategy;     // "surge", "in-place", "outage"; how pods of the template that is wanted now replace others
  bool is_overdue = false;  // ProgressDeadlineExceeded
  // All pods are of this template, and none too many or few.
  bool is_rolled_out() const { return observed >= generation && updated == wanted && replicas == wanted; }
};
DeploymentSeen deployment_in(const json::Object& object);

struct ServiceSeen {
  std::string name, name_space, installation, deployment;
  std::string resource_version;
  std::vector<cluster::NodePort> node_ports;  // by the names of its ports
  std::uint16_t health_port = 0;              // healthCheckNodePort
};
ServiceSeen service_in(const json::Object& object);

struct NodeSeen {
  std::string name;
  bool ready = false, cordoned = false;
  std::vector<std::string> addresses;  // InternalIP
  bool tainted = false;                // it takes none of our units
  std::int64_t pods = 0;               // at most
  Taken allocatable;
};
NodeSeen node_in(const json::Object& object);
// Where gateways reach node ports, at most 16.
std::vector<std::string> node_addresses_of(std::vector<cluster::Node> nodes);

inline constexpr const char* kEventSource = "mifeng";  // of events that we write ourselves

struct EventSeen {
  std::string uid;
  bool is_own = false;       // we wrote it
  std::string kind, object;  // of what
  bool is_warning = false;
  cluster::Event event;
};
EventSeen event_in(const json::Object& object);

}  // namespace mifeng::kubernetes
