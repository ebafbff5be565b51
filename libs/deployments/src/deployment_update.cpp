// Other revisions of a deployment that is there: update, history, roll back.
#include <algorithm>
#include <map>

#include "deployment_acts.h"
#include "deployment_create.h"
#include "mifeng/base/phrase.h"
#include "mifeng/cluster/engine.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/deployments/deployment_rows.h"
#include "mifeng/deployments/renderings.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/version.h"
#include "slots.h"

namespace mifeng::deployments {

Result<store::DeploymentRow> live_deployment(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::DeploymentRow>(tx, id));
  if (!row || row->deleting != 0) return trust::not_found("deployment", id);
  return std::move(*row);
}

namespace {

// "env.LANG" -> its value: what two renderings are compared by.
void flatten(const json::Value& value, const std::string& path, std::map<std::string, json::Value>& into) {
  const auto below = [&](const std::string& name) { return path.empty() ? name : path + "." + name; };
  if (const json::Object* object = value.if_object()) {
    for (const auto& [name, member] : *object) flatten(member, below(name), into);
    return;
  }
  const json::Array* array = value.if_array();
  const auto named = [](const json::Value& item) -> const std::string* {
    const json::Object* object = item.if_object();
    if (object == nullptr) return nullptr;
    for (const char* key : {"name", "path"})
      if (const json::Value* name = object->find(key); name != nullptr && name->if_string() != nullptr)
        return name->if_string();
    return nullptr;
  };
  // Lists of named things by their names, so that one more does not change all that follow.
  if (array != nullptr && !array->empty() &&
      std::all_of(array->begin(), array->end(), [&](const json::Value& item) { return named(item) != nullptr; })) {
    for (const auto& item : *array) {
      json::Object rest = *item.if_object();
      const std::string name = *named(item);
      rest.erase(rest.find("name") != nullptr ? "name" : "path");
      into[below(name)] = rest.size() == 1 ? rest.begin()->second : json::Value(std::move(rest));
    }
    return;
  }
  if (array == nullptr || !array->empty()) into[path] = value;
}

std::vector<FieldChange> changes_between(const cluster::PodTemplate& before, const cluster::PodTemplate& after) {
  std::map<std::string, json::Value> left, right;
  flatten(pod_json(before), "", left);
  flatten(pod_json(after), "", right);
  std::map<std::string, FieldChange> changes;
  for (const auto& [field, value] : left) changes[field] = {.field = field, .before = value, .after = nullptr};
  for (const auto& [field, value] : right) {
    changes[field].field = field;
    changes[field].after = value;
  }
  std::vector<FieldChange> list;
  for (auto& [field, change] : changes)
    if (!(change.before == change.after)) list.push_back(std::move(change));
  return list;
}

// The next revision as it would be.
struct Next {
  store::DeploymentRow row{};
  store::RevisionRow now{};
  Prepared prepared{};
  Overlay overlay{};
};

Result<Next> next_of(store::Transaction& tx, const std::string& id, const UpdateRequest& request) {
  Next next;
  MIFENG_TRY(next.row, live_deployment(tx, id));
  MIFENG_TRY(next.now, wanted_revision(tx, next.row));
  MIFENG_TRY(next.overlay, parse_overlay(next.now.overlay_json));
  if (request.env) next.overlay.env = *request.env;
  if (request.requests) next.overlay.requests = *request.requests;
  if (request.limits) next.overlay.limits = *request.limits;
  if (request.allow_network) next.overlay.allow_network = *request.allow_network;
  if (request.volumes) next.overlay.volumes = *request.volumes;
  if (request.tolerations) next.overlay.tolerations = *request.tolerations;
  MIFENG_TRY(next.prepared, prepare(tx, request.version_id.empty() ? next.row.version_id : request.version_id,
                                    next.overlay, VersionRule::kAccepted));
  if (next.prepared.model.vendor_id != next.row.vendor_id || next.prepared.model.name != next.row.model)
    return Error(ErrorCode::kInvalidArgument, "other-model",
                 "version_id: " + next.prepared.model.vendor_id + "/" + next.prepared.model.name +
                     " is another model; this deployment runs " + next.row.vendor_id + "/" + next.row.model +
                     ". Make a deployment of its own for it, and move the route.");
  MIFENG_CHECK(check_tolerated(tx, next.prepared, next.row.cluster_id));
  return next;
}

// Where units have ports of their own, these decide.
UpdateStrategy strategy_by_ports(const Context& context, const store::DeploymentRow& row,
                                 const cluster::PodTemplate& pod) {
  const auto needs = port_needs(context, row.cluster_id, pod, static_cast<int>(row.replicas));
  if (needs.update_slots > 0 && row.ports_chosen == 0) return UpdateStrategy::kSurge;
  return row.replicas > 1 ? UpdateStrategy::kInPlace : UpdateStrategy::kOutage;
}

// As the engine would do it now; not in a transaction, since it asks a cluster.
Result<UpdateStrategy> strategy_of(const Context& context, const store::DeploymentRow& row,
                                   const cluster::PodTemplate& pod) {
  if (context.clusters.find(row.cluster_id) == nullptr) return strategy_by_ports(context, row, pod);
  cluster::Workload workload;
  workload.deployment = row.id;
  workload.pod = pod;
  workload.replicas = static_cast<int>(row.replicas);
  MIFENG_TRY(const auto replacing, clusters::call_engine<std::optional<cluster::Replacing>>(
                                       context.clusters, row.cluster_id,
                                       [&](cluster::Engine& engine) { return engine.replacing(workload); }));
  if (!replacing) return strategy_by_ports(context, row, pod);
  switch (*replacing) {
    case cluster::Replacing::kSurge: return UpdateStrategy::kSurge;
    case cluster::Replacing::kInPlace: return UpdateStrategy::kInPlace;
    case cluster::Replacing::kOutage: return UpdateStrategy::kOutage;
  }
  return UpdateStrategy::kOutage;
}

// In `tx`, with what follows of it.
Result<void> make_wanted(const Context& context, store::Transaction& tx, const trust::Actor& actor, Next& next,
                         const std::string& cause, const std::string& action) {
  MIFENG_CHECK(check_network(next.prepared, next.overlay));
  MIFENG_TRY(const auto before, context.renderings.of(context, tx, next.row, next.now));
  MIFENG_TRY(const auto registry, registry_of(context, tx, next.row.cluster_id));
  MIFENG_TRY(const auto after, render(context, next.prepared, next.row.id, next.row.model_user, registry,
                                      lame_duck_of(context, next.row.cluster_id)));
  if (next.prepared.model.id == next.row.version_id && *before == after)
    return Error(ErrorCode::kConflict, "nothing-changed",
                 "This is what the deployment already is; `restart` starts its units anew.");
  MIFENG_TRY(const auto revision,
             add_revision(context, tx, next.row, next.prepared.model, next.overlay, cause, actor.name));
  next.row.update_failed = 0;
  next.row.update_started_ms = context.clock.now_ms();
  if (next.row.replicas > 0) {
    MIFENG_TRY(const auto units, store::units_of(tx, next.row.id));
    judge(units, next.row, revision, {}, next.row.update_started_ms).write_to(next.row);
  }
  next.row.changed_ms = context.clock.now_ms();
  MIFENG_CHECK(store::update(tx, next.row));
  return context.audit.append(
      tx, actor, action, next.row.id,
      "revision " + std::to_string(revision.number) + ": " + next.row.version + " (" + cause + ")");
}

}  // namespace

