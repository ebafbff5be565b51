// Deployments 部署: what is wanted, and what the reconciler has made of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/platform/actor.h"
#include "mifeng/platform/route_service.h"
#include "mifeng/platform/types.h"

namespace mifeng::cluster {
struct Workload;
}

namespace mifeng::platform {

struct Core;

enum class DeploymentState { kPending, kStarting, kReady, kDegraded, kFailed, kStopped, kDeleting };
std::string_view to_string(DeploymentState state);                      // "pending", "starting", ...
Result<DeploymentState> parse_deployment_state(std::string_view text);  // kInvalidArgument "unknown-state"
// Whether the volumes that a deployment's config claims go with it; those that another deployment uses stay anyway.
enum class RemoveClaims { kNo, kYes };

// L0 output sealed, L1 payload sealed, L2 key bound to an HSM or TPM, L3 attested hardware.
enum class Grade { kL0, kL1, kL2, kL3 };
std::string_view to_string(Grade grade);  // "L0", ...
// What the grade promises and what not, in one sentence.
std::string_view grade_sentence(Grade grade);
Result<Grade> parse_grade(std::string_view text);

struct EnvVar {
  std::string name;
  std::string value;
};
// What an operator may change about a version's config. Command and image cannot be changed.
struct DeploymentRequest {
  std::string name;             // DNS label, up to 32; the deployment's id is this and six random hex digits
  std::string version_id;       // an accepted one
  std::optional<int> replicas;  // 0..64; else the config's
  std::vector<int> ports;       // host ports, replicas x container ports, replica by replica; empty: recommended
  std::vector<EnvVar> env;      // replaces or adds; names that start with MIFENG_ are refused
  std::map<std::string, std::string> requests;  // "cpu" -> "2"
  std::map<std::string, std::string> limits;
  std::optional<RouteInput> route;  // made with it; forward may be empty: this deployment's first port
};
struct PlannedPort {
  std::string replica;  // container name
  std::string port_name;
  int container_port = 0;
  int node_port = 0;
};
struct DeploymentPlan {
  std::string vendor_id, model, version;
  int replicas = 0;
  std::vector<PlannedPort> ports;  // a recommendation until create() reserves them
  std::string rendered_json;       // the pod template that the engine gets, first replica
  Grade grade = Grade::kL1;
  std::vector<std::string> warnings;
};
struct ReplicaInfo {
  std::string name;  // container name
  int number = 0;
  std::string state;   // "waiting", "starting", "ready", "failed", "stopping"
  std::string reason;  // one sentence; empty while all is well
  std::vector<PlannedPort> ports;
  std::string instance_id;  // live grant; empty without
  UnixMillis started_ms = 0;
  int restarts = 0;
};
struct Deployment {
  std::string id;
  std::string name;
  std::string version_id, vendor_id, model, version;
  int replicas = 0;
  DeploymentState state = DeploymentState::kPending;
  std::string reason;  // why it is not running, in one sentence with the remedy
  Grade grade = Grade::kL1;
  std::vector<ReplicaInfo> replica_infos;
  std::vector<std::string> route_ids;
  std::string overlay_json;
  std::string created_by;
  UnixMillis created_ms = 0;
  UnixMillis changed_ms = 0;
  std::string batch_id;  // empty for a single one
};
struct BatchItem {
  DeploymentRequest request;
  std::string deployment_id;  // once made
  std::string error;          // why not
};
struct Batch {
  std::string id;
  std::vector<BatchItem> items;
  UnixMillis created_ms = 0;
};
struct DeploymentQuery {
  std::string text;   // part of name or model
  std::string state;  // as to_string
  std::string version_id;
};
struct LogOptions {
  std::string replica;  // container name; empty: the first
  int tail = 200;       // lines from the end; -1 all
  bool follow = false;
};

struct WantedContainer {
  std::string deployment;
  int replica = 0;
  std::string name;
};

class DeploymentService {
 public:
  explicit DeploymentService(Core& core) : core_(core) {}

  Result<DeploymentPlan> plan(const Actor& actor, const DeploymentRequest& request);
  // Reserves the ports in the same transaction. kConflict "port-taken" names the port and its holder, "name-taken",
  // "version-not-accepted", "prefix-taken". Returns at once; the reconciler goes on.
  Result<Deployment> create(const Actor& actor, const DeploymentRequest& request);
  // Each item stands alone; what failed says why. 1..500 items.
  Result<Batch> create_batch(const Actor& actor, const std::vector<DeploymentRequest>& requests);
  Result<Batch> batch(const Actor& actor, const std::string& id);
  Result<Batch> retry_batch(const Actor& actor, const std::string& id);

  Result<Deployment> get(const Actor& actor, const std::string& id);
  Result<Page<Deployment>> list(const Actor& actor, const DeploymentQuery& query, const PageRequest& page);
  Result<Deployment> scale(const Actor& actor, const std::string& id, int replicas);
  Result<Deployment> restart(const Actor& actor, const std::string& id);
  // Idempotent. Instances are delisted at once; containers, ports, routes go as the reconciler comes to them.
  Result<void> remove(const Actor& actor, const std::string& id, RemoveClaims claims = RemoveClaims::kNo);
  // Calls `sink` with pieces until it returns false or the log ends; once a second with an empty one, to ask whether
  // anybody still listens. Blocks the calling thread all the while.
  Result<void> logs(const Actor& actor, const std::string& id, const LogOptions& options,
                    const std::function<bool(std::string_view)>& sink);

  // For the platform's own wiring, without an actor: every container that is wanted (each has a socket of its own), and
  // what a deployment is rendered to (to hold a container against before its guard's requests are looked at).
  Result<std::vector<WantedContainer>> wanted_containers();
  Result<cluster::Workload> workload(const std::string& id);
  // `changed` is called, from any thread, whenever the wanted containers may have changed; it must not block. Ends with
  // the returned object.
  std::shared_ptr<void> subscribe(std::function<void()> changed);

 private:
  Core& core_;
};

}  // namespace mifeng::platform
