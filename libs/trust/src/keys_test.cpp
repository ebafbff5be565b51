// Keys at rest, rotation, the platform card.
#include <set>

#include "mifeng/messages/card.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::trust {
namespace {

using platform_fixture::PlatformTest;

class Keys : public PlatformTest {
 protected:
  KeyInfo newest(KeyPurpose purpose) {
    KeyInfo found;
    const auto infos = platform_->keys().list(admin_).value();
    for (const auto& info : infos)
      if (info.purpose == purpose) found = info;
    return found;
  }
  Result<std::unique_ptr<platform::Platform>> open_with(std::uint8_t master_byte) {
    platform_.reset();
    SecretBytes master(32);
    for (auto& byte : master.reveal_for_writing()) byte = master_byte;
    return platform::Platform::open(options_, std::move(master), engines(), clock_, random_);
  }
};

TEST_F(Keys, SurviveARestartAndNeedTheirMasterKey) {
  const std::string before = platform_->keys().card(admin_).value();
  reopen();
  EXPECT_EQ(platform_->keys().card(admin_).value(), before);
  const auto wrong = open_with(8);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason(), "wrapped-key-does-not-fit");
  EXPECT_TRUE(open_with(7));
}

TEST_F(Keys, AWrappedKeyMovedToAnotherRowIsFound) {
  ASSERT_TRUE(platform_->keys().rotate(admin_, KeyPurpose::kDelivery));
  const auto rows = db().read([](store::Transaction& tx) { return store::all<store::KeyRow>(tx); }).value();
  const auto stored = [&](const store::KeyRow& row) {
    return db().write([&](store::Transaction& tx) { return store::update(tx, row); });
  };
  int tried = 0;
  for (const auto& from : rows)
    for (const auto& to : rows) {
      if (from.id == to.id) continue;
      store::KeyRow moved = to;
      moved.wrapped = from.wrapped;
      ASSERT_TRUE(stored(moved));
      const auto opened = open_with(7);
      ASSERT_FALSE(opened) << from.purpose << " in place of " << to.purpose;
      EXPECT_EQ(opened.error().reason(), "wrapped-key-does-not-fit");
      // With its public key and statement too: then the statement is about another key or purpose.
      moved.public_key = from.public_key;
      ASSERT_TRUE(stored(moved));
      ASSERT_FALSE(open_with(7)) << from.purpose << " with its public key in place of " << to.purpose;
      ASSERT_TRUE(stored(to));
      ++tried;
    }
  EXPECT_EQ(tried, 12);
  EXPECT_TRUE(open_with(7));
}

TEST_F(Keys, AStatementForgedInTheDatabaseIsFound) {
  auto rows = db().read([](store::Transaction& tx) { return store::keys_by_serial(tx, "output"); }).value();
  store::KeyRow forged = rows.at(0);
  const auto stranger = crypto::Sm2PrivateKey::generate().value();
  const auto statement = messages::make_key_statement({.purpose = messages::KeyPurpose::kOutput,
                                                       .key = key_from_base64(forged.public_key).value(),
                                                       .serial = 1,
                                                       .not_before_ms = 0,
                                                       .not_after_ms = std::int64_t{1} << 50},
                                                      stranger);
  forged.statement = to_base64(statement->statement);
  forged.signature = to_base64(statement->signature);
  ASSERT_TRUE(db().write([&](store::Transaction& tx) { return store::update(tx, forged); }));
  EXPECT_FALSE(open_with(7));
}

TEST_F(Keys, TheCardIsWhatReceiversVerify) {
  const auto decoded = messages::decode_card(as_bytes(platform_->keys().card(admin_).value()));
  ASSERT_TRUE(decoded);
  const auto keys = messages::verify_card(*decoded);
  ASSERT_TRUE(keys) << keys.error().message();
  EXPECT_EQ(decoded->platform, "example");
  EXPECT_EQ(decoded->identity.fingerprint(), platform_->keys().identity_fingerprint(admin_).value());
  ASSERT_TRUE(keys->output);
  EXPECT_TRUE(messages::check_in_force(*keys->output, clock_.now_ms()));
}

TEST_F(Keys, AnOutputKeyIsOnItsWayForALifetimeThenServesThenIsDestroyed) {
  const std::string first = newest(KeyPurpose::kOutput).id;
  ASSERT_EQ(*platform_->keys().housekeep(), 1) << "the next one is made as soon as one is in force";
  EXPECT_EQ(*platform_->keys().housekeep(), 0);
  const KeyInfo second = newest(KeyPurpose::kOutput);
  EXPECT_EQ(second.state, KeyState::kFuture);
  EXPECT_EQ(second.not_before_ms, clock_.now_ms() + options_.snapshot_lifetime_ms);
  clock_.advance(std::chrono::milliseconds(options_.snapshot_lifetime_ms));
  EXPECT_EQ(newest(KeyPurpose::kOutput).state, KeyState::kInForce);
  ASSERT_EQ(*platform_->keys().housekeep(), 1);
  clock_.advance(std::chrono::milliseconds(options_.snapshot_lifetime_ms + options_.lease_ms - 1));
  (void)platform_->keys().housekeep();
  const auto state_of = [&](const std::string& id) {
    const auto infos = platform_->keys().list(admin_).value();
    for (const auto& info : infos)
      if (info.id == id) return info.state;
    return KeyState::kFuture;
  };
  EXPECT_EQ(state_of(first), KeyState::kRetired);
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_GE(*platform_->keys().housekeep(), 1);
  EXPECT_EQ(state_of(first), KeyState::kDestroyed);
  const auto row = db().read([&](store::Transaction& tx) { return store::find<store::KeyRow>(tx, first); }).value();
  EXPECT_TRUE(row->wrapped.empty());
  reopen();
  EXPECT_EQ(state_of(first), KeyState::kDestroyed);
}

