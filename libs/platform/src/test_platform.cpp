#include "test_platform.h"

#include "mifeng/manifest/deployment_config.h"
#include "mifeng/messages/card.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"

namespace mifeng::platform {
namespace {

constexpr char kConfig[] = R"(apiVersion: mifeng.io/v1
kind: ModelDeployment
metadata: {name: digits, namespace: models}
spec:
  model: {name: digits, version: "1.0.0"}
  image: acme/digits@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
  replicas: 1
  ports: [PORTS]
  command: ["/app/model"]
  env: [{name: LANG, value: C.UTF-8}]
  resources:
    limits: {memory: 1Gi}
)";

Error away_error() { return Error(ErrorCode::kUnavailable, "engine-unavailable", "The engine does not answer."); }

}  // namespace

FakeEngine::Change::Change(FakeEngine& engine, std::string deployment)
    : engine_(engine), deployment_(std::move(deployment)) {
  engine_.changing_.insert(deployment_);
  engine_.most_at_once = std::max(engine_.most_at_once, static_cast<int>(engine_.changing_.size()));
  engine_.overlapped = engine_.overlapped || engine_.changing_.count(deployment_) > 1;
}
FakeEngine::Change::~Change() { engine_.changing_.erase(engine_.changing_.find(deployment_)); }

void FakeEngine::hold(const std::string& deployment) {
  const std::lock_guard guard(hold_mutex_);
  held_.insert(deployment);
}

void FakeEngine::let_go(const std::string& deployment) {
  {
    const std::lock_guard guard(hold_mutex_);
    held_.erase(deployment);
  }
  hold_changed_.notify();
}

int FakeEngine::wait_for_held(int count) {
  std::unique_lock guard(hold_mutex_);
  waits_.wait_for(guard, std::chrono::seconds(30), [&] { return waiting_ >= count; });
  return waiting_;
}

int FakeEngine::wait_for_prunings(int count) {
  std::unique_lock guard(hold_mutex_);
  waits_.wait_for(guard, std::chrono::seconds(30), [&] { return prunings >= count; });
  return prunings;
}

cluster::Task<void> FakeEngine::wait_until_free(std::string deployment) {
  const auto is_held = [&](int step) {
    const std::lock_guard guard(hold_mutex_);
    const bool held = held_.contains(deployment);
    if (held) waiting_ += step;
    return held;
  };
  if (!is_held(1)) co_return ok();
  waits_.notify_all();
  for (;;) {
    const std::uint64_t seen = hold_changed_.count();
    if (!is_held(0)) break;
    co_await hold_changed_.wait(seen, std::chrono::seconds(10));
  }
  const std::lock_guard guard(hold_mutex_);
  --waiting_;
  co_return ok();
}

void FakeEngine::make(const cluster::Workload& workload, int slot) {
  cluster::Unit& unit = containers[unit_name(workload.deployment, slot)];
  if (unit.engine_id.empty()) unit.engine_id = "id-" + std::to_string(next_id_++);
  unit.name = unit_name(workload.deployment, slot);
  unit.deployment = workload.deployment;
  unit.revision = workload.revision;
  unit.restart = workload.restart;
  unit.state = fail_with.empty() ? cluster::UnitState::kRunning : cluster::UnitState::kFailed;
  unit.ready = false;
  unit.reason = fail_with;
  unit.reason_code.clear();
  unit.node_ports.clear();
  for (const auto& port : workload.node_ports) {
    if (port.slot != slot) continue;
    unit.node_ports.push_back(port);
    if (taken_ports.contains(port.node_port)) {
      unit.state = cluster::UnitState::kFailed;
      unit.reason_code = "port-taken";
      unit.reason = "host port " + std::to_string(port.node_port) + " is held by another program";
    }
  }
}

cluster::Task<cluster::ClusterFacts> FakeEngine::probe() {
  if (away) co_return away_error();
  co_return cluster::ClusterFacts{.version = "fake 1", .may = {}};
}

