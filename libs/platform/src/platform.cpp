#include "mifeng/platform/platform.h"

#include <sys/stat.h>

#include "mifeng/access/context.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/clusters/cluster_set.h"
#include "mifeng/crypto/sm4_gcm.h"
#include "mifeng/deployments/context.h"
#include "mifeng/models/context.h"
#include "mifeng/os/disk_reserve.h"
#include "mifeng/os/file.h"
#include "mifeng/os/held_lock.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/vault/wrapper.h"
#include "retention.h"

namespace mifeng::platform {
namespace {

// What is kept of the disk for the database, so that a full one stops neither grants nor renewals, sign-ins and
// revocations.
constexpr std::int64_t kDiskReserve = 64 << 20;

constexpr UnixMillis kRetentionPause = 10 * 60 * 1000;

// The cluster of this machine is always there; where its engine and registry are is told anew at each start.
Result<void> ensure_local_cluster(const trust::Context& context, const PlatformOptions& options) {
  return context.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto there, store::find<store::ClusterRow>(tx, std::string(clusters::kLocalCluster)));
    store::ClusterRow row = there.value_or(store::ClusterRow{});
    row.address = options.local_address;
    row.registry = options.registry;
    if (there) {
      MIFENG_CHECK(store::update(tx, row));
      return ok();
    }
    row.id = clusters::kLocalCluster;
    row.name = "this machine";
    row.kind = clusters::ClusterKind::kPodman;
    row.default_namespace = "models";
    row.node_addresses = options.local_node;
    row.state = clusters::ClusterState::kUnknown;
    row.created_ms = row.changed_ms = context.clock.now_ms();
    MIFENG_CHECK(store::insert(tx, row));
    return store::insert(tx, store::PortRangeRow{.cluster_id = clusters::kLocalCluster,
                                                 .first_port = options.port_first,
                                                 .last_port = options.port_last});
  });
}

// One whose engine cannot be made is away, and stops nobody else.
Result<void> open_clusters(const trust::Context& context, const vault::Wrapper& wrapper, clusters::ClusterSet& set) {
  MIFENG_TRY(const auto rows,
             context.db.read([](store::Transaction& tx) { return store::all<store::ClusterRow>(tx); }));
  for (const auto& row : rows) {
    const auto open = [&]() -> Result<void> {
      MIFENG_TRY(const auto access, clusters::access_of(wrapper, row));
      return set.open(access);
    };
    const auto opened = open();
    if (!opened)
      MIFENG_CHECK(
          clusters::note_cluster(context, row.id, clusters::ClusterState::kAway, opened.error().message(), {}));
  }
  return ok();
}

trust::KeyOptions key_options(const PlatformOptions& options) {
  return {.platform = options.name,
          .lease_ms = options.lease_ms,
          .snapshot_lifetime_ms = options.snapshot_lifetime_ms,
          .output_key_lifetime_ms = options.output_key_lifetime_ms,
          .delivery_key_grace_ms = options.delivery_key_grace_ms};
}

models::SubmitOptions submit_options(const PlatformOptions& options) {
  return {.uploads = options.data_dir / "uploads",
          .registry = options.registry,
          .registry_access = options.registry_access,
          .package_size_max = options.package_size_max,
          .vendor_quota = options.vendor_quota};
}

deployments::GuardImageOptions guard_image_options(const PlatformOptions& options) {
  return {.layout = options.guard_image,
          .digest = options.guard_image_digest,
          .registry = options.registry,
          .registry_access = options.registry_access};
}

deployments::DeploymentOptions deployment_options(const PlatformOptions& options) {
  return {.registry = options.registry,
          .registry_access = options.registry_access,
          .parallel = options.parallel_deployments,
          .resync_ms = options.resync_ms,
          .progress_deadline_ms = options.progress_deadline_ms,
          .cluster_lame_duck_seconds = options.cluster_lame_duck_seconds,
          .image_pruning_ms = options.image_pruning_ms,
          .proc = options.proc,
          .port_rules = options.port_rules,
          .guard_url = options.guard_url};
}

// A second one would answer from what it remembers while the first one changes it, and so give out other cards.
Result<HeldLock> lock_data_folder(const std::filesystem::path& folder) {
  MIFENG_TRY(HeldLock lock, try_lock(folder / "mifengd.lock"));
  if (lock.fd) return lock;
  return Error(ErrorCode::kConflict, "data-in-use",
               "Another mifengd" + (lock.holder.empty() ? "" : " (process " + lock.holder + ")") + " works in " +
                   folder.string() + ". Stop it, or give this one a folder of its own with --data.");
}

}  // namespace

