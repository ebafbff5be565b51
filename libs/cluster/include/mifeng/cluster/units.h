// What an engine is given, and what it tells: values, without the engine that does the work.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/listed.h"
#include "mifeng/cluster/pod_template.h"

namespace mifeng::cluster {

// A node port of a deployment. Where an address is one unit (Podman), each unit needs a set of its own: such a set is a
// slot, counted from 0, and has every port of the template. Where a node port stands before all units (Kubernetes),
// there is slot 0 alone.
struct NodePort {
  std::string port_name;
  int slot = 0;
  std::uint16_t node_port = 0;
  bool operator==(const NodePort&) const = default;
};

// How many slots of node ports a deployment needs.
struct PortNeeds {
  int slots = 0;         // while nothing is replaced
  int update_slots = 0;  // beyond these while units are replaced, so that a new one runs before an old one goes
};

// How guards reach whoever grants them their keys, where that is no socket of their own machine (spec/grant.md, The
// guards' door). The address is one for the cluster's nodes; an engine may put a lasting one of its cluster's before
// it.
struct GuardDoor {
  std::string url;       // "http://HOST:PORT", for MIFENG_PLATFORM
  std::string tag;       // of this deployment, for MIFENG_DOOR_TAG: printable, without spaces
  std::string audience;  // of the token by which each guard proves which unit it is
  bool operator==(const GuardDoor&) const = default;
};

// All of what is to run for one deployment; applying the same again changes nothing.
struct Workload {
  std::string deployment;     // id: [a-z0-9]([a-z0-9-]*[a-z0-9])?, at most 40
  std::int64_t revision = 1;  // names `pod`: units of another revision are replaced
  std::int64_t restart = 0;   // rises with each restart that was asked for; units of an earlier one are replaced
  PodTemplate pod;
  int replicas = 1;
  std::vector<NodePort> node_ports;  // whole slots; those of ports that only a former revision has may be among them
  std::optional<GuardDoor> door;     // none where guards have a socket instead, or nobody listens
};

enum class UnitState {
  kPending,   // not there yet, or made and not started (being pulled, scheduled)
  kRunning,   // its first process runs; `ready` says whether it serves
  kStopping,  // it was told to end and takes no new calls
  kExited,    // ended, well or not; some engines start it again after a while (Kubernetes), others do not
  kFailed,    // could not be made or started at all; some engines try again
};
const char* to_string(UnitState state);  // "pending", ...

// Why something is not as it should be.
struct Reason {
  std::string code{};      // stable: "image-not-pulled"
  std::string sentence{};  // for a person; made with phrase()
  std::string remedy{};    // what a person has to do, where that is more than the sentence says
};

// What runs once for each replica: one container on Podman, a pod on Kubernetes.
struct Unit {
  std::string name;       // the engine's; MIFENG_UNIT inside. Nobody builds on its form
  std::string engine_id;  // container id or pod uid: another one after it was made again
  std::string deployment;
  std::string node;  // that it is on; empty where there is but one, and until it is put on one
  std::int64_t revision = 0;
  std::int64_t restart = 0;
  UnitState state = UnitState::kPending;
  bool ready = false;
  std::string reason;       // one sentence for a person; empty when running and ready
  std::string reason_code;  // stable: "", "image-not-pulled", "port-taken", "out-of-memory", "exited", "not-ready",
                            // "not-answering", "no-grant", "listens-elsewhere", "cannot-start", "drifted" (not as
                            // rendered), "changed" (by somebody, while it ran: what it was granted is void);
                            // docs/kubernetes.md has those of clusters
  std::string remedy;       // as Reason has it
  std::optional<UnixMillis> started_at_ms;
  std::optional<UnixMillis> finished_at_ms;
  std::optional<int> exit_code;
  std::vector<NodePort> node_ports;  // its own; empty where node ports stand before all units

