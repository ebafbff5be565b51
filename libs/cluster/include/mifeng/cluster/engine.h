// The one interface to what runs containers. Podman on one machine now; a Kubernetes cluster is to fit behind it.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/base/clock.h"
#include "mifeng/base/result.h"
#include "mifeng/cluster/pod_template.h"

namespace mifeng::cluster {

template <typename T>
using Task = boost::asio::awaitable<Result<T>>;

// Where callers (the gateway) reach a port of the template. An engine that publishes per replica (Podman) wants one
// for every replica and port; one that publishes per deployment (a NodePort) wants one for every port, replica 0.
struct HostPort {
  std::string port_name;
  int replica = 0;  // counted from 0
  std::uint16_t host_port = 0;
};

// All of what is to run for one deployment; applying the same again changes nothing.
struct Workload {
  std::string deployment;  // id: [a-z0-9]([a-z0-9-]*[a-z0-9])?, at most 40
  PodTemplate pod;
  int replicas = 1;
  std::vector<HostPort> host_ports;
};

enum class InstanceState {
  kMissing,  // not there
  kPending,  // made, not started (or being pulled, scheduled)
  kRunning,  // its first process runs; `ready` says whether it serves
  kStopping,
  kExited,  // ended, well or not; the engine does not start it again by itself where it can be told not to
  kFailed,  // could not be started at all
};
// "running", ...
const char* to_string(InstanceState state);

struct InstanceStatus {
  std::string name;       // of the container or pod; MIFENG_INSTANCE inside
  std::string engine_id;  // container id or pod uid: another one after it was made again
  std::string deployment;
  int replica = 0;
  InstanceState state = InstanceState::kMissing;
  bool ready = false;
  std::string reason;       // one sentence for a person; empty when running and ready
  std::string reason_code;  // stable: "", "image-not-pulled", "port-taken", "out-of-memory", "exited", "not-ready",
                            // "not-answering", "cannot-start", "missing", "drifted" (not as rendered)
  std::optional<UnixMillis> started_at_ms;
  std::optional<UnixMillis> finished_at_ms;
  std::optional<int> exit_code;
  std::string address;  // inside the engine's network, for the health port; may be empty
  std::vector<HostPort> host_ports;
  std::string image;  // as it was rendered
};

struct ApplyResult {
  bool changed = false;                   // whether anything had to be done
  std::vector<InstanceStatus> instances;  // every replica in order; a start that failed is kFailed with its reason
};

struct LogOptions {
  int tail = 200;       // lines from the end, -1 for all
  bool follow = false;  // until the container ends or the caller cancels
};
struct LogLine {
  bool is_stderr = false;
  std::string text;  // without its line end; longer ones are cut at 16 KiB
};
// Called for each line in order and awaited, so that a slow reader slows the engine; an error ends the stream.
using LogSink = std::function<boost::asio::awaitable<Result<void>>(LogLine)>;

// A container that proved to be ours, and unchanged.
struct PeerIdentity {
  std::string instance;  // name
  std::string engine_id;
  std::string deployment;
  int replica = 0;
  UnixMillis started_at_ms = 0;  // of this run; a later start is another instance
};

// All calls may run at the same time; two apply() of one deployment are put in a row by the engine. Every call has
// a bound of its own and ends with kTimeout or kUnavailable at the latest after it. kPermissionDenied
// "not-ours": the name exists, and does not carry our installation id; such a thing is never touched.
class Engine {
 public:
  virtual ~Engine() = default;

  // Whether the engine answers, and with which version; kUnavailable "engine-unavailable".
  virtual Task<std::string> ping() = 0;

  // Brings the deployment to what is given: pulls, makes what is missing, replaces what differs, removes replicas
  // beyond the number, starts what was made and never started. What has ended stays ended: restart() starts it, when
  // the caller thinks fit. A replica that cannot be made or started does not stop the others and is told in
  // the result. Dying half-way leaves nothing that the next apply() or remove() does not find again.
  virtual Task<ApplyResult> apply(Workload workload) = 0;

  // As the engine reports it now; replicas that are not there come as kMissing.
  virtual Task<std::vector<InstanceStatus>> status(Workload workload) = 0;
  // Everything of our installation, whether or not anyone still wants it.
  virtual Task<std::vector<InstanceStatus>> list() = 0;

  // Stops with the template's grace and starts again (the same container on Podman, so its memory mounts are empty
  // again).
  virtual Task<void> restart(std::string instance) = 0;
  // Stops with grace and removes; kNotFound is success. Removes the volumes and folders that belong to it, and leaves
  // what it claimed.
  virtual Task<void> remove(std::string deployment) = 0;
  // Removes claimed volumes (ClaimMount::claim) with all that they hold, but for those that a container still uses.
  virtual Task<void> remove_claims(std::vector<std::string> claims) = 0;
  // All of our installation but the claimed volumes, which are there to outlive what runs: every deployment, and what
  // the engine holds for the installation as a whole.
  virtual Task<void> remove_everything() = 0;

  virtual Task<void> logs(std::string instance, LogOptions options, LogSink sink) = 0;

  // Is `pid` the first process of replica `replica` as the engine reports it now, and is the container what
  // was rendered from `workload`? kPermissionDenied "not-first-process" | "not-running" | "not-ours" | "drifted"
  // (the message names the field). The caller holds a pidfd of the peer and checks that it is alive after this.
  // An engine whose containers prove themselves by token answers kInvalidArgument "not-supported".
  virtual Task<PeerIdentity> verify_peer(Workload workload, int replica, ::pid_t pid) = 0;

  // Ports of the host that any container of this engine holds or will hold at its start, ours or not.
  virtual Task<std::vector<std::uint16_t>> host_ports_in_use() = 0;

  // kNotFound "image-not-found", kUnavailable "image-not-pulled" with the registry's words.
  virtual Task<void> pull(std::string image, PullPolicy policy) = 0;
  // Removes images of our registry that no container uses and whose reference is not in `keep`.
  virtual Task<void> prune_images(std::vector<std::string> keep) = 0;

  // What the template asks for and this engine cannot hold, in sentences for whoever deploys; usually none.
  virtual std::vector<std::string> not_held(const PodTemplate& pod) const = 0;

  // The name that replica `replica` has or will have: mf-<first 8 of the installation id>-<deployment>-<replica>.
  virtual std::string instance_name(const std::string& deployment, int replica) const = 0;
};

struct PodmanOptions {
  std::filesystem::path socket;       // of `podman system service`
  std::string installation;           // id: 32 hex digits
  std::filesystem::path sockets_dir;  // DATA/sockets; <container name>/ in it is mounted read-only at /mifeng/platform
  std::string host_ip = "127.0.0.1";  // where host ports listen
  std::string network;                // made when it is missing; "" is mf-<first 8 of the installation id>
  std::string registry;               // "127.0.0.1:5000": images of it are ours to prune; "" prunes nothing
  bool registry_tls = false;          // whether to verify TLS of the registry when pulling
  std::chrono::milliseconds probe_timeout{1000};  // for an answer on the health port
};

// kInvalidArgument "bad-options". Does not talk to the service yet. `clock` must outlive the engine.
Result<std::unique_ptr<Engine>> create_podman_engine(const PodmanOptions& options, const Clock& clock);

}  // namespace mifeng::cluster