// As engine.h says, in one step and without a process.
cluster::Task<cluster::ApplyResult> FakeEngine::apply(cluster::Workload workload) {
  if (away) co_return away_error();
  if (workload.deployment == throws_for) throw std::runtime_error("no such thing");
  const Change change(*this, workload.deployment);
  auto waited = wait_until_free(workload.deployment);
  (void)co_await std::move(waited);
  ++applies;
  cluster::ApplyResult result;
  std::set<int> slots, used;
  for (const auto& port : workload.node_ports) slots.insert(port.slot);
  std::erase_if(containers, [&](const auto& item) {
    return item.second.deployment == workload.deployment && item.second.state == cluster::UnitState::kStopping;
  });
  std::vector<std::string> current, outdated;
  bool all_ready = true;
  for (auto& [name, unit] : containers) {
    if (unit.deployment != workload.deployment) continue;
    used.insert(unit.node_ports.empty() ? 0 : unit.node_ports.front().slot);
    if (unit.revision != workload.revision || unit.restart != workload.restart) {
      outdated.push_back(name);
      continue;
    }
    current.push_back(name);
    if (unit.state == cluster::UnitState::kFailed || unit.state == cluster::UnitState::kPending) {
      make(workload, unit.node_ports.empty() ? 0 : unit.node_ports.front().slot);
      result.changed = true;
    }
    all_ready = all_ready && unit.ready;
  }
  const auto free_slot = [&] {
    for (const int slot : slots)
      if (!used.contains(slot)) return slot;
    return -1;
  };
  const auto end = [&](const std::string& name) {
    containers.at(name).state = cluster::UnitState::kStopping;
    containers.at(name).ready = false;
    result.changed = true;
  };
  const auto add = [&] {
    const int slot = free_slot();
    if (slot < 0) return false;
    used.insert(slot);
    make(workload, slot);
    current.push_back(unit_name(workload.deployment, slot));
    return result.changed = true;
  };
  const auto wanted = static_cast<std::size_t>(workload.replicas);
  if (outdated.empty()) {
    while (current.size() < wanted && add()) continue;
  } else if (all_ready) {
    // Enough new ones: old ones go. Else one more new one, in a free slot or in an old one's.
    if (current.size() + outdated.size() > wanted || free_slot() < 0) {
      const auto idle = std::find_if(outdated.begin(), outdated.end(),
                                     [&](const std::string& name) { return !containers.at(name).ready; });
      const auto goes = idle == outdated.end() ? outdated.begin() : idle;
      end(*goes);
      outdated.erase(goes);
    } else {
      add();
    }
  }
  while (current.size() > wanted) {
    end(current.back());
    current.pop_back();
  }
  result.settled = outdated.empty() && current.size() == wanted;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == workload.deployment) {
      result.units.push_back(unit);
      if (unit.state == cluster::UnitState::kStopping) result.settled = false;
    }
  co_return result;
}

cluster::Task<std::vector<cluster::Unit>> FakeEngine::units(std::string deployment) {
  if (away) co_return away_error();
  if (deployment == throws_for) throw std::runtime_error("no such thing");
  // What was ended has gone meanwhile.
  std::erase_if(containers, [&](const auto& item) {
    return item.second.deployment == deployment && item.second.state == cluster::UnitState::kStopping;
  });
  std::vector<cluster::Unit> all;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == deployment) all.push_back(seen_before.contains(name) ? seen_before.at(name) : unit);
  co_return all;
}

cluster::Task<std::vector<cluster::Unit>> FakeEngine::all_units() {
  if (away) co_return away_error();
  std::vector<cluster::Unit> all;
  for (const auto& [name, unit] : containers) all.push_back(unit);
  co_return all;
}

cluster::Task<std::vector<cluster::Endpoint>> FakeEngine::endpoints(std::string deployment) {
  if (away) co_return away_error();
  std::vector<cluster::Endpoint> all;
  for (const auto& [name, unit] : containers)
    if (unit.deployment == deployment && unit.state == cluster::UnitState::kRunning)
      for (const auto& port : unit.node_ports)
        all.push_back({.port_name = port.port_name,
                       .kind = cluster::EndpointKind::kUnit,
                       .unit = name,
                       .node_port = port.node_port});
  co_return all;
}

std::shared_ptr<void> FakeEngine::watch(Changed changed, std::chrono::milliseconds) {
  const std::lock_guard guard(watch_mutex_);
  changed_ = std::move(changed);
  return std::shared_ptr<void>(nullptr, [this](void*) {
    const std::lock_guard lock(watch_mutex_);
    changed_ = nullptr;
  });
}

void FakeEngine::tell(const std::string& deployment) {
  const std::lock_guard guard(watch_mutex_);
  if (changed_) changed_(deployment);
}

