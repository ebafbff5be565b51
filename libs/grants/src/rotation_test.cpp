// Keys that change while models run: what guards, gateways and packages with a former card get.
#include <algorithm>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/grants.h"

namespace mifeng::grants {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;
using platform_fixture::TestGuard;

class Rotation : public PlatformTest {
 protected:
  void SetUp() override {
    options_.lease_ms = 10'000;
    options_.renew_ms = 1'000;
    options_.snapshot_lifetime_ms = 60'000;
    options_.output_key_lifetime_ms = 3'600'000;
    options_.delivery_key_grace_ms = 120'000;
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    deployment_ = add_deployment("digits", version_);
    ASSERT_TRUE(platform_->reconciler().run_once());
  }
  std::string newest(trust::KeyPurpose purpose) {
    std::string id;
    const auto infos = platform_->keys().list(admin_).value();
    for (const auto& info : infos)
      if (info.purpose == purpose) id = info.id;
    return id;
  }
  trust::KeyState state_of(const std::string& id) {
    const auto infos = platform_->keys().list(admin_).value();
    for (const auto& info : infos)
      if (info.id == id) return info.state;
    ADD_FAILURE() << "no key " << id;
    return trust::KeyState::kDestroyed;
  }
  TestGuard guard() {
    const auto model = platform_->models().get(admin_, version_).value();
    crypto::Sm3Digest digest{};
    const Bytes bytes = from_hex(model.payload_header_sm3).value();
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return TestGuard(deployment_, FakeEngine::unit_name(deployment_, 0), digest);
  }
  Result<messages::Grant> ask(TestGuard& guard, const messages::PlatformCard& card) {
    const Bytes request = guard.request(card, tools());
    MIFENG_TRY(const Bytes answer, platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, request));
    auto grant = messages::open_grant(answer, deployment_, guard.nonce, guard.receive_key, card.identity, tools());
    if (grant) guard.instance_id = grant->instance_id;
    return grant;
  }
  Result<messages::Renewed> renew(TestGuard& guard, const messages::PlatformCard& card) {
    const Bytes stream = guard.renewal(card, tools());
    MIFENG_TRY(const Bytes answer,
               platform_->grants().renew(peer_of(deployment_), deployment_, guard.renew_nonce, stream));
    return messages::open_renewed(answer, deployment_, guard.renew_nonce, guard.receive_key, card.identity, tools());
  }
  std::string sealed_to(TestGuard& guard, const messages::PlatformCard& card) {
    auto renewed = renew(guard, card);
    EXPECT_TRUE(renewed) << renewed.error().message();
    EXPECT_TRUE(renewed && renewed->terms) << "it is not known any more";
    return renewed && renewed->terms ? to_hex(renewed->terms->output_key.key_id()) : "";
  }
  // What a gateway that was invited with this card holds after each change.
  struct TestGateway {
    messages::JoinFile join;
    crypto::Sm2PrivateKey receive = crypto::Sm2PrivateKey::generate().value();
    crypto::Sm2PrivateKey sign = crypto::Sm2PrivateKey::generate().value();
    std::int64_t serial = 0;
    std::uint64_t counter = 0;
  };
  TestGateway join(const std::string& id) {
    const auto text = platform_->gateways().create_join_file(admin_, id, "http://127.0.0.1:1", "").value();
    TestGateway gateway{.join = messages::decode_join(as_bytes(text)).value()};
    const std::string nonce = random_.hex(16);
    const messages::Enrolment message{.gateway = id,
                                      .code = gateway.join.code.clone(),
                                      .nonce = nonce,
                                      .receive_key = gateway.receive.public_key(),
                                      .signing_key = gateway.sign.public_key(),
                                      .version = "0.1.0"};
    const auto delivery = messages::verify_card(gateway.join.card).value().delivery.key;
    const Bytes stream = messages::seal_enrolment(message, delivery, gateway.sign, tools()).value();
    EXPECT_TRUE(platform_->gateways().enrol(id, nonce, stream, "192.0.2.7"));
    return gateway;
  }
  std::set<std::string> keys_of(TestGateway& gateway) {
    const std::string& id = gateway.join.gateway;
    std::set<std::string> held;
    const auto got = platform_->gateways().snapshot(id, 0);
    EXPECT_TRUE(got) << got.error().message();
    if (!got) return held;
    gateway.serial = got->serial;
    const auto opened = messages::open_snapshot(got->stream, id, static_cast<std::uint64_t>(got->serial),
                                                gateway.receive, gateway.join.card.identity, tools());
    EXPECT_TRUE(opened) << opened.error().message();
    if (opened)
      for (const auto& key : opened->output_keys) held.insert(to_hex(key.private_key.public_key().key_id()));
    return held;
  }
  Result<void> report(TestGateway& gateway) {
    const messages::Report message{.gateway = gateway.join.gateway,
                                   .serial = static_cast<std::uint64_t>(gateway.serial),
                                   .counter = ++gateway.counter,
                                   .from_ms = clock_.now_ms(),
                                   .to_ms = clock_.now_ms(),
                                   .rows = {{deployment_, "", 1, 0, {}}},
                                   .trouble = std::nullopt};
    const auto delivery = messages::verify_card(gateway.join.card).value().delivery.key;
    const Bytes stream = messages::seal_report(message, delivery, gateway.sign, tools()).value();
    return platform_->gateways().report(gateway.join.gateway, std::to_string(gateway.serial), stream, "192.0.2.7");
  }
  void pass(UnixMillis ms) { clock_.advance(std::chrono::milliseconds(ms)); }

