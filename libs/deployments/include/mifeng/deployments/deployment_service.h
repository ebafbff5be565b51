// Deployments 部署: what is wanted, and what the reconciler has made of it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/access/route_service.h"
#include "mifeng/base/listed.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/pod_template.h"
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

MIFENG_LISTED(EnvVar, text(name), text(value));
// What an operator may change about a version's config. Command and image cannot be changed.
struct Overlay {
  std::vector<EnvVar> env;                      // only names that the config has; those that start with MIFENG_ never
  std::map<std::string, std::string> requests;  // "cpu" -> "2"
  std::map<std::string, std::string> limits;
  bool allow_network = false;                     // what a config with spec.network: outgoing needs
  std::vector<manifest::VolumeChoice> volumes{};  // only of names that the config has
  std::vector<manifest::Toleration> tolerations{};
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
  std::optional<std::vector<manifest::VolumeChoice>> volumes{};
  std::optional<std::vector<manifest::Toleration>> tolerations{};
};
MIFENG_LISTED(PlannedPort, of(int, slot), text(port_name), of(int, container_port), of(int, node_port));
MIFENG_LISTED(DeploymentPlan, text(cluster), text(vendor_id), text(model), text(version), of(int, replicas),
              of(std::vector<PlannedPort>, ports),  // a recommendation until create() reserves them
              of(json::Object, rendered),           // the pod template that the engine gets
              word(Grade, grade),
              text(grade_reason),  // grade_reason_of()
              of(std::vector<std::string>, warnings));
// One field of what the engine gets, as it is and as it would be; null where it is not there. In a batch, which may
// scale as well, "replicas" too.
MIFENG_LISTED(FieldChange,
              text(field),  // "image", "env.LANG", "resources.memoryLimitBytes", "ports.http"
              of(json::Value, before), of(json::Value, after));
enum class UpdateStrategy {
  kSurge,    // a new unit runs before an old one goes
  kInPlace,  // an old unit goes first, the others serve meanwhile
  kOutage,   // the only unit goes first: calls fail meanwhile
};
std::string_view to_string(UpdateStrategy strategy);                    // "surge", "in-place", "outage"
MIFENG_LISTED(UpdatePlan, text(deployment_id), of(int, from_revision),  // number
              text(from_version), text(to_version),
              of(std::vector<FieldChange>, changes),  // none: nothing would be replaced
              word(UpdateStrategy, strategy), of(std::vector<std::string>, warnings));
MIFENG_LISTED(Revision, of(int, number), text(version_id), text(version), of(Overlay, overlay),
              text(cause),                   // "deploy", "update", "rollback to 2"
              flag(wanted), of(int, units),  // that run it now
              text(created_by), number(created_ms));
MIFENG_LISTED(UnitInfo,
              text(name),         // the engine's
              text(node),         // that it is on; empty where there is but one, and until it is put on one
              of(int, revision),  // number; 0: of none that is kept
              word(store::UnitState, state),
              text(reason),                         // one sentence; empty while all is well
              text(reason_code), text(remedy),      // a stable word for it, and what to do; may be empty
              of(std::vector<PlannedPort>, ports),  // its own; empty where a node port stands before all units
              text(instance_id),                    // live grant; empty without
              number(started_ms), of(int, restarts));
MIFENG_LISTED(Deployment, text(id), text(name), text(cluster), text(version_id), text(vendor_id), text(model),
              text(version), of(int, revision),  // number of the one that is wanted
              of(int, replicas),                 // wanted
              of(int, ready),                    // units that serve, of whichever revision
              word(DeploymentState, state),
              text(reason),                     // why it is not running, in one sentence
              text(reason_code), text(remedy),  // of the unit whose reason it is; may be empty
              flag(update_failed),  // the revision that is wanted does not come up; a former one goes on serving
              word(Grade, grade),
              text(grade_reason),                                                     // grade_reason_of()
              of(std::vector<UnitInfo>, units), of(std::vector<PlannedPort>, ports),  // all that it has taken
              of(std::vector<std::string>, route_ids), of(Overlay, overlay), text(created_by), number(created_ms),
              number(changed_ms),
              text(batch_id),  // empty for a single one
              text(etag));     // trust::version_of its row
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
MIFENG_LISTED(DeploymentEvent, number(time_ms), text(unit), text(action), text(detail));

// A change is refused with kConflict "changed-meanwhile" where the actor has seen another version (trust/version.h).
class DeploymentService {
 public:
  explicit DeploymentService(const Context& context) : context_(context) {}

  // As Kubernetes' objects, as its cluster's engine applies them, but for what is secret: the tag of the guards' door.
  // kConflict "no-objects" in a cluster that is none of Kubernetes.
  Result<std::vector<json::Object>> objects(const trust::Actor& actor, const std::string& id);
  // Those that create() would make, with recommended ports.
  Result<std::vector<json::Object>> planned_objects(const trust::Actor& actor, const DeploymentRequest& request);
  Result<DeploymentPlan> plan(const trust::Actor& actor, const DeploymentRequest& request);
  // Reserves the ports in the same transaction. kConflict "port-taken" names the port and its holder, "name-taken",
  // "version-not-accepted", "prefix-taken"; kInvalidArgument "no-tolerations" in a cluster that is none of Kubernetes.
  // Returns at once; the reconciler goes on.
  Result<Deployment> create(const trust::Actor& actor, const DeploymentRequest& request);

  Result<Deployment> get(const trust::Actor& actor, const std::string& id);
  Result<trust::Page<Deployment>> list(const trust::Actor& actor, const DeploymentQuery& query,
                                       const trust::PageRequest& page);
  Result<Deployment> scale(const trust::Actor& actor, const std::string& id, int replicas);
  // Replaces its units one after the other.
  Result<Deployment> restart(const trust::Actor& actor, const std::string& id);

  // What update() would do. The same errors.
  Result<UpdatePlan> plan_update(const trust::Actor& actor, const std::string& id, const UpdateRequest& request);
  // Makes a new revision the wanted one; its units replace the others one after the other. kConflict
  // "version-not-accepted", "nothing-changed"; kInvalidArgument "other-model", "no-tolerations".
  Result<Deployment> update(const trust::Actor& actor, const std::string& id, const UpdateRequest& request);
  // What is kept, newest first (at most 20, and the wanted one).
  Result<std::vector<Revision>> history(const trust::Actor& actor, const std::string& id);
  // A new revision that says what revision `to` said; 0: the one before the wanted one. kNotFound "no-such-revision";
  // kConflict "version-not-accepted", "nothing-changed".
  Result<Deployment> rollback(const trust::Actor& actor, const std::string& id, int to);

  // Idempotent. Instances are delisted at once; units, ports, routes go as the reconciler comes to them.
  Result<void> remove(const trust::Actor& actor, const std::string& id, RemoveClaims claims = RemoveClaims::kNo);
  // Forgets all deployments of a cluster, with their ports and routes, and revokes what was granted to them; nothing is
  // asked of the cluster's engine. The rights are the caller's to check.
  Result<void> let_go_in(store::Transaction& tx, const trust::Actor& actor, const std::string& cluster);
  // Calls `sink` with pieces until it returns false or the log ends; once a second with an empty one, to ask whether
  // anybody still listens. Blocks the calling thread all the while.
  Result<void> logs(const trust::Actor& actor, const std::string& id, const LogOptions& options,
                    const std::function<bool(std::string_view)>& sink);
  Result<std::vector<DeploymentEvent>> events(const trust::Actor& actor, const std::string& id);

 private:
  const Context& context_;
};

}  // namespace mifeng::deployments