cluster::PortNeeds FakeEngine::ports_needed(const cluster::PodTemplate&, int replicas) const {
  return {.slots = replicas, .update_slots = 1};
}

cluster::Task<void> FakeEngine::restart(std::string name) {
  ++restarts;
  cluster::Unit& unit = containers.at(name);
  unit.state = cluster::UnitState::kRunning;
  unit.ready = false;
  unit.reason.clear();
  co_return ok();
}

cluster::Task<void> FakeEngine::remove(std::string deployment) {
  if (away) co_return away_error();
  const Change change(*this, deployment);
  auto waited = wait_until_free(deployment);
  (void)co_await std::move(waited);
  std::erase_if(containers, [&](const auto& item) { return item.second.deployment == deployment; });
  co_return ok();
}

cluster::Task<void> FakeEngine::remove_claims(std::vector<std::string> claims) {
  removed_claims.insert(removed_claims.end(), claims.begin(), claims.end());
  co_return ok();
}

cluster::Task<void> FakeEngine::remove_everything() {
  containers.clear();
  co_return ok();
}

cluster::Task<cluster::Capacity> FakeEngine::capacity() {
  if (away) co_return away_error();
  co_return cluster::Capacity{
      .cpu_millis = {.all = 4000, .free = 3000}, .memory_bytes = {.all = 8 << 20, .free = 4 << 20}, .accelerators = {}};
}

cluster::Task<std::vector<cluster::Event>> FakeEngine::events(std::string deployment) {
  co_return std::vector<cluster::Event>{
      {.time_ms = 1, .unit = unit_name(deployment, 0), .action = "start", .detail = "it was started"}};
}

cluster::Task<void> FakeEngine::logs(std::string unit, cluster::LogOptions, cluster::LogSink sink) {
  for (const char* text : {"one", "two", "three"}) {
    cluster::LogLine line;
    line.text = unit + ": " + text;
    auto task = sink(std::move(line));
    auto done = co_await std::move(task);
    if (!done) co_return done;
  }
  co_return ok();
}

// Whoever speaks at a unit's socket is its guard here.
cluster::Task<cluster::Proof> FakeEngine::prove(std::vector<cluster::Workload> candidates, cluster::Evidence evidence) {
  if (away) co_return away_error();
  const auto* peer = std::get_if<cluster::PeerEvidence>(&evidence);
  if (peer == nullptr) co_return Error(ErrorCode::kInvalidArgument, "not-supported", "No tokens here.");
  shown.push_back(peer->unit);
  const auto found = containers.find(peer->unit);
  if (found == containers.end() || found->second.state != cluster::UnitState::kRunning)
    co_return Error(ErrorCode::kPermissionDenied, "not-running", "there is no unit " + peer->unit);
  if (peer->pid <= 0) co_return Error(ErrorCode::kPermissionDenied, "not-first-process", "it is another process");
  for (const auto& candidate : candidates)
    if (candidate.deployment == found->second.deployment && candidate.revision == found->second.revision)
      co_return cluster::Proof{.unit = found->first,
                               .engine_id = found->second.engine_id,
                               .deployment = candidate.deployment,
                               .revision = candidate.revision,
                               .started_at_ms = found->second.started_at_ms.value_or(1)};
  co_return Error(ErrorCode::kPermissionDenied, "no-such-revision", "it runs a revision that nobody wants");
}

cluster::Task<std::vector<cluster::PortInUse>> FakeEngine::ports_in_use() {
  if (away) co_return away_error();
  std::vector<cluster::PortInUse> ports;
  for (const auto port : foreign_ports) ports.push_back({.port = port, .holder = "container foreign"});
  for (const auto& [name, unit] : containers)
    for (const auto& port : unit.node_ports) ports.push_back({.port = port.node_port, .holder = "container " + name});
  co_return ports;
}

cluster::Task<void> FakeEngine::pull(std::string, cluster::PullPolicy) { co_return ok(); }
cluster::Task<void> FakeEngine::prune_images(std::vector<std::string> keep) {
  {
    const std::lock_guard guard(hold_mutex_);
    ++prunings;
    kept_images = std::move(keep);
  }
  waits_.notify_all();
  co_return ok();
}

std::string FakeEngine::unit_name(const std::string& deployment, int slot) {
  return "mf-0a1b2c3d-" + deployment + "-" + std::to_string(slot);
}

