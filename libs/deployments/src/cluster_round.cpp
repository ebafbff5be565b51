#include "cluster_round.h"

#include <algorithm>
#include <vector>

#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/deployments/context.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/deployments.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::deployments {
namespace {

using cluster::Unit;

Result<std::set<std::string>> wanted_in(const Context& context, const std::string& cluster) {
  MIFENG_TRY(const auto rows,
             context.db.read([](store::Transaction& tx) { return store::all<store::DeploymentRow>(tx); }));
  std::set<std::string> ids = context.rehearsals.in(cluster);
  for (const auto& row : rows)
    if (row.cluster_id == cluster) ids.insert(row.id);
  return ids;
}

// Units of a revision that this database has not come to yet: it is older than what runs, as one is that was restored
// from a backup. Then what it does not know is kept until somebody decides.
Result<bool> sweep_is_held(const Context& context, const std::string& cluster, const std::vector<Unit>& units) {
  std::int64_t newest = 0;
  for (const Unit& unit : units) newest = std::max(newest, unit.revision);
  MIFENG_TRY(const auto known, context.db.read([](store::Transaction& tx) { return store::current_revision_id(tx); }));
  if (newest > known)
    MIFENG_CHECK(context.db.write([&](store::Transaction& tx) -> Result<void> {
      MIFENG_CHECK(store::raise_revision_id(tx, newest));  // so that no two revisions have one id
      MIFENG_TRY(auto row, store::find<store::ClusterRow>(tx, cluster));
      if (!row || row->sweep_held != 0) return ok();
      row->sweep_held = 1;
      MIFENG_CHECK(store::update(tx, *row));
      return context.audit.append(tx, trust::AuditEvent{.actor = "system",
                                                        .action = "cluster.sweep-held",
                                                        .subject = cluster,
                                                        .detail = "units run that are newer than the database"});
    }));
  MIFENG_TRY(const auto row,
             context.db.read([&](store::Transaction& tx) { return store::find<store::ClusterRow>(tx, cluster); }));
  return !row || row->sweep_held != 0;
}

}  // namespace

Result<std::set<std::string>> find_orphans(const Context& context, const std::string& cluster) {
  // Asked before and after: one that is removed or made at this moment is no orphan.
  MIFENG_TRY(const auto before, wanted_in(context, cluster));
  MIFENG_TRY(const auto there,
             clusters::call_engine<std::vector<Unit>>(context.clusters, cluster,
                                                      [](cluster::Engine& engine) { return engine.all_units(); }));
  MIFENG_TRY(const auto after, wanted_in(context, cluster));
  std::set<std::string> orphans;
  for (const auto& unit : there)
    if (!before.contains(unit.deployment) && !after.contains(unit.deployment)) orphans.insert(unit.deployment);
  MIFENG_TRY(const bool held, sweep_is_held(context, cluster, there));
  if (held) orphans.clear();
  return orphans;
}

Result<int> remove_orphan(const Context& context, const std::string& cluster, const std::string& id) {
  MIFENG_CHECK(clusters::call_engine<void>(context.clusters, cluster,
                                           [&](cluster::Engine& engine) { return engine.remove(id); }));
  MIFENG_CHECK(context.db.write([&](store::Transaction& tx) {
    return context.audit.append(tx, trust::AuditEvent{.actor = "system",
                                                      .action = "deployment.gone",
                                                      .subject = id,
                                                      .detail = "its units were there and nobody wanted them"});
  }));
  return 1;
}

Result<void> probe_cluster(const Context& context, const std::string& cluster) {
  const auto facts = clusters::call_engine<cluster::ClusterFacts>(
      context.clusters, cluster, [](cluster::Engine& engine) { return engine.probe(); });
  if (facts) {
    MIFENG_TRY(const bool moved, clusters::note_cluster(context, cluster, clusters::ClusterState::kReady, "", *facts));
    if (moved) context.access.snapshots_changed.notify();
    return ok();
  }
  if (facts.error().reason() == "platform-stopping") return facts.error();  // that says nothing of the cluster
  MIFENG_CHECK(clusters::note_cluster(context, cluster, clusters::ClusterState::kAway, facts.error().message(), {}));
  return facts.error();
}

}  // namespace mifeng::deployments