  std::string version_, deployment_;
};

TEST_F(Rotation, AGuardSealsToTheNewOutputKeyFromItsNotBeforeAndTheOldOneIsDestroyedAfterItsTime) {
  const auto old_card = card();
  TestGateway gateway = join("gw-1");
  TestGuard guard = Rotation::guard();
  ASSERT_TRUE(ask(guard, old_card));
  const std::string old = newest(trust::KeyPurpose::kOutput);
  ASSERT_EQ(keys_of(gateway), std::set<std::string>{old});

  const auto rotated = platform_->keys().rotate(admin_, trust::KeyPurpose::kOutput);
  ASSERT_TRUE(rotated) << rotated.error().message();
  EXPECT_EQ(rotated->not_before_ms, clock_.now_ms() + options_.snapshot_lifetime_ms);
  // At once with the gateways; with the guards only when its time has come.
  EXPECT_EQ(keys_of(gateway), (std::set<std::string>{old, rotated->id}));
  EXPECT_EQ(sealed_to(guard, old_card), old);
  pass(options_.snapshot_lifetime_ms - 1);
  EXPECT_EQ(sealed_to(guard, old_card), old);
  pass(1);
  EXPECT_EQ(sealed_to(guard, old_card), rotated->id);

  // A guard that could not renew may have sealed to it for a lease, and a gateway that is cut off may open for a
  // snapshot's lifetime what was sealed then.
  pass(options_.lease_ms + options_.snapshot_lifetime_ms - 1);
  ASSERT_TRUE(platform_->keys().housekeep());
  EXPECT_EQ(state_of(old), trust::KeyState::kRetired);
  EXPECT_TRUE(keys_of(gateway).contains(old));
  pass(1);
  ASSERT_TRUE(platform_->keys().housekeep());
  EXPECT_EQ(state_of(old), trust::KeyState::kDestroyed);
  EXPECT_FALSE(keys_of(gateway).contains(old));
  EXPECT_TRUE(keys_of(gateway).contains(rotated->id));
  const auto row = db().read([&](store::Transaction& tx) { return store::find<store::KeyRow>(tx, old); }).value();
  EXPECT_TRUE(row->wrapped.empty()) << "its private half is gone from the database";
  EXPECT_EQ(sealed_to(guard, old_card), rotated->id);
}

TEST_F(Rotation, GuardsAndGatewaysWithAFormerCardGoOnThroughEveryChange) {
  const auto old_card = card();
  TestGateway gateway = join("gw-1");
  TestGuard running = guard();
  ASSERT_TRUE(ask(running, old_card));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kIdentity));
    ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kDelivery));
    reopen();
    EXPECT_FALSE(sealed_to(running, old_card).empty());
    EXPECT_FALSE(keys_of(gateway).empty());
    EXPECT_TRUE(report(gateway));
    // A container that starts now, from the image with the former card.
    TestGuard fresh = guard();
    const auto granted = ask(fresh, old_card);
    ASSERT_TRUE(granted) << granted.error().message();
    EXPECT_EQ(granted->identity_chain.size(), static_cast<std::size_t>(i) + 1);
    running = std::move(fresh);
    pass(1000);
  }
  EXPECT_FALSE(old_card.identity == card().identity);
}

TEST_F(Rotation, APackageForTheFormerCardIsDeployedAndItsDeliveryKeyStaysAsLongAsItIsNeeded) {
  const std::string old = newest(trust::KeyPurpose::kDelivery);
  const auto old_card = card();
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kDelivery));
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kIdentity));
  const std::string later = add_deployment("later", version_);
  EXPECT_FALSE(later.empty());
  pass(options_.delivery_key_grace_ms * 2);
  ASSERT_TRUE(platform_->keys().housekeep());
  EXPECT_EQ(state_of(old), trust::KeyState::kRetired) << "an accepted version needs it";
  TestGuard guard = Rotation::guard();
  EXPECT_TRUE(ask(guard, old_card));
}

TEST_F(Rotation, ADeliveryKeyThatAGatewaysCardHasIsNotDestroyedBeforeTheGatewayIsRevoked) {
  const std::string old = newest(trust::KeyPurpose::kDelivery);
  TestGateway gateway = join("gw-1");
  pass(1);
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kDelivery));
  // No version needs it.
  ASSERT_TRUE(db().write([](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto rows, store::all<store::ModelRow>(tx));
    for (auto& row : rows) {
      row.state = store::VersionState::kRefused;
      MIFENG_CHECK(store::update(tx, row));
    }
    return ok();
  }));
  pass(options_.delivery_key_grace_ms * 2);
  ASSERT_TRUE(platform_->keys().housekeep());
  EXPECT_EQ(state_of(old), trust::KeyState::kRetired);
  EXPECT_FALSE(keys_of(gateway).empty());
  EXPECT_TRUE(report(gateway)) << "its reports are sealed to the delivery key of its card";
  ASSERT_TRUE(platform_->gateways().revoke(admin_, "gw-1"));
  ASSERT_TRUE(platform_->keys().housekeep());
  EXPECT_EQ(state_of(old), trust::KeyState::kDestroyed);
}

}  // namespace
}  // namespace mifeng::grants
