// Deployments 部署: what is wanted, and what the reconciler has made of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/access/route_service.h"
#include "mifeng/json/value.h"
#include "mifeng/store/deployments.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/types.h"

namespace mifeng::deployments {

struct Context;

using store::DeploymentState;
Result<DeploymentState> parse_deployment_state(std::string_view text);  // kInvalidArgument "unknown-state"
// Whether the volumes that a deployment's config claims go with it; those that another deployment uses stay anyway.
enum class RemoveClaims { kNo, kYes };

using store::Grade;
// What the grade promises and what not, in one sentence.
std::string_view grade_sentence(Grade grade);

struct EnvVar {
  std::string name;
  std::string value;
};
// What an operator may change about a version's config. Command and image cannot be changed.
struct Overlay {
  std::vector<EnvVar> env;                      // only names that the config has; those that start with MIFENG_ never
  std::map<std::string, std::string> requests;  // "cpu" -> "2"
  std::map<std::string, std::string> limits;
  bool allow_network = false;  // what a config with spec.network: outgoing needs
};
struct DeploymentRequest {
  std::string name;             // DNS label, up to 32; the deployment's id is this and six random hex digits
  std::string cluster;          // id; empty: "local"
  std::string version_id;       // an accepted one
  std::optional<int> replicas;  // 0..64; else the config's
  std::vector<int> ports;       // node ports, slot by slot, each with the config's ports in order; empty: recommended
  Overlay overlay;
  std::optional<access::RouteInput> route;  // made with it; forward may be empty: this deployment's first port
};
// What is to be changed of a deployment that is there; the rest stays.
struct UpdateRequest {
  std::string version_id;                  // of the same vendor and model; empty: the one that it has
  std::optional<std::vector<EnvVar>> env;  // each replaces that part of the overlay
  std::optional<std::map<std::string, std::string>> requests;
  std::optional<std::map<std::string, std::string>> limits;
  std::optional<bool> allow_network{};
};
struct PlannedPort {
  int slot = 0;
  std::string port_name;
  int container_port = 0;
  int node_port = 0;
};
struct DeploymentPlan {
  std::string cluster;
  std::string vendor_id, model, version;
  int replicas = 0;
  std::vector<PlannedPort> ports;  // a recommendation until create() reserves them
  json::Object rendered;           // the pod template that the engine gets
  Grade grade = Grade::kL1;
  std::vector<std::string> warnings;
};
// One field of what the engine gets, as it is and as it would be; null where it is not there.
struct FieldChange {
  std::string field;  // "image", "env.LANG", "resources.memoryLimitBytes", "ports.http"
  json::Value before, after;
};
enum class UpdateStrategy {
  kSurge,    // a new unit runs before an old one goes
  kInPlace,  // an old unit goes first, the others serve meanwhile
  kOutage,   // the only unit goes first: calls fail meanwhile
};
std::string_view to_string(UpdateStrategy strategy);  // "surge", "in-place", "outage"
struct UpdatePlan {
  std::string deployment_id;
  int from_revision = 0;  // number
  std::string from_version, to_version;
  std::vector<FieldChange> changes;  // none: nothing would be replaced
  UpdateStrategy strategy = UpdateStrategy::kSurge;
  std::vector<std::string> warnings;
};
struct Revision {
  int number = 0;
  std::string version_id, version;
  Overlay overlay;
  std::string cause;  // "deploy", "update", "rollback to 2"
  bool wanted = false;
  int units = 0;  // that run it now
  std::string created_by;
  UnixMillis created_ms = 0;
};
struct UnitInfo {
  std::string name;  // the engine's
  int revision = 0;  // number; 0: of none that is kept
  store::UnitState state = store::UnitState::kWaiting;
  std::string reason;              // one sentence; empty while all is well
  std::vector<PlannedPort> ports;  // its own; empty where a node port stands before all units
  std::string instance_id;         // live grant; empty without
  UnixMillis started_ms = 0;
  int restarts = 0;
};
struct Deployment {
  std::string id;
  std::string name;
  std::string cluster;
  std::string version_id, vendor_id, model, version;
  int revision = 0;  // number of the one that is wanted
  int replicas = 0;  // wanted
  int ready = 0;     // units that serve, of whichever revision
  DeploymentState state = DeploymentState::kPending;
  std::string reason;          // why it is not running, in one sentence with the remedy
  bool update_failed = false;  // the revision that is wanted does not come up; a former one goes on serving
  Grade grade = Grade::kL1;
  std::vector<UnitInfo> units;
  std::vector<PlannedPort> ports;  // all that it has taken
  std::vector<std::string> route_ids;
  Overlay overlay;
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
  std::string unit;       // empty: the first
  std::string container;  // of the unit; empty: the model's
  int tail = 200;         // lines from the end; -1 all
  bool follow = false;
  bool previous = false;  // of the run before
  bool timestamps = false;
  std::optional<UnixMillis> since_ms;
};
// What the engine told of a deployment lately.
struct DeploymentEvent {
  UnixMillis time_ms = 0;
  std::string unit, action, detail;
};

class DeploymentService {
 public:
  explicit DeploymentService(const Context& context) : context_(context) {}