TEST_F(Keys, AnOutputKeyIsRotatedAtAnyTimeAndAtOnceWhereItHasToBe) {
  (void)platform_->keys().housekeep();
  const KeyInfo on_its_way = newest(KeyPurpose::kOutput);
  ASSERT_EQ(on_its_way.state, KeyState::kFuture);
  const auto asked = platform_->keys().rotate(admin_, KeyPurpose::kOutput);
  ASSERT_TRUE(asked) << asked.error().message();
  EXPECT_EQ(asked->not_before_ms, clock_.now_ms() + options_.snapshot_lifetime_ms);
  const auto at_once = platform_->keys().rotate(admin_, KeyPurpose::kOutput, KeyService::Effect::kAtOnce);
  ASSERT_TRUE(at_once) << at_once.error().message();
  EXPECT_EQ(at_once->not_before_ms, clock_.now_ms());
  const auto in_force = [&] {
    const auto decoded = messages::decode_card(as_bytes(platform_->keys().card(admin_).value()));
    return to_hex(messages::verify_card(*decoded)->output->key.key_id());
  };
  EXPECT_EQ(in_force(), at_once->id);
  // What was on its way before is never used: whoever stole the one in force has that as well.
  clock_.advance(std::chrono::milliseconds(options_.snapshot_lifetime_ms));
  EXPECT_EQ(in_force(), at_once->id);
  for (const KeyPurpose other : {KeyPurpose::kIdentity, KeyPurpose::kDelivery})
    EXPECT_EQ(platform_->keys().rotate(admin_, other, KeyService::Effect::kAtOnce).error().reason(), "not-at-once");
}

TEST_F(Keys, NothingIsDestroyedInTheFirstLeasePeriodAfterAStart) {
  (void)platform_->keys().housekeep();
  clock_.advance(std::chrono::hours(24 * 30));
  reopen();
  const auto destroyed = [&] {
    const auto infos = platform_->keys().list(admin_).value();
    return std::count_if(infos.begin(), infos.end(), [](const KeyInfo& i) { return i.state == KeyState::kDestroyed; });
  };
  (void)platform_->keys().housekeep();
  EXPECT_EQ(destroyed(), 0);
  clock_.advance(std::chrono::milliseconds(options_.lease_ms));
  (void)platform_->keys().housekeep();
  EXPECT_EQ(destroyed(), 1);
}

TEST_F(Keys, ADeliveryKeyStaysWhileAnAcceptedVersionNeedsIt) {
  add_model("acme", "digits", "1.0.0");
  const std::string old = newest(KeyPurpose::kDelivery).id;
  ASSERT_TRUE(platform_->keys().rotate(admin_, KeyPurpose::kDelivery));
  clock_.advance(std::chrono::hours(24 * 31));
  (void)platform_->keys().housekeep();
  const auto destroyed = [&] {
    const auto infos = platform_->keys().list(admin_).value();
    for (const auto& info : infos)
      if (info.id == old) return info.state == KeyState::kDestroyed;
    return false;
  };
  EXPECT_FALSE(destroyed());
  ASSERT_TRUE(db().write([](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto rows, store::all<store::ModelRow>(tx));
    rows.at(0).state = store::VersionState::kRefused;
    MIFENG_CHECK(store::update(tx, rows[0]));
    return ok();
  }));
  (void)platform_->keys().housekeep();
  EXPECT_TRUE(destroyed());
}

TEST_F(Keys, ANewIdentityKeyIsSignedByTheOldAndStatesTheOthersAgain) {
  const auto old_card = card();
  ASSERT_TRUE(platform_->keys().rotate(admin_, KeyPurpose::kIdentity));
  ASSERT_TRUE(platform_->keys().rotate(admin_, KeyPurpose::kIdentity));
  const auto new_card = card();
  EXPECT_FALSE(old_card.identity == new_card.identity);
  EXPECT_TRUE(messages::verify_card(new_card));
  messages::KeyStatements chain;
  const auto infos = platform_->keys().list(admin_).value();
  for (const auto& info : infos)
    if (info.purpose == KeyPurpose::kIdentity && !info.statement_base64.empty())
      chain.push_back({.statement = from_base64(info.statement_base64).value(),
                       .signature = from_base64(info.signature_base64).value()});
  const auto followed = messages::IdentityChain::verify(old_card.identity, chain);
  ASSERT_TRUE(followed);
  EXPECT_TRUE(followed->current() == new_card.identity);
  reopen();
  EXPECT_TRUE(messages::verify_card(card()));
}

TEST_F(Keys, OnlyAdministratorsRotate) {
  for (const Actor& actor : {operator_, auditor_, actor_with(Role::kVendor, "acme"), actor_with(Role::kCaller)})
    EXPECT_EQ(platform_->keys().rotate(actor, KeyPurpose::kOutput).error().reason(), "not-allowed");
  EXPECT_TRUE(platform_->keys().card(actor_with(Role::kCaller)));
}

}  // namespace
}  // namespace mifeng::trust