// From the bottom to the top, as libs/layers.txt has them; ended the other way round.
struct Platform::Services {
  // What has to be opened before there can be a service, since it may fail.
  struct Opened {
    HeldLock lock;  // first, so that it is given up when all the rest has ended
    std::unique_ptr<DiskReserve> reserve;
    std::unique_ptr<store::Database> db;
    std::unique_ptr<crypto::Sm4GcmProvider> provider;
    std::unique_ptr<vault::Wrapper> wrapper;
    std::unique_ptr<trust::AuditLog> audit;
    std::unique_ptr<trust::DoorTags> door_tags;
    std::unique_ptr<events::Feed> events;
  };

  Services(const PlatformOptions& wanted, Opened&& parts, const clusters::EngineFactory& engines, const Clock& clock,
           Random& random)
      : options(wanted),
        opened(std::move(parts)),
        base{.db = *opened.db, .clock = clock, .random = random, .audit = *opened.audit},
        key_ring(*opened.wrapper, clock, key_options(options)),
        engine_set(engines),
        guard_image(guard_image_options(options)) {
    // What is set of a cluster is news for gateways (its nodes) and for the reconciler (what it may remove).
    cluster_subscription = clusters_changed.subscribe([this] {
      snapshots_changed.notify();
      deployments_changed.notify();
    });
  }

  const PlatformOptions options;
  const Opened opened;

  trust::Subscribers snapshots_changed, deployments_changed, clusters_changed;
  const trust::Context base;
  trust::KeyRing key_ring;
  trust::KeyService keys{base, key_ring, snapshots_changed};
  trust::AuditService audit{base, key_ring};

  people::PeopleService people{base,
                               {.parallel_hashes = options.parallel_hashes,
                                .rounds = options.password_rounds,
                                .token_lifetime_max_ms = options.token_lifetime_max_ms}};

  models::ImageLibrary images;
  const models::Context models_context{base, key_ring, images, *opened.reserve, submit_options(options)};
  models::VendorService vendors{models_context};
  models::ModelService models{models_context};
  models::SubmitService submits{models_context};

  clusters::ClusterSet engine_set;
  std::shared_ptr<void> cluster_subscription;  // an opaque handle
  clusters::ClusterService clusters{base, *opened.wrapper, engine_set, options.joiner, clusters_changed};

  access::AttemptLimits attempts;
  access::Followers followers{
      [this](const std::string& gateway) { opened.events->note(events::Kind::kGateways, gateway); }};
  access::TrialCaller trial_caller;
  const access::Context access_context{base,      key_ring,     *opened.provider, attempts,
                                       followers, trial_caller, snapshots_changed};
  access::RouteService routes{access_context};
  access::CallerService callers{access_context};
  access::GatewayService gateways{access_context};
  trials::TrialService trials{access_context, {.gateway_url = options.gateway_url, .gateway_ca = options.gateway_ca}};

  deployments::GuardImage guard_image;
  deployments::Renderings renderings;
  deployments::RefusedGrants refused_grants;
  deployments::RunningRehearsals running_rehearsals;
  const deployments::Context deployments_context{base,
                                                 access_context,
                                                 engine_set,
                                                 images,
                                                 guard_image,
                                                 renderings,
                                                 refused_grants,
                                                 running_rehearsals,
                                                 *opened.door_tags,
                                                 deployments_changed,
                                                 deployment_options(options)};
  deployments::PortService ports{deployments_context};
  deployments::DeploymentService deployments{deployments_context};
  deployments::BatchService batches{deployments_context};
  deployments::RehearsalService rehearsals{deployments_context};
  deployments::Reconciler reconciler{deployments_context};

  grants::GrantService grants{deployments_context, {.lease_ms = options.lease_ms, .renew_ms = options.renew_ms}};

  SearchService search{base};

  UnixMillis retained_ms = 0;  // of the housekeeping alone
};

Platform::Platform(std::unique_ptr<Services> services) : services_(std::move(services)) {}
Platform::~Platform() { services_->reconciler.stop(); }

