#include "mifeng/clusters/cluster_service.h"

#include "cluster_parts.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/cluster_set.h"
#include "mifeng/clusters/engine_call.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/subscribers.h"
#include "mifeng/trust/text.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"

namespace mifeng::clusters {
namespace {

constexpr std::size_t kNodesMax = 16;  // that a gateway dials
constexpr UnixMillis kStaleAfter = 60 * 1000;

// A host name or an address of either family: what may stand before ":PORT".
bool is_node_address(const std::string& text) {
  return !text.empty() && text.size() <= 253 &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") ==
             std::string::npos;
}

}  // namespace

Result<Cluster> cluster_of(store::Transaction& tx, const store::ClusterRow& row) {
  auto cluster = made_of<Cluster, "node_addresses", "may", "deployments", "capacity", "seen_ms", "stale", "etag">(row);
  cluster.etag = trust::version_of(row);
  cluster.node_addresses = words_of(row.node_addresses);
  cluster.may = words_of(row.may);
  if (cluster.sweep_held && cluster.reason.empty())
    cluster.reason = phrase(
        "units run there that are newer than this database, which may have been restored from a backup; "
        "nothing unknown is removed until an administrator allows it: mifeng cluster sweep {}",
        row.id);
  MIFENG_TRY(const auto deployments, store::deployments_in_cluster(tx, row.id));
  cluster.deployments = static_cast<int>(deployments);
  return cluster;
}

Result<store::ClusterRow> find_cluster(store::Transaction& tx, const std::string& id) {
  MIFENG_TRY(auto row, store::find<store::ClusterRow>(tx, id));
  if (!row) return trust::not_found("cluster", id);
  return std::move(*row);
}

Result<void> check_node_addresses(const std::vector<std::string>& addresses) {
  if (addresses.empty() || addresses.size() > kNodesMax)
    return Error(ErrorCode::kInvalidArgument, "bad-node-addresses", "node_addresses: 1 to 16.");
  for (const auto& address : addresses)
    if (!is_node_address(address))
      return Error(ErrorCode::kInvalidArgument, "bad-node-addresses",
                   "node_addresses: \"" + trust::clean_text(address, 64) + "\" is neither an address nor a host name.");
  return ok();
}

Result<void> check_registry(const std::string& registry) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/[]";
  const bool fits = registry.size() <= 253 && registry.find_first_not_of(kAllowed) == std::string::npos &&
                    registry.find("//") == std::string::npos && !registry.starts_with('/') && !registry.ends_with('/');
  if (fits) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-registry",
               "registry: HOST:PORT or HOST:PORT/PATH, without https:// before it.");
}

Result<void> check_guard_url(const std::string& url) {
  const bool http = url.starts_with("http://") || url.starts_with("https://");
  const bool plain = url.size() <= 253 && url.find_first_of(" \t\r\n\"?#@") == std::string::npos;
  if (url.empty() || (http && plain)) return ok();
  return Error(ErrorCode::kInvalidArgument, "bad-guard-url", "guard_url: http://HOST:PORT or https://HOST:PORT.");
}