void FakeEngine::set(const std::string& name, cluster::UnitState state, bool ready, const std::string& reason) {
  cluster::Unit& unit = containers.at(name);
  unit.state = state;
  unit.ready = ready;
  unit.reason = reason;
}

void FakeEngine::make_all_ready() {
  for (auto& [name, unit] : containers) {
    if (unit.state == cluster::UnitState::kStopping) continue;
    unit.state = cluster::UnitState::kRunning;
    unit.ready = true;
    unit.reason.clear();
  }
}

void PlatformTest::SetUp() {
  platform_.reset();
  db_.reset();
  folder_.emplace(TempDir::create(std::filesystem::temp_directory_path()).value());
  proc_.emplace(TempDir::create(std::filesystem::temp_directory_path()).value());
  std::filesystem::create_directories(proc_->path() / "net");
  ASSERT_TRUE(write_file_atomic(proc_->path() / "net" / "tcp", as_bytes("  sl  local_address\n")));
  options_.data_dir = folder_->path() / "data";
  options_.name = "example";
  options_.registry = "127.0.0.1:5000";
  options_.guard_image_digest = "sha256:" + std::string(64, '0');
  options_.password_rounds = 1000;
  options_.parallel_hashes = 2;
  options_.port_first = 30000;
  options_.port_last = 30031;
  options_.proc = proc_->path().string();
  options_.port_rules = {"cat", (proc_->path() / "port-rules").string()};
  provider_ = crypto::Sm4GcmProvider::create().value();
  vendor_key_.emplace(crypto::Sm2PrivateKey::generate().value());
  admin_ = actor_with(Role::kAdministrator);
  operator_ = actor_with(Role::kOperator);
  auditor_ = actor_with(Role::kAuditor);
  reopen();
}

void PlatformTest::reopen() {
  platform_.reset();
  SecretBytes master(32);
  std::fill(master.reveal_for_writing().begin(), master.reveal_for_writing().end(), std::uint8_t{7});
  auto opened = Platform::open(options_, std::move(master), engines(), clock_, random_);
  ASSERT_TRUE(opened) << opened.error().message();
  platform_ = std::move(*opened);
}

EngineFactory PlatformTest::engines() {
  return [this](const ClusterAccess&) -> Result<std::shared_ptr<cluster::Engine>> {
    return std::shared_ptr<cluster::Engine>(&engine_, [](cluster::Engine*) {});  // the fixture's own
  };
}

Actor PlatformTest::actor_with(Role role, const std::string& vendor) const {
  Actor actor;
  actor.id = "pe-" + std::string(to_string(role));
  actor.name = std::string(to_string(role));
  actor.roles = {role};
  actor.vendor_id = vendor;
  return actor;
}

store::Database& PlatformTest::db() {
  if (!db_) db_ = store::Database::open({.path = options_.data_dir / "mifeng.db", .connections = 2}).value();
  return *db_;
}

messages::PlatformCard PlatformTest::card() {
  return messages::decode_card(as_bytes(platform_->keys().card(admin_).value())).value();
}

void PlatformTest::add_vendor(const std::string& id, const crypto::Sm2PrivateKey& key) {
  VendorInput input;
  input.id = id;
  input.name = "Vendor " + id;
  ASSERT_TRUE(platform_->vendors().create(admin_, input));
  ASSERT_TRUE(platform_->vendors().propose_key(admin_, id, key.public_key().to_pem().value(), ""));
  ASSERT_TRUE(platform_->vendors().confirm_key(admin_, id, key.public_key().fingerprint()));
}

