// Deployments between their requests, their rows and what an engine is given.
#pragma once

#include <limits>

#include "mifeng/cluster/units.h"
#include "mifeng/deployments/deployment_service.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/manifest/deployment_config.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/models.h"

namespace mifeng::deployments {

struct Context;

// What was asked for, as it is stored; parse gives the same again.
json::Object request_json(const DeploymentRequest& request);
Result<DeploymentRequest> parse_request(const std::string& text);
json::Object overlay_json(const Overlay& overlay);
Result<Overlay> parse_overlay(const std::string& text);
// The members `volumes` and `tolerations` of what somebody sent or of what is stored; empty where they are absent.
std::vector<manifest::VolumeChoice> read_volumes(json::Fields& fields);
std::vector<manifest::Toleration> read_tolerations(json::Fields& fields);
json::Array json_of_volumes(const std::vector<manifest::VolumeChoice>& volumes);
json::Array json_of_tolerations(const std::vector<manifest::Toleration>& tolerations);

// What holds of a version: with a payload that is sealed for the platform and signed by its vendor L1, else L0. What
// holds the keys and the memory (L2, L3) is nothing that the platform can show yet.
Grade grade_of(const store::ModelRow& model);
// grade_sentence(), and another one where nothing keeps others in the cluster out of the deployment's units.
Result<std::string> grade_reason_of(store::Transaction& tx, Grade grade, const std::string& cluster);

// The version's config with what the overlay changes. kConflict "version-not-accepted"; kInvalidArgument.
struct Prepared {
  store::ModelRow model{};
  manifest::DeploymentConfig config{};
  std::vector<manifest::Toleration> tolerations{};
};
enum class VersionRule { kAccepted, kAny };
// kConflict "version-not-accepted".
Result<void> check_accepted(const store::ModelRow& model);
Result<Prepared> prepare(store::Transaction& tx, const std::string& version_id, const Overlay& overlay,
                         VersionRule rule);

// kConflict "network-not-allowed" where the config asks for one and the overlay does not allow it.
Result<void> check_network(const Prepared& prepared, const Overlay& overlay);
// kInvalidArgument "no-tolerations" in a cluster that is none of Kubernetes.
Result<void> check_tolerated(store::Transaction& tx, const Prepared& prepared, const std::string& cluster);

// As the cluster's nodes see it: where their images come from.
Result<std::string> registry_of(const Context& context, store::Transaction& tx, const std::string& cluster);
// For how long guards there go on after they were asked to stop: as long as whoever sends calls to them needs to
// notice.
int lame_duck_of(const Context& context, const std::string& cluster);
// `model_user`: of the deployment, whose models run under it. `registry`, `lame_duck_seconds`: as above, of its
// cluster.
Result<cluster::PodTemplate> render(const Context& context, const Prepared& prepared, const std::string& deployment_id,
                                    std::int64_t model_user, const std::string& registry, int lame_duck_seconds);
// For people, for the plan and to compare two; not what the engine gets on the wire.
json::Object pod_json(const cluster::PodTemplate& pod);

// What is to run now.
Result<store::RevisionRow> wanted_revision(store::Transaction& tx, const store::DeploymentRow& row);
// How a deployment's guards reach the platform; none where they have a socket instead, or nobody listens.
Result<std::optional<cluster::GuardDoor>> door_of(const Context& context, store::Transaction& tx,
                                                  const std::string& cluster_id, const std::string& deployment);
Result<cluster::Workload> workload_of(const Context& context, store::Transaction& tx, const store::DeploymentRow& row);
// That, and what its kept revisions would be: what a unit that is being replaced may still be.
Result<std::vector<cluster::Workload>> candidates_of(const Context& context, store::Transaction& tx,
                                                     const store::DeploymentRow& row);
Result<Deployment> deployment_of(const Context& context, store::Transaction& tx, const store::DeploymentRow& row);

// What goes with a deployment: what was granted to it is revoked, its routes and its rows are erased.
Result<void> end_instances(const Context& context, store::Transaction& tx, const std::string& deployment,
                           const std::string& by, const std::string& why);
Result<void> erase_routes(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                          const std::string& deployment);
Result<void> erase_deployment(store::Transaction& tx, const std::string& deployment);

// The slot of a unit's own node ports; -1 where it has none.
int slot_of(const cluster::Unit& unit);

// What its units make of a deployment.
struct Verdict {
  DeploymentState state = DeploymentState::kPending;
  std::string reason;
  bool update_failed = false;
  std::string reason_code{}, remedy{};  // of the unit whose reason it is

  void write_to(store::DeploymentRow& row) const;
};
// By when units have to be ready that are not: those of an update, or the first one of all.
struct Deadline {
  UnixMillis given_ms = 0;  // how long that was
  UnixMillis at_ms = std::numeric_limits<UnixMillis>::max();
};
// `wanted`: the revision that is wanted.
Verdict judge(const std::vector<store::UnitRow>& units, const store::DeploymentRow& row,
              const store::RevisionRow& wanted, const Deadline& deadline, UnixMillis now);

}  // namespace mifeng::deployments