Result<std::string> known_cluster(store::Transaction& tx, const std::string& id) {
  const std::string name = id.empty() ? kLocalCluster : id;
  MIFENG_CHECK(find_cluster(tx, name));
  return name;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

std::string words_text(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

Result<bool> note_cluster(const trust::Context& context, const std::string& id, ClusterState state,
                          const std::string& reason, const cluster::ClusterFacts& facts) {
  const auto noted = [&](store::ClusterRow& row) {
    const store::ClusterRow before = row;
    row.state = state;
    row.reason = trust::clean_text(reason, 1000);
    if (state == ClusterState::kReady) {
      row.version = trust::clean_text(facts.version, 200);
      row.may = words_text(facts.may);
      if (row.addresses_given == 0 && !facts.node_addresses.empty())
        row.node_addresses = words_text(facts.node_addresses);
    }
    return before.state != row.state || before.reason != row.reason || before.version != row.version ||
           before.may != row.may || before.node_addresses != row.node_addresses;
  };
  // Nearly always there is nothing to write.
  MIFENG_TRY(const bool news, context.db.read([&](store::Transaction& tx) -> Result<bool> {
    MIFENG_TRY(auto row, find_cluster(tx, id));
    return noted(row);
  }));
  if (!news) return false;
  return context.db.write([&](store::Transaction& tx) -> Result<bool> {
    MIFENG_TRY(auto row, find_cluster(tx, id));
    const store::ClusterRow before = row;
    if (!noted(row)) return false;
    row.changed_ms = context.clock.now_ms();
    MIFENG_CHECK(store::update(tx, row));
    const bool moved = before.node_addresses != row.node_addresses;
    if (moved) MIFENG_CHECK(store::next_change(tx));
    if (before.state != row.state)
      MIFENG_CHECK(context.audit.append(tx, trust::AuditEvent{.actor = "system",
                                                              .action = "cluster.state",
                                                              .subject = id,
                                                              .outcome = std::string(to_string(row.state)),
                                                              .detail = row.reason}));
    return moved;
  });
}

Result<std::vector<Cluster>> ClusterService::list(const trust::Actor& actor) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadClusters));
  return context_.db.read([&](store::Transaction& tx) -> Result<std::vector<Cluster>> {
    std::vector<Cluster> clusters;
    MIFENG_TRY(const auto rows, store::all<store::ClusterRow>(tx));
    for (const auto& row : rows) {
      MIFENG_TRY(auto cluster, cluster_of(tx, row));
      note_view(cluster);
      clusters.push_back(std::move(cluster));
    }
    return clusters;
  });
}

void ClusterService::note_view(Cluster& cluster) const {
  const auto engine = clusters_.find(cluster.id);
  const auto seen = engine ? engine->seen_ms() : std::nullopt;
  if (!seen) return;
  cluster.seen_ms = *seen;
  cluster.stale = context_.clock.now_ms() - *seen > kStaleAfter;
}

Result<ClusterNodes> ClusterService::nodes(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadClusters));
  MIFENG_TRY(auto cluster, context_.db.read([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_TRY(const auto row, find_cluster(tx, id));
    return cluster_of(tx, row);
  }));
  MIFENG_TRY(auto nodes, call_engine<std::vector<cluster::Node>>(
                             clusters_, id, [](cluster::Engine& engine) { return engine.nodes(); }));
  for (auto& node : nodes) node.name = trust::clean_text(node.name, 253);
  note_view(cluster);
  return ClusterNodes{.items = std::move(nodes), .seen_ms = cluster.seen_ms, .stale = cluster.stale};
}

Result<ClusterEvents> ClusterService::events(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadClusters));
  MIFENG_TRY(auto cluster, context_.db.read([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_TRY(const auto row, find_cluster(tx, id));
    return cluster_of(tx, row);
  }));
  MIFENG_TRY(const auto told, call_engine<std::vector<cluster::Event>>(
                                  clusters_, id, [](cluster::Engine& engine) { return engine.events(""); }));
  note_view(cluster);
  ClusterEvents events{.items = {}, .seen_ms = cluster.seen_ms, .stale = cluster.stale};
  for (const auto& event : told)
    events.items.push_back({.time_ms = event.time_ms,
                            .deployment = event.deployment,
                            .unit = event.unit,
                            .action = trust::clean_text(event.action, 100),
                            .detail = trust::clean_text(event.detail, 1000)});
  return events;
}

Result<Cluster> ClusterService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadClusters));
  MIFENG_TRY(auto cluster, context_.db.read([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_TRY(const auto row, find_cluster(tx, id));
    return cluster_of(tx, row);
  }));
  if (!clusters_.find(id)) return cluster;
  note_view(cluster);
  // One that is away is shown without it.
  auto capacity =
      call_engine<cluster::Capacity>(clusters_, id, [](cluster::Engine& engine) { return engine.capacity(); });
  if (capacity) cluster.capacity = std::move(*capacity);
  return cluster;
}