  void take(Reason why) {
    reason = std::move(why.sentence);
    reason_code = std::move(why.code);
    remedy = std::move(why.remedy);
  }
};

// An address to dial for a port of a deployment, at every node address of the cluster.
enum class EndpointKind {
  kUnit,      // behind it is one unit
  kBalanced,  // behind it a unit is chosen for each connection
};
const char* to_string(EndpointKind kind);  // "unit", "balanced"
struct Endpoint {
  std::string port_name;
  EndpointKind kind = EndpointKind::kUnit;
  std::string unit;  // of kUnit
  std::uint16_t node_port = 0;
  bool operator==(const Endpoint&) const = default;
};

// How units of another revision take the place of those that run.
enum class Replacing {
  kSurge,    // a new one runs before an old one goes
  kInPlace,  // an old one goes first, the others serve meanwhile
  kOutage,   // all, or the only one, go first: calls fail meanwhile
};

struct ApplyResult {
  bool changed = false;  // whether anything had to be done
  bool settled = false;  // all units are there, of this revision and restart, and nothing surplus is left; else a later
                         // apply() goes on, after a unit became ready or went, as watch() tells
  std::vector<Unit> units;
};

// A port of a node that somebody holds, ours or not.
struct PortInUse {
  std::uint16_t port = 0;
  std::string holder;  // "container NAME", "Service NAMESPACE/NAME", as far as can be seen
};

// How much of one thing all nodes have together, and how much of it nobody has claimed.
MIFENG_LISTED(Amount, number(all), number(free));
using AmountByName = std::map<std::string, Amount>;
MIFENG_LISTED(Capacity, of(Amount, cpu_millis), of(Amount, memory_bytes),
              of(AmountByName, accelerators),  // by resource name: "nvidia.com/gpu"
              // What a quota lets us have in number, by its word: "pods", "services.nodeports". What it lets us have of
              // processors and memory bounds what is free of those.
              of(AmountByName, counts));

// A node of a cluster, and what it has: `all` is what it lets units have together.
MIFENG_LISTED(Node, text(name), flag(ready),
              flag(cordoned),  // nothing new is put there
              of(std::vector<std::string>, addresses), of(Amount, cpu_millis), of(Amount, memory_bytes),
              of(AmountByName, accelerators));

// Something that happened to a deployment, as the engine told it.
struct Event {
  UnixMillis time_ms = 0;
  std::string unit;          // may be empty
  std::string action;        // the engine's word: "start", "died", "Pulled"
  std::string detail;        // for a person; may be empty
  std::string deployment{};  // where those of all were asked for
};

// Among ClusterFacts::may, and no right: nobody else can run anything in our units there, or reach into them.
inline constexpr const char* kKeepsOthersOut = "keep-others-out";

struct ClusterFacts {
  std::string version;           // "podman 4.3.1"
  std::vector<std::string> may;  // what we are allowed to do beyond the necessary; empty on Podman
  // Where its node ports are reached, those of nodes that serve first, at most 16; empty where that is not seen.
  std::vector<std::string> node_addresses{};
};

struct LogOptions {
  std::string container;    // of the unit; empty: the model's
  int tail = 200;           // lines from the end, -1 for all
  bool follow = false;      // until the unit ends or the caller cancels
  bool previous = false;    // of the run before this one; kNotFound "no-previous-run" where the engine keeps none
  bool timestamps = false;  // each line begins with its time as RFC 3339
  std::optional<UnixMillis> since_ms;
};
struct LogLine {
  bool is_stderr = false;
  std::string text;  // without its line end; longer ones are cut at 16 KiB
};
// How a guard proves which unit it is. On Podman: it is the process at the other end of that unit's own socket, by its
// pid as the kernel told it and a pidfd taken before anything else, which shows that this pid still is that process.
struct PeerEvidence {
  std::string unit;  // whose socket it is
  ::pid_t pid = 0;
  int pidfd = -1;  // of the caller, who closes it
};
// On Kubernetes: a service account token of its pod. A token alone does not prove the pod, since whoever may make
// tokens can have one for it; so the guard prints the SM3 of its request as a line of its log, which only its pod can.
struct TokenEvidence {
  std::string token{};
  std::string audience{};     // for which the token has to be
  std::string request_sm3{};  // 64 hex digits: the line that has to stand in the log of the guard's container
};
using Evidence = std::variant<PeerEvidence, TokenEvidence>;

// A unit that proved to be ours, and unchanged.
struct Proof {
  std::string unit;  // name
  std::string engine_id;
  std::string deployment;
  std::int64_t revision = 0;
  UnixMillis started_at_ms = 0;  // of this run; a later start is another instance
};

}  // namespace mifeng::cluster