Result<void> update_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                       store::DeploymentRow& row, const UpdateRequest& request) {
  MIFENG_TRY(Next next, next_of(tx, row.id, request));
  MIFENG_CHECK(make_wanted(context, tx, actor, next, "update", "deployment.update"));
  row = std::move(next.row);
  return ok();
}

Result<void> roll_back_in(const Context& context, store::Transaction& tx, const trust::Actor& actor,
                          store::DeploymentRow& row, int to) {
  Next next;
  next.row = row;
  MIFENG_TRY(next.now, wanted_revision(tx, next.row));
  MIFENG_TRY(const auto rows, store::revisions_of(tx, row.id));
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const store::RevisionRow& one) {
    return to == 0 ? one.number < next.now.number : one.number == to;
  });
  if (found == rows.end())
    return Error(ErrorCode::kNotFound, "no-such-revision",
                 to == 0 ? "There is no revision before the one that is wanted."
                         : "Revision " + std::to_string(to) + " is not kept; `mifeng history` lists those that are.");
  MIFENG_TRY(next.overlay, parse_overlay(found->overlay_json));
  MIFENG_TRY(next.prepared, prepare(tx, found->version_id, next.overlay, VersionRule::kAccepted));
  MIFENG_CHECK(
      make_wanted(context, tx, actor, next, "rollback to " + std::to_string(found->number), "deployment.rollback"));
  row = std::move(next.row);
  return ok();
}