namespace {

// What belongs to the account that we have in a cluster, or to the start of this process, is not changed here.
Result<void> check_change(const store::ClusterRow& row, const ClusterInput& input) {
  if (row.kind == ClusterKind::kKubernetes) {
    if (input.default_namespace == row.default_namespace) return ok();
    return Error(ErrorCode::kConflict, "namespace-fixed",
                 "The account that this platform has in the cluster " + row.id + " belongs to the namespace " +
                     row.default_namespace + ". Remove the cluster and add it again with another.");
  }
  if ((!input.registry || *input.registry == row.registry) && (!input.guard_url || input.guard_url->empty()) &&
      input.pull_user.empty() && input.pull_password.empty())
    return ok();
  return Error(ErrorCode::kConflict, "local-cluster",
               "Registry, its login and guard_url of the cluster " + row.id + " are options of the platform itself.");
}

}  // namespace

Result<Cluster> ClusterService::set(const trust::Actor& actor, const std::string& id, const ClusterInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageClusters));
  MIFENG_CHECK(trust::check_text("name", input.name, 100));
  if (!input.default_namespace.empty()) MIFENG_CHECK(trust::check_label("default_namespace", input.default_namespace));
  MIFENG_CHECK(check_node_addresses(input.node_addresses));
  if (input.registry) MIFENG_CHECK(check_registry(*input.registry));
  if (input.guard_url) MIFENG_CHECK(check_guard_url(*input.guard_url));
  MIFENG_TRY(const auto under_way, UnderWay::begin(mutex_, under_way_, id));
  MIFENG_TRY(const auto there, context_.db.read([&](store::Transaction& tx) { return find_cluster(tx, id); }));
  MIFENG_CHECK(trust::expect(actor, there));  // before anything is done in the cluster itself
  MIFENG_CHECK(check_change(there, input));
  MIFENG_TRY(const std::string wrapped_access, renew_pull_login(there, input));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_TRY(auto row, find_cluster(tx, id));
    MIFENG_CHECK(trust::expect(actor, row));
    MIFENG_CHECK(check_change(row, input));
    if (!wrapped_access.empty()) row.wrapped_access = wrapped_access;
    row.name = input.name;
    row.default_namespace = input.default_namespace;
    if (input.registry) row.registry = *input.registry;
    if (input.guard_url) row.guard_url = *input.guard_url;
    if (words_text(input.node_addresses) != row.node_addresses) row.addresses_given = 1;
    row.node_addresses = words_text(input.node_addresses);
    row.changed_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(
        tx, actor, "cluster.set", id,
        row.node_addresses + (input.pull_user.empty() ? "" : ", pulls as " + trust::clean_text(input.pull_user, 253))));
    return cluster_of(tx, row);
  });
  if (!done) return done;
  changed_.notify();
  // One that is away is set all the same, and what is not in force is said by examine().
  if (done->kind == ClusterKind::kKubernetes && done->state == ClusterState::kReady && joiner_ != nullptr) {
    MIFENG_TRY(const auto row, context_.db.read([&](store::Transaction& tx) { return find_cluster(tx, id); }));
    MIFENG_TRY(const auto access, access_of(wrapper_, row));
    (void)joiner_->protect(access);
  }
  return done;
}

Result<Cluster> ClusterService::allow_sweep(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageClusters));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_TRY(auto row, find_cluster(tx, id));
    row.sweep_held = 0;
    row.changed_ms = context_.clock.now_ms();
    MIFENG_CHECK(store::update(tx, row));
    MIFENG_CHECK(context_.audit.append(tx, actor, "cluster.sweep", id));
    return cluster_of(tx, row);
  });
  if (done) changed_.notify();
  return done;
}

}  // namespace mifeng::clusters
