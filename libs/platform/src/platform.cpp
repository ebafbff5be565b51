#include "mifeng/platform/platform.h"

#include <sys/stat.h>

#include "audit_log.h"
#include "cluster_rows.h"
#include "core.h"
#include "grant_limits.h"
#include "guard_image.h"
#include "key_ring.h"
#include "mifeng/base/file.h"
#include "mifeng/store/people.h"
#include "mifeng/store/ports.h"
#include "proved_peers.h"
#include "renderings.h"
#include "thinning.h"

namespace mifeng::platform {
namespace {

constexpr UnixMillis kThinningPause = 10 * 60 * 1000;

// The cluster of this machine is always there; where its engine and registry are is told anew at each start.
Result<void> ensure_local_cluster(Core& core) {
  return core.db->write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto there, store::find<store::ClusterRow>(tx, std::string(kLocalCluster)));
    store::ClusterRow row = there.value_or(store::ClusterRow{});
    row.address = core.options.local_address;
    row.registry = core.options.registry;
    if (there) {
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    }
    row.id = kLocalCluster;
    row.name = "this machine";
    row.kind = std::string(to_string(ClusterKind::kPodman));
    row.default_namespace = "models";
    row.node_addresses = core.options.local_node;
    row.state = std::string(to_string(ClusterState::kUnknown));
    row.created_ms = row.changed_ms = core.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    return store::insert(tx, store::PortRangeRow{.cluster_id = kLocalCluster,
                                                 .first_port = core.options.port_first,
                                                 .last_port = core.options.port_last});
  });
}

// One whose engine cannot be made is away, and stops nobody else.
Result<void> open_clusters(Core& core) {
  MIFENG_CHECK(ensure_local_cluster(core));
  MIFENG_TRY(const auto rows, core.db->read([](store::Transaction& tx) { return store::all<store::ClusterRow>(tx); }));
  for (const auto& row : rows) {
    MIFENG_TRY(const auto kind, parse_cluster_kind(row.kind));
    const auto opened = core.clusters->open({.id = row.id, .kind = kind, .address = row.address});
    if (!opened) MIFENG_CHECK(note_cluster(core, row.id, ClusterState::kAway, opened.error().message(), "", {}));
  }
  return ok();
}

}  // namespace

struct Platform::Services {
  Services(const PlatformOptions& options, const EngineFactory& engines, const Clock& clock, Random& random)
      : core{.options = options,
             .db = nullptr,
             .clock = clock,
             .random = random,
             .provider = nullptr,
             .wrapper = nullptr,
             .clusters = std::make_unique<ClusterSet>(engines),
             .renderings = std::make_unique<Renderings>(),
             .guard_image = nullptr,
             .audit = nullptr,
             .keys = nullptr,
             .grant_limits = std::make_unique<GrantLimits>(),
             .proved_peers = std::make_unique<ProvedPeers>(),
             .started_ms = clock.now_ms(),
             .snapshots_changed = {},
             .deployments_changed = {},
             .images_mutex = {},
             .images_unused = false,
             .followers_mutex = {},
             .followers = {}} {}

  Core core;
  PeopleService people{core};
  VendorService vendors{core};
  ModelService models{core};
  SubmitService submits{core};
  ClusterService clusters{core};
  PortService ports{core};
  DeploymentService deployments{core};
  RouteService routes{core};
  CallerService callers{core};
  KeyService keys{core};
  GrantService grants{core};
  GatewayService gateways{core};
  AuditService audit{core};
  Reconciler reconciler{core};
  UnixMillis thinned_ms = 0;  // of the housekeeping alone
};

Platform::Platform(std::unique_ptr<Services> services) : services_(std::move(services)) {}
Platform::~Platform() { services_->reconciler.stop(); }

Result<std::unique_ptr<Platform>> Platform::open(const PlatformOptions& options, SecretBytes master_key,
                                                 const EngineFactory& engines, const Clock& clock, Random& random) {
  std::error_code failed;
  std::filesystem::create_directories(options.data_dir, failed);
  if (failed) return errno_error(failed.value(), "make " + options.data_dir.string());
  ::chmod(options.data_dir.c_str(), 0700);
  auto services = std::make_unique<Services>(options, engines, clock, random);
  Core& core = services->core;
  core.guard_image = std::make_unique<GuardImage>(core.options);
  MIFENG_TRY(core.provider, crypto::Sm4GcmProvider::create());
  MIFENG_TRY(core.wrapper,
             vault::Wrapper::create(std::move(master_key), vault::WrapForm::kPlatform, *core.provider, random));
  MIFENG_TRY(core.db, store::Database::open(
                          {.path = options.data_dir / "mifeng.db", .connections = options.database_connections}));
  core.keys = std::make_unique<KeyRing>(core);
  MIFENG_TRY(core.audit, AuditLog::load_or_create(core));
  MIFENG_CHECK(services->keys.load_or_create());
  MIFENG_CHECK(services->submits.sweep_at_start());
  MIFENG_CHECK(open_clusters(core));
  return std::unique_ptr<Platform>(new Platform(std::move(services)));
}

PeopleService& Platform::people() { return services_->people; }
VendorService& Platform::vendors() { return services_->vendors; }
ModelService& Platform::models() { return services_->models; }
SubmitService& Platform::submits() { return services_->submits; }
ClusterService& Platform::clusters() { return services_->clusters; }
PortService& Platform::ports() { return services_->ports; }
DeploymentService& Platform::deployments() { return services_->deployments; }
RouteService& Platform::routes() { return services_->routes; }
CallerService& Platform::callers() { return services_->callers; }
KeyService& Platform::keys() { return services_->keys; }
GrantService& Platform::grants() { return services_->grants; }
GatewayService& Platform::gateways() { return services_->gateways; }
AuditService& Platform::audit() { return services_->audit; }
Reconciler& Platform::reconciler() { return services_->reconciler; }

Result<void> Platform::housekeep() {
  MIFENG_CHECK(services_->grants.end_expired());
  MIFENG_CHECK(services_->keys.housekeep());
  MIFENG_CHECK(services_->submits.remove_expired());
  MIFENG_CHECK(services_->people.end_sessions());
  MIFENG_CHECK(services_->audit.sign_head_if_due());
  const UnixMillis now = services_->core.clock.now_ms();
  if (services_->thinned_ms + kThinningPause <= now) {
    MIFENG_CHECK(thin_out(services_->core));
    services_->thinned_ms = now;
  }
  return ok();
}

bool has_database(const std::filesystem::path& data_dir) {
  std::error_code failed;
  return std::filesystem::exists(data_dir / "mifeng.db", failed);
}

}  // namespace mifeng::platform
