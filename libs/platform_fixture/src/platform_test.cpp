#include "mifeng/platform_fixture/platform_test.h"

#include "mifeng/manifest/deployment_config.h"
#include "mifeng/messages/card.h"
#include "mifeng/sealed/context.h"
#include "mifeng/sealed/seal.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/ports.h"
#include "mifeng/trust/context.h"

namespace mifeng::platform_fixture {
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

std::optional<SecretBytes> secret_of(const std::optional<std::string>& text) {
  return text ? std::optional<SecretBytes>(as_bytes(*text)) : std::nullopt;
}

}  // namespace

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
  admin_ = actor_with(trust::Role::kAdministrator);
  operator_ = actor_with(trust::Role::kOperator);
  auditor_ = actor_with(trust::Role::kAuditor);
  reopen();
}

void PlatformTest::reopen() {
  platform_.reset();
  SecretBytes master(32);
  std::fill(master.reveal_for_writing().begin(), master.reveal_for_writing().end(), std::uint8_t{7});
  auto opened = platform::Platform::open(options_, std::move(master), engines(), clock_, random_);
  ASSERT_TRUE(opened) << opened.error().message();
  platform_ = std::move(*opened);
}

clusters::EngineFactory PlatformTest::engines() {
  return [this](const clusters::ClusterAccess& access) -> Result<std::shared_ptr<cluster::Engine>> {
    FakeEngine& engine = access.kind == clusters::ClusterKind::kKubernetes ? far_engine_ : engine_;
    return std::shared_ptr<cluster::Engine>(&engine, [](cluster::Engine*) {});  // the fixture's own
  };
}

trust::Actor PlatformTest::actor_with(trust::Role role, const std::string& vendor) const {
  trust::Actor actor;
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
  models::VendorInput input;
  input.id = id;
  input.name = "Vendor " + id;
  ASSERT_TRUE(platform_->vendors().create(admin_, input));
  ASSERT_TRUE(platform_->vendors().propose_key(admin_, id, key.public_key().to_pem().value(), ""));
  ASSERT_TRUE(platform_->vendors().confirm_key(admin_, id, key.public_key().fingerprint()));
}

std::string PlatformTest::add_model(const std::string& vendor, const std::string& name, const std::string& version,
                                    int ports, const std::string& spec) {
  if (!platform_->vendors().get(admin_, vendor)) add_vendor(vendor, *vendor_key_);
  const auto delivery = messages::verify_card(card()).value().delivery.key;
  const crypto::Sm2PublicKey recipients[] = {delivery};
  auto sender = sealed::SenderKey::create(
      {.kind = sealed::Kind::kPayload, .exponent = 16, .recipients = recipients, .signer = &*vendor_key_}, random_);
  const Bytes context = sealed::payload_context(vendor, name, version).value();
  auto sealer = sealed::Sealer::create(*sender, {.segmentation = sealed::Segmentation::kFixed, .context = context},
                                       random_, *provider_);
  const Bytes header(sealer->header().begin(), sealer->header().end());

  std::string config = kConfig + spec;
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
  row.state = store::VersionState::kSubmitted;
  row.submitted_ms = clock_.now_ms();
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

std::string PlatformTest::add_deployment(const std::string& name, const std::string& version_id, int replicas,
                                         const std::string& cluster) {
  deployments::DeploymentRequest request;
  request.name = name;
  request.cluster = cluster;
  request.version_id = version_id;
  request.replicas = replicas;
  auto made = platform_->deployments().create(operator_, request);
  EXPECT_TRUE(made) << made.error().message();
  return made ? made->id : "";
}

void PlatformTest::add_kubernetes(const std::string& id) {
  const auto stored = db().write([&](store::Transaction& tx) -> Result<void> {
    store::ClusterRow row;
    row.id = row.name = id;
    row.kind = clusters::ClusterKind::kKubernetes;
    row.address = "https://192.0.2.1:6443";
    row.default_namespace = "models";
    row.node_addresses = "192.0.2.2";
    row.registry = "192.0.2.1:5000";
    MIFENG_CHECK(store::insert(tx, row));
    return store::insert(tx, store::PortRangeRow{.cluster_id = id, .first_port = 30000, .last_port = 30031});
  });
  ASSERT_TRUE(stored) << stored.error().message();
  reopen();
}

grants::SocketPeer PlatformTest::peer_of(const std::string& deployment_id, int slot) {
  return {
      .cluster = clusters::kLocalCluster, .unit = FakeEngine::unit_name(deployment_id, slot), .pid = 1, .pidfd = -1};
}

TestGuard::TestGuard(std::string deployment_id, std::string unit_name, const crypto::Sm3Digest& payload_header)
    : deployment(std::move(deployment_id)),
      unit(std::move(unit_name)),
      payload_header_sm3(payload_header),
      receive_key(crypto::Sm2PrivateKey::generate().value()),
      signing_key(crypto::Sm2PrivateKey::generate().value()) {}

Bytes TestGuard::request(const messages::PlatformCard& card, const messages::SealingTools& tools) {
  nonce = tools.random.hex(16);
  const messages::GrantRequest message{.deployment = deployment,
                                       .unit = unit,
                                       .pod_uid = pod_uid,
                                       .token = secret_of(token),
                                       .nonce = nonce,
                                       .receive_key = receive_key.public_key(),
                                       .signing_key = signing_key.public_key(),
                                       .payload_header_sm3 = payload_header_sm3,
                                       .guard_version = "0.1.0"};
  const auto delivery = messages::verify_card(card).value().delivery.key;
  return messages::seal_grant_request(message, delivery, signing_key, tools).value();
}

Bytes TestGuard::renewal(const messages::PlatformCard& card, const messages::SealingTools& tools, std::uint64_t calls) {
  renew_nonce = tools.random.hex(16);
  messages::Renewal message{.deployment = deployment,
                            .instance_id = instance_id,
                            .counter = ++counter,
                            .receive_key = receive_key.public_key(),
                            .events = events,
                            .calls = calls,
                            .start = start};
  if (start) message.token = secret_of(token);
  const auto delivery = messages::verify_card(card).value().delivery.key;
  return messages::seal_renewal(message, renew_nonce, delivery, signing_key, tools).value();
}

}  // namespace mifeng::platform_fixture