Result<std::unique_ptr<Platform>> Platform::open(const PlatformOptions& options, SecretBytes master_key,
                                                 const clusters::EngineFactory& engines, const Clock& clock,
                                                 Random& random) {
  std::error_code failed;
  std::filesystem::create_directories(options.data_dir, failed);
  if (failed) return errno_error(failed.value(), "make " + options.data_dir.string());
  ::chmod(options.data_dir.c_str(), 0700);
  Services::Opened opened;
  MIFENG_TRY(opened.lock, lock_data_folder(options.data_dir));
  MIFENG_TRY(opened.provider, crypto::Sm4GcmProvider::create());
  MIFENG_TRY(opened.wrapper,
             vault::Wrapper::create(std::move(master_key), vault::WrapForm::kPlatform, *opened.provider, random));
  MIFENG_TRY(opened.reserve, DiskReserve::create(options.data_dir / "reserve", kDiskReserve));
  MIFENG_TRY(opened.db, store::Database::open({.path = options.data_dir / "mifeng.db",
                                               .connections = options.database_connections,
                                               .reserve = opened.reserve.get()}));
  MIFENG_TRY(opened.events, events::Feed::create(*opened.db, *opened.provider, clock, random));
  MIFENG_TRY(opened.audit, trust::AuditLog::load_or_create(*opened.db, *opened.wrapper, clock, random));
  MIFENG_TRY(opened.door_tags, trust::DoorTags::load_or_create(*opened.db, *opened.wrapper, clock, random));
  auto services = std::make_unique<Services>(options, std::move(opened), engines, clock, random);
  MIFENG_CHECK(services->keys.load_or_create());
  MIFENG_CHECK(services->submits.sweep_at_start());
  MIFENG_CHECK(ensure_local_cluster(services->base, options));
  MIFENG_CHECK(open_clusters(services->base, *services->opened.wrapper, services->engine_set));
  return std::unique_ptr<Platform>(new Platform(std::move(services)));
}

people::PeopleService& Platform::people() { return services_->people; }
models::VendorService& Platform::vendors() { return services_->vendors; }
models::ModelService& Platform::models() { return services_->models; }
models::SubmitService& Platform::submits() { return services_->submits; }
clusters::ClusterService& Platform::clusters() { return services_->clusters; }
deployments::PortService& Platform::ports() { return services_->ports; }
deployments::DeploymentService& Platform::deployments() { return services_->deployments; }
deployments::BatchService& Platform::batches() { return services_->batches; }
deployments::RehearsalService& Platform::rehearsals() { return services_->rehearsals; }
access::RouteService& Platform::routes() { return services_->routes; }
access::CallerService& Platform::callers() { return services_->callers; }
trust::KeyService& Platform::keys() { return services_->keys; }
grants::GrantService& Platform::grants() { return services_->grants; }
access::GatewayService& Platform::gateways() { return services_->gateways; }
trials::TrialService& Platform::trials() { return services_->trials; }
trust::AuditService& Platform::audit() { return services_->audit; }
events::Feed& Platform::events() { return *services_->opened.events; }
SearchService& Platform::search() { return services_->search; }
deployments::Reconciler& Platform::reconciler() { return services_->reconciler; }

Result<std::string> Platform::remove_cluster(const trust::Actor& actor, const std::string& id, bool abandon) {
  if (!abandon) return services_->clusters.remove(actor, id, nullptr);
  return services_->clusters.remove(
      actor, id, [&](store::Transaction& tx) { return services_->deployments.let_go_in(tx, actor, id); });
}

Result<void> Platform::housekeep() {
  services_->opened.reserve->restore();
  MIFENG_CHECK(services_->grants.end_expired());
  services_->grants.door().tell_strangers();
  services_->base.audit.tell_strangers();
  MIFENG_CHECK(services_->keys.housekeep());
  MIFENG_CHECK(services_->submits.remove_expired());
  MIFENG_CHECK(services_->people.end_sessions());
  MIFENG_CHECK(services_->trial_caller.end_expired(services_->access_context));
  MIFENG_CHECK(services_->callers.end_expired_keys());
  MIFENG_CHECK(services_->audit.sign_head_if_due());
  const UnixMillis now = services_->base.clock.now_ms();
  if (services_->retained_ms + kRetentionPause <= now) {
    MIFENG_CHECK(erase_aged_rows(services_->base, services_->options.keep_ms));
    services_->retained_ms = now;
  }
  return ok();
}

bool has_database(const std::filesystem::path& data_dir) {
  std::error_code failed;
  return std::filesystem::exists(data_dir / "mifeng.db", failed);
}

}  // namespace mifeng::platform
