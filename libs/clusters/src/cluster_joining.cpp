// Clusters that an operator adds, and lets go of.
#include <algorithm>

#include "cluster_parts.h"
#include "mifeng/base/phrase.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/cluster_set.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/subscribers.h"
#include "mifeng/trust/text.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::clusters {
namespace {

constexpr std::int64_t kFirstPort = 30000, kLastPort = 32767;  // the default of an API server
constexpr std::size_t kKubeconfigMax = 1 << 19;

// Bound to the cluster: one cluster's login cannot be put in another's place.
vault::WrapLabel label_of(const std::string& id) { return {.purpose = "cluster-access/" + id, .public_key = {}}; }

Error cannot_join() {
  return Error(ErrorCode::kUnavailable, "no-joiner",
               "This platform was started in a way that brings no clusters in: it needs --installation.");
}

Result<void> check_pull_login(const std::string& user, const SecretBytes& password, const std::string& registry) {
  if (user.empty() != password.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-pull-login", "A user of the registry and his password go together.");
  if (!user.empty() && registry.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-pull-login", "Say with `registry` which registry the user is of.");
  return ok();
}

Result<void> check_new(const NewCluster& input) {
  MIFENG_CHECK(trust::check_label("id", input.id));
  if (!input.name.empty()) MIFENG_CHECK(trust::check_text("name", input.name, 100));
  MIFENG_CHECK(trust::check_label("default_namespace", input.default_namespace));
  if (input.default_namespace.starts_with("kube-"))
    return Error(ErrorCode::kInvalidArgument, "bad-namespace",
                 "default_namespace: " + input.default_namespace + " belongs to Kubernetes itself.");
  if (!input.node_addresses.empty()) MIFENG_CHECK(check_node_addresses(input.node_addresses));
  MIFENG_CHECK(check_registry(input.registry));
  MIFENG_CHECK(check_guard_url(input.guard_url));
  if (input.kubeconfig.empty() || input.kubeconfig.size() > kKubeconfigMax)
    return Error(ErrorCode::kInvalidArgument, "bad-kubeconfig", "kubeconfig: 1 byte to 512 KiB.");
  return check_pull_login(input.pull_user, input.pull_password, input.registry);
}

}  // namespace

std::string_view to_string(FindingState state) {
  switch (state) {
    case FindingState::kFine: return "fine";
    case FindingState::kWarning: return "warning";
    case FindingState::kMissing: return "missing";
  }
  return "";
}

Result<ClusterAccess> access_of(const vault::Wrapper& wrapper, const store::ClusterRow& row) {
  ClusterAccess access{
      .id = row.id, .kind = row.kind, .address = row.address, .name_space = row.default_namespace, .secret = {}};
  if (row.wrapped_access.empty()) return access;
  MIFENG_TRY(access.secret, wrapper.unwrap(label_of(row.id), row.wrapped_access));
  return access;
}

Result<void> ClusterService::check_place(store::Transaction& tx, const NewCluster& input,
                                         const std::string& address) const {
  MIFENG_TRY(const auto rows, store::all<store::ClusterRow>(tx));
  for (const auto& row : rows) {
    if (row.id == input.id)
      return Error(ErrorCode::kConflict, "cluster-exists",
                   "There is a cluster " + input.id + " already. Choose another name, or remove that one.");
    if (!address.empty() && row.address == address && row.default_namespace == input.default_namespace)
      return Error(ErrorCode::kConflict, "namespace-taken",
                   "The namespace " + row.default_namespace + " of this cluster is the cluster " + row.id +
                       " of this platform already. Name another one with --namespace.");
  }
  return ok();
}

Result<JoinedCluster> ClusterService::join(const NewCluster& input) {
  JoinRequest request;
  request.id = input.id;
  request.name_space = input.default_namespace;
  request.registry = input.registry;
  request.kubeconfig = input.kubeconfig.clone();
  request.context = input.context;
  request.as_given = input.as_given;
  request.pull_user = input.pull_user;
  request.pull_password = input.pull_password.clone();
  request.has_cluster = [this](const std::string& id) {
    const auto row = context_.db.read([&](store::Transaction& tx) { return store::find<store::ClusterRow>(tx, id); });
    return !row || row->has_value();  // who cannot look takes nothing from anybody
  };
  return joiner_->join(request);
}

Result<std::string> ClusterService::renew_pull_login(const store::ClusterRow& row, const ClusterInput& input) {
  const std::string& registry = input.registry ? *input.registry : row.registry;
  MIFENG_CHECK(check_pull_login(input.pull_user, input.pull_password, registry));
  const bool other_registry = registry != row.registry && !registry.empty();
  if (row.kind != ClusterKind::kKubernetes || (input.pull_user.empty() && !other_registry)) return std::string();
  if (joiner_ == nullptr) {
    if (input.pull_user.empty()) return std::string();
    return cannot_join();
  }
  MIFENG_TRY(const auto access, access_of(wrapper_, row));
  const PullLogin login{.registry = registry, .user = input.pull_user, .password = input.pull_password.clone()};
  MIFENG_TRY(const auto secret, joiner_->set_pull_login(access, login));
  if (!secret) return std::string();
  return wrapper_.wrap(label_of(row.id), *secret);
}

Result<Cluster> ClusterService::add(const trust::Actor& actor, NewCluster input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageClusters));
  MIFENG_CHECK(check_new(input));
  if (joiner_ == nullptr) return cannot_join();
  MIFENG_TRY(const auto under_way, UnderWay::begin(mutex_, under_way_, input.id));
  MIFENG_CHECK(context_.db.read([&](store::Transaction& tx) { return check_place(tx, input, ""); }));
  auto joined = join(input);
  if (!joined) {
    MIFENG_CHECK(context_.db.write([&](store::Transaction& tx) {
      return context_.audit.append(tx, trust::AuditEvent{.actor = actor.name,
                                                         .action = "cluster.add",
                                                         .subject = input.id,
                                                         .outcome = std::string(joined.error().reason()),
                                                         .detail = trust::clean_text(joined.error().message(), 1000)});
    }));
    return joined.error();
  }
  store::ClusterRow row;
  row.id = input.id;
  row.name = input.name.empty() ? input.id : input.name;
  row.kind = ClusterKind::kKubernetes;
  row.address = joined->address;
  row.default_namespace = input.default_namespace;
  row.node_addresses = words_text(input.node_addresses.empty() ? joined->node_addresses : input.node_addresses);
  row.addresses_given = input.node_addresses.empty() ? 0 : 1;
  row.registry = input.registry;
  row.guard_url = input.guard_url;
  row.state = ClusterState::kReady;
  row.version = trust::clean_text(joined->version, 200);
  row.created_ms = row.changed_ms = context_.clock.now_ms();
  MIFENG_TRY(row.wrapped_access, wrapper_.wrap(label_of(row.id), joined->secret));
  ClusterAccess access{.id = row.id,
                       .kind = row.kind,
                       .address = row.address,
                       .name_space = row.default_namespace,
                       .secret = std::move(joined->secret)};
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Cluster> {
    MIFENG_CHECK(check_place(tx, input, row.address));
    if (row.node_addresses.empty())
      return Error(ErrorCode::kInvalidArgument, "no-node-addresses",
                   "The login may not see the cluster's nodes: say with --node-address where gateways reach them.");
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(
        store::insert(tx, store::PortRangeRow{.cluster_id = row.id, .first_port = kFirstPort, .last_port = kLastPort}));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "cluster.add", row.id,
                                       row.address + ", namespace " + row.default_namespace +
                                           (input.as_given ? ", with the login as it was given" : "")));
    return cluster_of(tx, row);
  });
  if (!done) {
    // Nobody else's: what is another cluster's namespace was refused before anything was made there, or has this id.
    if (done.error().reason() == "no-node-addresses") (void)joiner_->leave(access);
    return done;
  }
  MIFENG_CHECK(clusters_.open(access));
  changed_.notify();
  return done;
}