  Result<DeploymentPlan> plan(const trust::Actor& actor, const DeploymentRequest& request);
  // Reserves the ports in the same transaction. kConflict "port-taken" names the port and its holder, "name-taken",
  // "version-not-accepted", "prefix-taken". Returns at once; the reconciler goes on.
  Result<Deployment> create(const trust::Actor& actor, const DeploymentRequest& request);
  // Each item stands alone; what failed says why. 1..500 items.
  Result<Batch> create_batch(const trust::Actor& actor, const std::vector<DeploymentRequest>& requests);
  Result<Batch> batch(const trust::Actor& actor, const std::string& id);
  Result<Batch> retry_batch(const trust::Actor& actor, const std::string& id);

  Result<Deployment> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Deployment>> list(const trust::Actor& actor, const DeploymentQuery& query,
                                       const trust::PageRequest& page);
  Result<Deployment> scale(const trust::Actor& actor, const std::string& id, int replicas);
  // Replaces its units one after the other.
  Result<Deployment> restart(const trust::Actor& actor, const std::string& id);

  // What update() would do. The same errors.
  Result<UpdatePlan> plan_update(const trust::Actor& actor, const std::string& id, const UpdateRequest& request);
  // Makes a new revision the wanted one; its units replace the others one after the other. kConflict
  // "version-not-accepted", "nothing-changed"; kInvalidArgument "other-model".
  Result<Deployment> update(const trust::Actor& actor, const std::string& id, const UpdateRequest& request);
  // What is kept, newest first (at most 20, and the wanted one).
  Result<std::vector<Revision>> history(const trust::Actor& actor, const std::string& id);
  // A new revision that says what revision `to` said; 0: the one before the wanted one. kNotFound "no-such-revision";
  // kConflict "version-not-accepted", "nothing-changed".
  Result<Deployment> rollback(const trust::Actor& actor, const std::string& id, int to);

  // Idempotent. Instances are delisted at once; units, ports, routes go as the reconciler comes to them.
  Result<void> remove(const trust::Actor& actor, const std::string& id, RemoveClaims claims = RemoveClaims::kNo);
  // Calls `sink` with pieces until it returns false or the log ends; once a second with an empty one, to ask whether
  // anybody still listens. Blocks the calling thread all the while.
  Result<void> logs(const trust::Actor& actor, const std::string& id, const LogOptions& options,
                    const std::function<bool(std::string_view)>& sink);
  Result<std::vector<DeploymentEvent>> events(const trust::Actor& actor, const std::string& id);

 private:
  const Context& context_;
};

}  // namespace mifeng::deployments