Result<UpdateOutlook> outlook_of_update(const Context& context, store::Transaction& tx, const std::string& id,
                                        const UpdateRequest& request) {
  MIFENG_TRY(const Next next, next_of(tx, id, request));
  MIFENG_CHECK(check_network(next.prepared, next.overlay));
  MIFENG_TRY(const auto before, context.renderings.of(context, tx, next.row, next.now));
  MIFENG_TRY(const auto registry, registry_of(context, tx, next.row.cluster_id));
  MIFENG_TRY(const auto after, render(context, next.prepared, id, next.row.model_user, registry,
                                      lame_duck_of(context, next.row.cluster_id)));
  return UpdateOutlook{.changes = changes_between(*before, after), .from_revision = static_cast<int>(next.now.number)};
}

std::string_view to_string(UpdateStrategy strategy) {
  switch (strategy) {
    case UpdateStrategy::kSurge: return "surge";
    case UpdateStrategy::kInPlace: return "in-place";
    case UpdateStrategy::kOutage: return "outage";
  }
  return "";
}

Result<UpdatePlan> DeploymentService::plan_update(const trust::Actor& actor, const std::string& id,
                                                  const UpdateRequest& request) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  store::DeploymentRow row;
  cluster::PodTemplate after;
  MIFENG_TRY(auto plan, context_.db.read([&](store::Transaction& tx) -> Result<UpdatePlan> {
    MIFENG_TRY(const Next next, next_of(tx, id, request));
    MIFENG_TRY(const auto before, context_.renderings.of(context_, tx, next.row, next.now));
    MIFENG_TRY(const auto registry, registry_of(context_, tx, next.row.cluster_id));
    MIFENG_TRY(after, render(context_, next.prepared, id, next.row.model_user, registry,
                             lame_duck_of(context_, next.row.cluster_id)));
    UpdatePlan plan;
    plan.deployment_id = id;
    plan.from_revision = static_cast<int>(next.now.number);
    plan.from_version = next.row.version;
    plan.to_version = next.prepared.model.version;
    plan.changes = changes_between(*before, after);
    add_network_warning(plan.warnings, next.prepared, next.overlay);
    if (const auto engine = context_.clusters.find(next.row.cluster_id))
      for (std::string& sentence : engine->cannot_hold(after)) plan.warnings.push_back(std::move(sentence));
    for (const auto& port : before->ports) {
      const bool stays =
          std::any_of(after.ports.begin(), after.ports.end(), [&](const auto& one) { return one.name == port.name; });
      if (!stays) plan.warnings.push_back(phrase("the port {} goes; routes that name it lead nowhere then", port.name));
    }
    row = next.row;
    return plan;
  }));
  MIFENG_TRY(plan.strategy, strategy_of(context_, row, after));
  if (plan.strategy == UpdateStrategy::kOutage && row.replicas > 0)
    plan.warnings.push_back(phrase("its only unit ends before the new one starts: calls fail meanwhile"));
  return plan;
}

Result<Deployment> DeploymentService::update(const trust::Actor& actor, const std::string& id,
                                             const UpdateRequest& request) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, live_deployment(tx, id));
    MIFENG_CHECK(trust::expect(actor, row));
    MIFENG_CHECK(update_in(context_, tx, actor, row, request));
    return deployment_of(context_, tx, row);
  });
  if (done) context_.changed.notify();
  return done;
}

Result<std::vector<Revision>> DeploymentService::history(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadDeployments));
  return context_.db.read([&](store::Transaction& tx) -> Result<std::vector<Revision>> {
    MIFENG_TRY(const auto row, store::find<store::DeploymentRow>(tx, id));
    if (!row) return trust::not_found("deployment", id);
    MIFENG_TRY(const auto rows, store::revisions_of(tx, id));
    MIFENG_TRY(const auto units, store::units_of(tx, id));
    std::vector<Revision> revisions;
    for (const auto& one : rows) {
      auto revision = made_of<Revision, "version", "overlay", "wanted", "units">(one);
      MIFENG_TRY(const auto model, store::find<store::ModelRow>(tx, one.version_id));
      if (model) revision.version = model->version;
      MIFENG_TRY(revision.overlay, parse_overlay(one.overlay_json));
      revision.wanted = one.id == row->revision_id;
      revision.units = static_cast<int>(std::count_if(
          units.begin(), units.end(), [&](const store::UnitRow& unit) { return unit.revision_id == one.id; }));
      revisions.push_back(std::move(revision));
    }
    return revisions;
  });
}

Result<Deployment> DeploymentService::rollback(const trust::Actor& actor, const std::string& id, int to) {
  MIFENG_CHECK(require(actor, trust::Permission::kDeploy));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Deployment> {
    MIFENG_TRY(auto row, live_deployment(tx, id));
    MIFENG_CHECK(trust::expect(actor, row));
    MIFENG_CHECK(roll_back_in(context_, tx, actor, row, to));
    return deployment_of(context_, tx, row);
  });
  if (done) context_.changed.notify();
  return done;
}

}  // namespace mifeng::deployments
