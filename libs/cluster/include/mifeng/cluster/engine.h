// The one interface to what runs units: Podman on one machine now, a Kubernetes cluster behind the same words.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/result.h"
#include "mifeng/cluster/units.h"
#include "mifeng/json/value.h"

namespace mifeng::cluster {

template <typename T>
using Task = boost::asio::awaitable<Result<T>>;

// Called for each line in order and awaited, so that a slow reader slows the engine; an error ends the stream.
using LogSink = std::function<boost::asio::awaitable<Result<void>>(LogLine)>;

// All calls may run at the same time, from any event loop; two changes of one deployment are put in a row by the
// engine. Every call has a time limit of its own, and ends with kTimeout or kUnavailable when that is over.
// kPermissionDenied "not-ours": the name exists, and does not carry our installation id; such a thing is never touched.
class Engine {
 public:
  virtual ~Engine() = default;

  // Whether the engine answers, and as what; kUnavailable "engine-unavailable", of a cluster "api-unavailable".
  virtual Task<ClusterFacts> probe() = 0;

  // A step towards what is given: pulls, makes what is missing, starts what was made and never started, ends what is
  // surplus. Units that are not of this revision and restart, or not as rendered, are replaced one after the other: the
  // next only when the one before is ready. A free slot takes the new one before an old one goes; without one an old
  // one goes first. Units that do not run or are not ready go before those that serve. What has ended is not started by
  // it: that is for restart(), or for an engine that starts again what ended by itself. Ending is begun and not waited
  // for: such a unit is kStopping. A unit that cannot be made or started is told, here or as soon as the engine knows,
  // and stops no other. Dying half-way leaves nothing that the next apply() or remove() does not find again.
  virtual Task<ApplyResult> apply(Workload workload) = 0;
  // Starts a unit that has ended again, as it was; kNotFound "no-such-unit", kUnavailable "port-taken", "cannot-start".
  // Where the engine starts by itself what has ended (Kubernetes, later each time), it is left to it.
  virtual Task<void> restart(std::string unit) = 0;
  // Stops with grace and removes all units of the deployment, with the volumes and folders that belong to them, and
  // returns when they are gone; none is success. Claimed volumes stay.
  virtual Task<void> remove(std::string deployment) = 0;
  // Removes claimed volumes (ClaimMount::claim) with all that they hold, but for those that a unit still uses.
  virtual Task<void> remove_claims(std::vector<std::string> claims) = 0;
  // All of our installation but the claimed volumes, which are there to outlive what runs: every deployment, and what
  // the engine holds for the installation as a whole.
  virtual Task<void> remove_everything() = 0;

  // What the deployment's units are. Out of the engine's own view where watch() holds one, else asked for.
  virtual Task<std::vector<Unit>> units(std::string deployment) = 0;
  // Of our installation, whether or not anybody still wants them.
  virtual Task<std::vector<Unit>> all_units() = 0;
  // Where the deployment can be dialled now: of its units those that run, ready or not, and are not stopping.
  virtual Task<std::vector<Endpoint>> endpoints(std::string deployment) = 0;

  // Keeps a view of what is ours from the engine's own news until the returned object ends, heals it (lists again when
  // the news break off, and every `resync`), and calls `changed` with the deployment of which something changed, or ""
  // where anything may have (after each listing that found a difference, and when the engine comes back or goes away).
  // From any thread; it must not block. One at a time.
  using Changed = std::function<void(const std::string& deployment)>;
  virtual std::shared_ptr<void> watch(Changed changed, std::chrono::milliseconds resync) = 0;

  // Asked before ports are reserved. Does not talk to the engine.
  virtual PortNeeds ports_needed(const PodTemplate& pod, int replicas) const = 0;
  // Ports of the nodes that anything of this engine holds, or will hold at its start, ours or not.
  virtual Task<std::vector<PortInUse>> ports_in_use() = 0;
  virtual Task<Capacity> capacity() = 0;
  // How the units of a deployment that runs would be replaced now by those of this workload, whose revision is not
  // looked at. Nothing where that follows from the node ports alone (ports_needed()).
  virtual Task<std::optional<Replacing>> replacing(Workload workload);
  // Leaves word with the engine, for whoever looks at it and not at us, why a deployment does not run. Where it has no
  // place for that, and for what stands there already, nothing is done.
  virtual Task<void> note_reason(std::string deployment, Reason why);
  // Each node by itself, those among them that take nothing now.
  virtual Task<std::vector<Node>> nodes() = 0;
  // As of when the engine's own view holds, out of which it answers while watch() keeps it: a moment ago, unless its
  // news have broken off; 0 where there was none yet. Nothing where nobody watches, and each answer is asked for. Does
  // not talk to the engine.
  virtual std::optional<UnixMillis> seen_ms() const { return std::nullopt; }
  // What happened to a deployment lately, oldest first; at most 100 are kept, and nothing from before watch(). "" is of
  // all deployments, each event with its own.
  virtual Task<std::vector<Event>> events(std::string deployment) = 0;

  virtual Task<void> logs(std::string unit, LogOptions options, LogSink sink) = 0;

  // Who shows this evidence, and is the unit what was rendered from the candidate of its own revision?
  // kPermissionDenied "not-first-process" | "not-running" | "not-ours" | "no-such-revision" (it has one that is not
  // among the candidates) | "drifted" (the message names the field). kInvalidArgument "not-supported" for evidence of
  // another kind of engine.
  virtual Task<Proof> prove(std::vector<Workload> candidates, Evidence evidence) = 0;

  // kNotFound "image-not-found", kUnavailable "image-not-pulled" with the registry's words.
  virtual Task<void> pull(std::string image, PullPolicy policy) = 0;
  // Removes images of our registry that no unit uses and whose reference is not in `keep`.
  virtual Task<void> prune_images(std::vector<std::string> keep) = 0;

  // The objects of Kubernetes that apply() would make of it, in that order. Does not talk to the engine. kConflict
  // "no-objects" of an engine that makes other things.
  virtual Result<std::vector<json::Object>> objects(const Workload& workload) const = 0;

  // What the template asks for and this engine cannot hold, in sentences for whoever deploys; usually none.
  virtual std::vector<std::string> cannot_hold(const PodTemplate& pod) const = 0;
};

inline Task<std::optional<Replacing>> Engine::replacing(Workload) { co_return std::optional<Replacing>(); }
inline Task<void> Engine::note_reason(std::string, Reason) { co_return ok(); }

}  // namespace mifeng::cluster