std::string PlatformTest::add_model(const std::string& vendor, const std::string& name, const std::string& version,
                                    int ports) {
  if (!platform_->vendors().get(admin_, vendor)) add_vendor(vendor, *vendor_key_);
  const auto delivery = messages::verify_card(card()).value().delivery.key;
  const crypto::Sm2PublicKey recipients[] = {delivery};
  auto sender = sealed::SenderKey::create(
      {.kind = sealed::Kind::kPayload, .exponent = 16, .recipients = recipients, .signer = &*vendor_key_}, random_);
  const Bytes context = sealed::payload_context(vendor, name, version).value();
  auto sealer = sealed::Sealer::create(*sender, {.segmentation = sealed::Segmentation::kFixed, .context = context},
                                       random_, *provider_);
  const Bytes header(sealer->header().begin(), sealer->header().end());

  std::string config(kConfig);
  std::string list;
  for (int i = 0; i < ports; ++i)
    list += std::string(i == 0 ? "" : ", ") + "{name: p" + std::to_string(i) +
            ", containerPort: " + std::to_string(8080 + i) + "}";
  config.replace(config.find("PORTS"), 5, list);
  store::ModelRow row;
  row.id = "mv-" + vendor + "-" + name + "-" + version;
  row.vendor_id = vendor;
  row.vendor_name = "Vendor " + vendor;
  row.name = name;
  row.version = version;
  row.function = "recognises digits";
  row.language = "python";
  row.config_sm3 = to_hex(crypto::sm3(as_bytes(config)));
  row.image_address = "127.0.0.1:5000/acme/digits@sha256:0123";
  row.state = "submitted";
  row.payload_header = to_base64(header);
  row.payload_header_sm3 = to_hex(crypto::sm3(header));
  row.payload_size = 1000;
  row.segments_size = 1020;
  row.segments_sha256 = std::string(64, '5');
  row.signer_key_pem = vendor_key_->public_key().to_pem().value();
  row.delivery_key_id = to_hex(delivery.key_id());
  row.card_key_id = to_hex(card().identity.key_id());
  auto stored = db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto there, store::find<store::ConfigRow>(tx, row.config_sm3));
    if (!there)
      MIFENG_CHECK(store::insert(tx, store::ConfigRow{.sm3 = row.config_sm3, .address = "a", .content = config}));
    MIFENG_TRY(const auto image, store::find<store::ImageRow>(tx, row.image_address));
    if (!image) MIFENG_CHECK(store::insert(tx, store::ImageRow{.address = row.image_address}));
    return store::insert(tx, row);
  });
  EXPECT_TRUE(stored) << stored.error().message();
  auto accepted = platform_->models().accept(operator_, row.id);
  EXPECT_TRUE(accepted) << accepted.error().message();
  return row.id;
}

std::string PlatformTest::add_deployment(const std::string& name, const std::string& version_id, int replicas) {
  DeploymentRequest request;
  request.name = name;
  request.version_id = version_id;
  request.replicas = replicas;
  auto made = platform_->deployments().create(operator_, request);
  EXPECT_TRUE(made) << made.error().message();
  return made ? made->id : "";
}

GuardPeer PlatformTest::peer_of(const std::string& deployment_id, int slot) {
  return {.cluster = kLocalCluster, .unit = FakeEngine::unit_name(deployment_id, slot), .pid = 1, .pidfd = -1};
}

TestGuard::TestGuard(std::string deployment_id, std::string unit_name, const crypto::Sm3Digest& payload_header)
    : deployment(std::move(deployment_id)),
      unit(std::move(unit_name)),
      payload_header_sm3(payload_header),
      receive_key(crypto::Sm2PrivateKey::generate().value()),
      signing_key(crypto::Sm2PrivateKey::generate().value()) {}

Bytes TestGuard::request(const messages::PlatformCard& card, const messages::Tools& tools) {
  nonce = tools.random.hex(16);
  const messages::GrantRequest message{.deployment = deployment,
                                       .unit = unit,
                                       .pod_uid = std::nullopt,
                                       .token = std::nullopt,
                                       .nonce = nonce,
                                       .receive_key = receive_key.public_key(),
                                       .signing_key = signing_key.public_key(),
                                       .payload_header_sm3 = payload_header_sm3,
                                       .guard_version = "0.1.0"};
  const auto delivery = messages::verify_card(card).value().delivery.key;
  return messages::seal_grant_request(message, delivery, signing_key, tools).value();
}

Bytes TestGuard::renewal(const messages::PlatformCard& card, const messages::Tools& tools, std::uint64_t calls) {
  renew_nonce = tools.random.hex(16);
  const messages::Renewal message{.deployment = deployment,
                                  .instance_id = instance_id,
                                  .counter = ++counter,
                                  .receive_key = receive_key.public_key(),
                                  .events = events,
                                  .calls = calls,
                                  .start = start};
  const auto delivery = messages::verify_card(card).value().delivery.key;
  return messages::seal_renewal(message, renew_nonce, delivery, signing_key, tools).value();
}

}  // namespace mifeng::platform