Result<std::string> ClusterService::remove(const trust::Actor& actor, const std::string& id, const LetGo& let_go) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageClusters));
  MIFENG_TRY(const auto under_way, UnderWay::begin(mutex_, under_way_, id));
  MIFENG_TRY(const auto row, context_.db.read([&](store::Transaction& tx) { return find_cluster(tx, id); }));
  MIFENG_CHECK(trust::expect(actor, row));
  if (row.kind != ClusterKind::kKubernetes)
    return Error(ErrorCode::kConflict, "local-cluster", "The cluster " + id + " is this machine, and always there.");
  // First: what runs there would be taken for nobody's once its deployments are gone.
  clusters_.close(id);
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto now, find_cluster(tx, id));
    MIFENG_CHECK(trust::expect(actor, now));
    MIFENG_TRY(const auto deployments, store::deployments_in_cluster(tx, id));
    if (!let_go && (deployments != 0 || row.sweep_held != 0))
      return Error(ErrorCode::kConflict, "cluster-in-use",
                   deployments != 0
                       ? std::to_string(deployments) + " deployments are in the cluster " + id +
                             ". Delete them first, or let go of them with --abandon."
                       : "Units run in the cluster " + id +
                             " that this database does not know. Have them removed (mifeng cluster sweep), or let go "
                             "of them with --abandon.");
    if (let_go) MIFENG_CHECK(let_go(tx));
    MIFENG_TRY(const auto ranges, store::port_ranges_of(tx, id));
    for (const auto& range : ranges) MIFENG_CHECK(store::erase<store::PortRangeRow>(tx, id, range.first_port));
    MIFENG_TRY(const auto reserved, store::reserved_ports_of(tx, id));
    for (const auto& port : reserved) MIFENG_CHECK(store::erase<store::ReservedPortRow>(tx, id, port.port));
    MIFENG_CHECK(store::erase<store::ClusterRow>(tx, id));
    MIFENG_CHECK(store::next_change(tx));
    return context_.audit.append(tx, actor, "cluster.remove", id,
                                 let_go ? std::to_string(deployments) + " deployments were let go of" : "");
  });
  auto access = access_of(wrapper_, row);
  if (!done) {
    if (access) (void)clusters_.open(*access);
    changed_.notify();
    return done.error();
  }
  changed_.notify();
  if (let_go) return phrase("nothing was removed in the cluster itself");
  if (!access) return phrase("what was made in the cluster stays: {}", access.error().message());
  if (joiner_ == nullptr) return phrase("what was made in the cluster stays: {}", cannot_join().message());
  auto left = joiner_->leave(*access);
  if (!left) return phrase("what was made in the cluster stays: {}", left.error().message());
  return left;
}

Result<std::vector<ClusterFinding>> ClusterService::examine(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadClusters));
  MIFENG_TRY(const auto row, context_.db.read([&](store::Transaction& tx) { return find_cluster(tx, id); }));
  if (row.kind != ClusterKind::kKubernetes)
    return Error(ErrorCode::kConflict, "local-cluster",
                 "The cluster " + id + " is the platform's own machine: `mifeng doctor` there says what it lacks.");
  if (joiner_ == nullptr) return cannot_join();
  MIFENG_TRY(const auto access, access_of(wrapper_, row));
  return joiner_->examine(access);
}

}  // namespace mifeng::clusters
