// Gateways: enrolment, snapshots, confirmations, reports.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "mifeng/access/trial_caller.h"
#include "mifeng/base/bounds.h"
#include "mifeng/os/file.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/gateways.h"
#include "mifeng/store/grants.h"

namespace mifeng::access {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;
using platform_fixture::TestGuard;

constexpr char kFrom[] = "192.0.2.7";

class Gateways : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    receive_.emplace(crypto::Sm2PrivateKey::generate().value());
    signing_.emplace(crypto::Sm2PrivateKey::generate().value());
  }
  messages::JoinFile invite(const std::string& id = "gw-1") {
    const auto text = platform_->gateways().create_join_file(admin_, id, "http://127.0.0.1:7080", "");
    EXPECT_TRUE(text) << text.error().message();
    return messages::decode_join(as_bytes(*text)).value();
  }
  Bytes enrolment(const messages::JoinFile& join, const std::string& code = "") {
    nonce_ = random_.hex(16);
    const messages::Enrolment message{.gateway = join.gateway,
                                      .code = code.empty() ? join.code.clone() : SecretBytes(as_bytes(code)),
                                      .nonce = nonce_,
                                      .receive_key = receive_->public_key(),
                                      .signing_key = signing_->public_key(),
                                      .version = "0.1.0"};
    return messages::seal_enrolment(message, messages::verify_card(join.card).value().delivery.key, *signing_, tools())
        .value();
  }
  void enrol() {
    const auto join = invite();
    const Bytes stream = enrolment(join);
    const auto answer = platform_->gateways().enrol("gw-1", nonce_, stream, kFrom);
    ASSERT_TRUE(answer) << answer.error().message();
    serial_ = answer->serial;
  }
  messages::Snapshot open(const SealedSnapshot& snapshot) {
    auto opened = messages::open_snapshot(snapshot.stream, "gw-1", static_cast<std::uint64_t>(snapshot.serial),
                                          *receive_, card().identity, tools());
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  Result<void> report(std::uint64_t counter, std::vector<messages::ReportRow> rows, std::int64_t serial = 0,
                      std::optional<messages::GatewayTrouble> trouble = std::nullopt) {
    if (serial == 0) serial = serial_;
    const messages::Report message{.gateway = "gw-1",
                                   .serial = static_cast<std::uint64_t>(serial),
                                   .counter = counter,
                                   .from_ms = clock_.now_ms(),
                                   .to_ms = clock_.now_ms() + 10'000,
                                   .rows = std::move(rows),
                                   .trouble = std::move(trouble)};
    const Bytes stream =
        messages::seal_report(message, messages::verify_card(card()).value().delivery.key, *signing_, tools()).value();
    return platform_->gateways().report("gw-1", std::to_string(serial), stream, kFrom);
  }
  Result<void> follow(const std::string& nonce, UnixMillis time, const crypto::Sm2PrivateKey& key) {
    const Bytes signature = messages::sign_follow({.gateway = "gw-1", .nonce = nonce, .time_ms = time}, key).value();
    return platform_->gateways().authorize_follow("gw-1", nonce, std::to_string(time), to_base64(signature), kFrom);
  }

  std::optional<crypto::Sm2PrivateKey> receive_, signing_;
  std::string nonce_;
  std::int64_t serial_ = 0;
};

TEST_F(Gateways, EnrolOnceWithTheCodeAndTheSameBytesGetTheSameAnswer) {
  const auto join = invite();
  EXPECT_EQ(join.platform, "http://127.0.0.1:7080");
  const Bytes wrong = enrolment(join, "AAAA-AAAA-AAAA-AAAA-AAAA");
  EXPECT_EQ(platform_->gateways().enrol("gw-1", nonce_, wrong, kFrom).error().reason(), "refused");
  const Bytes stream = enrolment(join);
  const std::string nonce = nonce_;
  const auto first = platform_->gateways().enrol("gw-1", nonce, stream, kFrom);
  ASSERT_TRUE(first) << first.error().message();
  (void)open(*first);
  ASSERT_TRUE(platform_->callers().create(admin_, "later"));
  ASSERT_TRUE(platform_->gateways().snapshot("gw-1", first->serial));
  reopen();
  const auto again = platform_->gateways().enrol("gw-1", nonce, stream, kFrom);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->stream, first->stream);
  EXPECT_EQ(again->serial, first->serial);
  // The code is spent, for anybody else and for the same one with new keys.
  receive_.emplace(crypto::Sm2PrivateKey::generate().value());
  const Bytes second = enrolment(join);
  EXPECT_EQ(platform_->gateways().enrol("gw-1", nonce_, second, kFrom).error().reason(), "refused");
  EXPECT_EQ(platform_->gateways().create_join_file(admin_, "gw-1", "http://127.0.0.1:1", "").error().reason(),
            "gateway-exists");
}

TEST_F(Gateways, ACodeExpiresAndIsForItsGateway) {
  const auto join = invite();
  clock_.advance(std::chrono::hours(24));
  const Bytes late = enrolment(join);
  EXPECT_FALSE(platform_->gateways().enrol("gw-1", nonce_, late, kFrom));
  const auto fresh = invite();
  const Bytes stream = enrolment(fresh);
  EXPECT_FALSE(platform_->gateways().enrol("gw-2", nonce_, stream, kFrom));
  EXPECT_FALSE(platform_->gateways().enrol("gw-1", random_.hex(16), stream, kFrom));
  EXPECT_TRUE(platform_->gateways().enrol("gw-1", nonce_, stream, kFrom));
}

TEST_F(Gateways, WhoeverGuessesHoldsUpHimselfAlone) {
  const auto join = invite();
  for (int i = 0; i < 20; ++i) {
    const Bytes wrong = enrolment(join, "AAAA-AAAA-AAAA-AAAA-AAAA");
    ASSERT_EQ(platform_->gateways().enrol("gw-1", nonce_, wrong, kFrom).error().reason(), "refused");
  }
  const Bytes stream = enrolment(join);
  EXPECT_EQ(platform_->gateways().enrol("gw-1", nonce_, stream, kFrom).error().reason(), "too-many-requests");
  const auto first = platform_->gateways().enrol("gw-1", nonce_, stream, "192.0.2.8");
  ASSERT_TRUE(first);
  // Its answer was lost, and somebody at its own address has used up what is left.
  for (int i = 0; i < 25; ++i) (void)platform_->gateways().enrol("gw-1", nonce_, Bytes(600, 'x'), "192.0.2.8");
  const auto again = platform_->gateways().enrol("gw-1", nonce_, stream, "192.0.2.8");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->stream, first->stream);
}

TEST_F(Gateways, OfNamesThatNobodyInvitedNothingIsWrittenButASum) {
  const auto join = invite();
  const Bytes stream = enrolment(join);
  for (int i = 0; i < 50; ++i) {
    const std::string name = "made-up-" + std::to_string(i);
    EXPECT_EQ(platform_->gateways().enrol(name, nonce_, stream, kFrom).error().reason(), "refused");
    EXPECT_FALSE(platform_->gateways().authorize_follow(name, nonce_, "1", "AAAA", kFrom));
    EXPECT_FALSE(platform_->gateways().report(name, "1", stream, kFrom));
  }
  trust::AuditQuery query;
  query.action = "gateway.refuse-enrolment";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 0);
  ASSERT_TRUE(platform_->housekeep());
  ASSERT_TRUE(platform_->housekeep());
  const auto told = platform_->audit().list(auditor_, query, {}).value();
  ASSERT_EQ(told.total, 1);
  EXPECT_EQ(told.items[0].outcome, "strangers");
  EXPECT_NE(told.items[0].detail.find("50 more"), std::string::npos) << told.items[0].detail;
  EXPECT_NE(told.items[0].detail.find(kFrom), std::string::npos) << told.items[0].detail;
  query.action = "gateway.refuse-report";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 1);
  // Of one that is invited a few a minute are told one by one.
  for (int i = 0; i < 15; ++i) (void)platform_->gateways().enrol("gw-1", nonce_, Bytes(600, 'x'), kFrom);
  query.action = "gateway.refuse-enrolment";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 11);
  clock_.advance(std::chrono::minutes(1));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 12);
}

TEST_F(Gateways, JoinFilesAreForAdministratorsAndWellFormed) {
  EXPECT_EQ(platform_->gateways().create_join_file(operator_, "gw", "http://127.0.0.1:1", "").error().reason(),
            "not-allowed");
  EXPECT_FALSE(platform_->gateways().create_join_file(admin_, "GW", "http://127.0.0.1:1", ""));
  EXPECT_FALSE(platform_->gateways().create_join_file(admin_, "gw", "ftp://x", ""));
  EXPECT_EQ(platform_->gateways().create_join_file(admin_, "gw", "https://a", "no certificate").error().reason(),
            "bad-certificate");
  EXPECT_TRUE(platform_->gateways().list(admin_)->empty()) << "a refused one leaves no gateway";
}

TEST_F(Gateways, ASnapshotSaysWhatIsToBeServed) {
  const std::string version = add_model("acme", "digits", "1.0.0", 2);
  const std::string deployment = add_deployment("digits", version, 2);
  ASSERT_TRUE(platform_->reconciler().run_once());
  RouteInput route;
  route.name = "digits";
  route.prefix = "/digits";
  route.forward = "mifeng://" + deployment;
  route.calls_per_minute = 600;
  route.calls_at_once = 8;
  route.seconds_max = 300;
  const auto made = platform_->routes().create(operator_, route);
  ASSERT_TRUE(made) << made.error().message();
  route.prefix = "/off";
  route.enabled = false;
  ASSERT_TRUE(platform_->routes().create(operator_, route));
  const auto caller = platform_->callers().create(operator_, "ward").value();
  const auto off = platform_->callers().create(operator_, "off").value();
  const auto second = platform_->callers().add_key(operator_, caller.caller.id, {.name = "second"}).value();
  ASSERT_TRUE(platform_->callers().set_enabled(operator_, off.caller.id, false));
  enrol();
  const auto before = open(platform_->gateways().snapshot("gw-1", 0).value());
  EXPECT_TRUE(before.endpoints.empty()) << "no replica was granted yet";
  crypto::Sm3Digest header{};
  const Bytes bytes = from_hex(platform_->models().get(admin_, version)->payload_header_sm3).value();
  std::copy(bytes.begin(), bytes.end(), header.begin());
  TestGuard guard(deployment, FakeEngine::unit_name(deployment, 1), header);
  const Bytes request = guard.request(card(), tools());
  ASSERT_TRUE(platform_->grants().grant(peer_of(deployment, 1), deployment, guard.nonce, request));
  const auto granted = open(platform_->gateways().snapshot("gw-1", static_cast<std::int64_t>(before.serial)).value());
  EXPECT_EQ(granted.instances.size(), 1u) << "what it signs can be opened";
  EXPECT_TRUE(granted.endpoints.empty()) << "and nobody is sent there before it is ready";
  engine_.set(FakeEngine::unit_name(deployment, 1), cluster::UnitState::kRunning, true);
  ASSERT_TRUE(platform_->reconciler().run_once());
  const auto after = platform_->gateways().snapshot("gw-1", static_cast<std::int64_t>(granted.serial)).value();
  ASSERT_GT(after.serial, static_cast<std::int64_t>(granted.serial));
  const auto snapshot = open(after);
  // A slow answer of its health port sends nobody away; its end does.
  engine_.set(FakeEngine::unit_name(deployment, 1), cluster::UnitState::kRunning, false, "does not answer");
  ASSERT_TRUE(platform_->reconciler().run_once());
  const auto slow = open(platform_->gateways().snapshot("gw-1", after.serial).value());
  EXPECT_EQ(slow.endpoints.size(), 2u);
  engine_.set(FakeEngine::unit_name(deployment, 1), cluster::UnitState::kExited, false, "it ended");
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(
      open(platform_->gateways().snapshot("gw-1", static_cast<std::int64_t>(slow.serial)).value()).endpoints.empty());
  ASSERT_EQ(snapshot.routes.size(), 1u);
  EXPECT_EQ(snapshot.routes[0].id, made->id);
  EXPECT_FALSE(snapshot.routes[0].callers);
  EXPECT_EQ(snapshot.routes[0].calls_per_minute, 600u);
  EXPECT_EQ(snapshot.routes[0].calls_at_once, 8u);
  EXPECT_EQ(snapshot.routes[0].seconds_max, 300u);
  ASSERT_EQ(snapshot.callers.size(), 2u) << "once for each key";
  std::set<crypto::Sm3Digest> digests;
  for (const auto& one : snapshot.callers) {
    EXPECT_EQ(one.id, caller.caller.id);
    digests.insert(one.key_sm3);
  }
  EXPECT_EQ(digests, (std::set{crypto::sm3(as_bytes(caller.key)), crypto::sm3(as_bytes(second.key))}));
  ASSERT_EQ(snapshot.instances.size(), 1u);
  EXPECT_TRUE(snapshot.instances[0].signing_key == guard.signing_key.public_key());
  ASSERT_EQ(snapshot.endpoints.size(), 2u);
  EXPECT_EQ(snapshot.endpoints[0].port, "p0");
  EXPECT_EQ(snapshot.endpoints[0].addresses, std::vector<std::string>{"127.0.0.1:30002"});
  EXPECT_EQ(snapshot.output_keys.size(), 1u);
  ASSERT_TRUE(platform_->deployments().remove(operator_, deployment));
  const auto last = open(platform_->gateways().snapshot("gw-1", after.serial).value());
  EXPECT_TRUE(last.instances.empty());
  EXPECT_TRUE(last.endpoints.empty());
  EXPECT_TRUE(last.routes.empty());
}

TEST_F(Gateways, SerialsRiseAlsoOverARestoredDatabaseAndAClockSetBack) {
  enrol();
  EXPECT_EQ(platform_->gateways().snapshot("gw-1", serial_)->serial, 0) << "nothing has changed";
  ASSERT_TRUE(platform_->callers().create(admin_, "a"));
  const auto next = platform_->gateways().snapshot("gw-1", serial_).value();
  EXPECT_GT(next.serial, serial_);
  clock_.advance(-std::chrono::hours(1));
  ASSERT_TRUE(platform_->callers().create(admin_, "b"));
  const auto back = platform_->gateways().snapshot("gw-1", next.serial).value();
  EXPECT_EQ(back.serial, next.serial + 1);
  // The gateway has a higher one than this (restored) platform remembers.
  const auto restored = platform_->gateways().snapshot("gw-1", back.serial + 1000).value();
  EXPECT_GT(restored.serial, back.serial + 1000);
  (void)open(restored);
}

TEST_F(Gateways, ASnapshotIsMadeAnewAtHalfOfItsLifetime) {
  enrol();
  clock_.advance(std::chrono::hours(11));
  EXPECT_EQ(platform_->gateways().snapshot("gw-1", serial_)->serial, 0);
  clock_.advance(std::chrono::hours(1));
  const auto renewed = platform_->gateways().snapshot("gw-1", serial_).value();
  EXPECT_GT(renewed.serial, serial_);
  EXPECT_EQ(renewed.expires_ms, clock_.now_ms() + options_.snapshot_lifetime_ms);
}

TEST_F(Gateways, FollowingIsSignedFreshAndOnce) {
  enrol();
  const UnixMillis now = clock_.now_ms();
  const std::string nonce = random_.hex(16);
  ASSERT_TRUE(follow(nonce, now, *signing_));
  EXPECT_EQ(follow(nonce, now, *signing_).error().reason(), "refused") << "replayed";
  EXPECT_FALSE(follow(random_.hex(16), now - 2 * 60'000 - 1, *signing_));
  EXPECT_FALSE(follow(random_.hex(16), now + 2 * 60'000 + 1, *signing_));
  EXPECT_FALSE(follow(random_.hex(16), now, *receive_)) << "another key";
  EXPECT_FALSE(platform_->gateways().authorize_follow("gw-9", nonce, std::to_string(now), "AAAA", kFrom));
  EXPECT_FALSE(platform_->gateways().authorize_follow("gw-1", random_.hex(16), "yesterday", "AAAA", kFrom));
  EXPECT_FALSE(platform_->gateways().snapshot("gw-9", 0));
  EXPECT_TRUE(follow(random_.hex(16), now + 60'000, *signing_));
}

TEST_F(Gateways, AnInstanceIsListedOnceEveryFollowerHasConfirmed) {
  const std::string version = add_model("acme", "digits", "1.0.0");
  const std::string deployment = add_deployment("digits", version);
  ASSERT_TRUE(platform_->reconciler().run_once());
  enrol();
  platform_->gateways().follow_opened("gw-1");
  crypto::Sm3Digest header{};
  const Bytes bytes = from_hex(platform_->models().get(admin_, version)->payload_header_sm3).value();
  std::copy(bytes.begin(), bytes.end(), header.begin());
  TestGuard guard(deployment, FakeEngine::unit_name(deployment, 0), header);
  const Bytes request = guard.request(card(), tools());
  const Bytes answer = platform_->grants().grant(peer_of(deployment), deployment, guard.nonce, request).value();
  guard.instance_id =
      messages::open_grant(answer, deployment, guard.nonce, guard.receive_key, card().identity, tools())->instance_id;
  const auto listed = [&] {
    const Bytes stream = guard.renewal(card(), tools());
    const Bytes reply = platform_->grants().renew(peer_of(deployment), deployment, guard.renew_nonce, stream).value();
    return messages::open_renewed(reply, deployment, guard.renew_nonce, guard.receive_key, card().identity, tools())
        ->terms->listed;
  };
  EXPECT_FALSE(listed());
  ASSERT_TRUE(report(0, {})) << "confirms the old snapshot";
  EXPECT_FALSE(listed());
  const auto next = platform_->gateways().snapshot("gw-1", serial_).value();
  EXPECT_FALSE(listed());
  ASSERT_TRUE(report(0, {}, next.serial));
  EXPECT_TRUE(listed());
  ASSERT_TRUE(report(0, {}, serial_)) << "an older one takes nothing back";
  EXPECT_TRUE(listed());
  EXPECT_EQ(platform_->gateways().list(admin_)->at(0).serial_confirmed, next.serial);
  EXPECT_TRUE(platform_->gateways().list(admin_)->at(0).connected);
  const events::Place before = platform_->events().now();
  platform_->gateways().follow_closed("gw-1");
  EXPECT_FALSE(platform_->gateways().list(admin_)->at(0).connected);
  const auto told = platform_->events().after(before, events::Sight(admin_)).changes;
  ASSERT_EQ(told.size(), 1u) << "no table says who follows";
  EXPECT_EQ(told[0].kind, events::Kind::kGateways);
  EXPECT_EQ(told[0].id, "gw-1");
}

TEST_F(Gateways, UsageIsASeriesWithoutGaps) {
  ASSERT_TRUE(db().write([](store::Transaction& tx) -> Result<void> {
    const auto add = [&](const char* deployment, std::int64_t hour, std::int64_t calls) {
      return store::add_usage(
          tx,
          {.deployment_id = deployment, .hour_ms = hour * kUsageHourMs, .calls = calls, .errors = 1, .refusals = 2});
    };
    MIFENG_CHECK(add("a", 5, 10));
    MIFENG_CHECK(add("b", 5, 20));
    MIFENG_CHECK(add("a", 7, 30));
    return add("a", 30, 40);
  }));
  const auto calls = [&](const SeriesQuery& query) {
    std::vector<std::int64_t> all;
    const auto steps = platform_->gateways().usage_series(operator_, query).value();
    for (const auto& step : steps) all.push_back(step.calls);
    return all;
  };
  SeriesQuery query{.from_ms = 4 * kUsageHourMs, .to_ms = 8 * kUsageHourMs};
  EXPECT_EQ(calls(query), (std::vector<std::int64_t>{0, 30, 0, 30}));
  const auto steps = platform_->gateways().usage_series(operator_, query).value();
  EXPECT_EQ(steps[1].from_ms, 5 * kUsageHourMs);
  EXPECT_EQ(steps[1].errors, 2);
  EXPECT_EQ(steps[1].refusals, 4);
  // What begins before is left out, and the hour that is on is in.
  query.from_ms += 1;
  query.to_ms -= 1;
  EXPECT_EQ(calls(query), (std::vector<std::int64_t>{30, 0, 30}));
  query.deployment_id = "b";
  EXPECT_EQ(calls(query), (std::vector<std::int64_t>{20, 0, 0}));
  // By days, which begin where people live.
  SeriesQuery days{.step_ms = kUsageDayMs, .from_ms = 0, .to_ms = 2 * kUsageDayMs};
  EXPECT_EQ(calls(days), (std::vector<std::int64_t>{60, 40}));
  days.day_begins_ms = 6 * kUsageHourMs;
  EXPECT_EQ(calls(days), (std::vector<std::int64_t>{30, 40}));
  // None of a model that has no deployment, and none where the time is over before it begins.
  EXPECT_EQ(calls({.vendor_id = "acme", .model = "digits", .from_ms = 0, .to_ms = 2 * kUsageHourMs}),
            (std::vector<std::int64_t>{0, 0}));
  EXPECT_EQ(calls({.from_ms = 8 * kUsageHourMs, .to_ms = 4 * kUsageHourMs}), std::vector<std::int64_t>());
  EXPECT_EQ(platform_->gateways()
                .usage_series(operator_, {.from_ms = 0, .to_ms = (kUsageStepsMax + 1) * kUsageHourMs})
                .error()
                .reason(),
            "too-many-steps");
}

TEST_F(Gateways, ReportsAreCountedOnceAndRefusalsAreWrittenDown) {
  enrol();
  messages::ReportRow row{
      .deployment = "digits-1", .instance = "in-1", .calls = 100, .errors = 2, .refusals = {{"bad-tag", 3}}};
  ASSERT_TRUE(report(1, {row}));
  ASSERT_TRUE(report(1, {row})) << "again, because its answer was lost";
  ASSERT_TRUE(report(2, {row}));
  EXPECT_EQ(report(1, {row}).error().reason(), "refused");
  EXPECT_FALSE(report(0, {row})) << "a confirmation has no rows";
  const auto usage = platform_->gateways().usage(operator_, 0, clock_.now_ms() + 1).value();
  ASSERT_EQ(usage.size(), 1u);
  EXPECT_EQ(usage[0].calls, 200);
  EXPECT_EQ(usage[0].errors, 4);
  EXPECT_EQ(usage[0].refusals, 6);
  trust::AuditQuery query;
  query.action = "answer.refuse";
  const auto entries = platform_->audit().list(auditor_, query, {}).value();
  ASSERT_EQ(entries.total, 2);
  EXPECT_EQ(entries.items[0].outcome, "bad-tag");
  // Signed by another key.
  signing_.emplace(crypto::Sm2PrivateKey::generate().value());
  EXPECT_FALSE(report(9, {row}));
}

TEST_F(Gateways, OneThatDoesNotServeAllOfItsSnapshotIsShownUntilItDoes) {
  enrol();
  const auto shown = [&] { return platform_->gateways().list(operator_).value().at(0); };
  ASSERT_TRUE(report(1, {}));
  EXPECT_EQ(shown().trouble, "");
  const UnixMillis since = clock_.now_ms();
  const messages::GatewayTrouble trouble{messages::kEntriesLeftOut, "route r-2: its prefix is that of route r-1"};
  ASSERT_TRUE(report(2, {}, 0, trouble));
  clock_.advance(std::chrono::seconds(10));
  ASSERT_TRUE(report(3, {}, 0, trouble));
  EXPECT_EQ(shown().trouble, "entries-left-out");
  EXPECT_EQ(shown().trouble_detail, trouble.detail);
  EXPECT_EQ(shown().trouble_ms, since);
  trust::AuditQuery query;
  query.action = "gateway.trouble";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 1) << "as it begins, not with each report";
  EXPECT_FALSE(report(1, {}, 0, std::nullopt)) << "an old report, once more";
  EXPECT_EQ(shown().trouble, "entries-left-out");
  ASSERT_TRUE(report(0, {})) << "a confirmation says nothing of it";
  EXPECT_EQ(shown().trouble, "entries-left-out");
  ASSERT_TRUE(report(4, {}));
  EXPECT_EQ(shown().trouble, "");
  EXPECT_EQ(shown().trouble_ms, 0);
}

TEST_F(Gateways, ARevokedOneGetsNothingAndTheOutputKeyChanges) {
  enrol();
  const auto before = open(platform_->gateways().snapshot("gw-1", 0).value());
  EXPECT_EQ(platform_->gateways().revoke(operator_, "gw-1").error().reason(), "not-allowed");
  ASSERT_TRUE(platform_->gateways().revoke(admin_, "gw-1"));
  EXPECT_FALSE(platform_->gateways().snapshot("gw-1", 0));
  EXPECT_FALSE(follow(random_.hex(16), clock_.now_ms(), *signing_));
  EXPECT_FALSE(report(1, {}));
  const auto keys = messages::verify_card(card()).value();
  for (const auto& known : before.output_keys) EXPECT_FALSE(known.private_key.public_key() == keys.output->key);
}

TEST_F(Gateways, OneThatWasOnlyInvitedCostsNoKeyHoweverOftenItIsRevoked) {
  const auto output_keys = [&] {
    return db().read([](store::Transaction& tx) { return store::keys_by_serial(tx, "output"); }).value().size();
  };
  const std::size_t before = output_keys();
  (void)invite("gw-2");
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(platform_->gateways().revoke(admin_, "gw-2")) << i;
  EXPECT_EQ(output_keys(), before);
  trust::AuditQuery query;
  query.action = "gateway.revoke";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {}).value().total, 1);
  EXPECT_EQ(platform_->gateways().revoke(admin_, "gw-3").error().code(), ErrorCode::kNotFound);
  enrol();
  ASSERT_TRUE(platform_->gateways().revoke(admin_, "gw-1"));
  ASSERT_TRUE(platform_->gateways().revoke(admin_, "gw-1"));
  EXPECT_EQ(output_keys(), before + 1) << "one that had the keys costs one";
}

TEST_F(Gateways, HoweverManyAreRevokedTheOthersTakeTheirSnapshot) {
  enrol();
  const auto in_force = [&] { return messages::verify_card(card()).value().output->key; };
  for (int i = 0; i < 70; ++i) {
    const std::string name = "other-" + std::to_string(i);
    const auto join = invite(name);
    const Bytes stream = enrolment(join);
    ASSERT_TRUE(platform_->gateways().enrol(name, nonce_, stream, kFrom)) << i;
    const auto former = in_force();
    ASSERT_TRUE(platform_->gateways().revoke(admin_, name)) << i;
    ASSERT_FALSE(in_force() == former) << i;
  }
  const auto snapshot = open(platform_->gateways().snapshot("gw-1", serial_).value());
  EXPECT_EQ(snapshot.output_keys.size(), messages::kOutputKeysMax);
  const bool has_it = std::ranges::any_of(snapshot.output_keys, [&](const messages::SnapshotOutputKey& key) {
    return key.private_key.public_key() == in_force();
  });
  EXPECT_TRUE(has_it);
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_LE(open(platform_->gateways().snapshot("gw-1", 0).value()).output_keys.size(), messages::kOutputKeysMax);
}

// Whether any part of it stands in a file of the data folder: a long value lies in several pages.
bool stands_in_files(const std::filesystem::path& folder, const std::string& value) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const Bytes content = read_file(entry.path(), 1 << 30).value();
    for (std::size_t at = 0; at + 40 <= value.size(); at += 40)
      if (as_text(content).find(value.substr(at, 40)) != std::string_view::npos) return true;
  }
  return false;
}

TEST_F(Gateways, ADestroyedOutputKeyStandsInNoFileNorInAnOldSnapshot) {
  enrol();
  const auto gateway = [&] {
    return *db().read([](store::Transaction& tx) { return store::find<store::GatewayRow>(tx, "gw-1"); }).value();
  };
  const auto first_key = db().read([](store::Transaction& tx) { return store::keys_by_serial(tx, "output"); }).value();
  const std::string wrapped = first_key.at(0).wrapped, snapshot = gateway().snapshot;
  ASSERT_GE(wrapped.size(), 40u);
  ASSERT_GE(snapshot.size(), 40u);
  ASSERT_TRUE(stands_in_files(options_.data_dir, wrapped)) << "or the search finds nothing at all";
  ASSERT_TRUE(stands_in_files(options_.data_dir, snapshot));
  // A gateway that was enrolled and never heard of again.
  for (int i = 0; i < 4; ++i) {
    clock_.advance(std::chrono::milliseconds(options_.snapshot_lifetime_ms + options_.lease_ms));
    ASSERT_TRUE(platform_->housekeep());
  }
  const auto keys = db().read([](store::Transaction& tx) { return store::keys_by_serial(tx, "output"); }).value();
  ASSERT_NE(keys.at(0).destroyed_ms, 0);
  EXPECT_FALSE(stands_in_files(options_.data_dir, wrapped));
  EXPECT_FALSE(stands_in_files(options_.data_dir, snapshot));
  EXPECT_TRUE(gateway().enrolment_answer.empty());
  // It goes on where it comes back.
  EXPECT_GT(platform_->gateways().snapshot("gw-1", serial_).value().serial, serial_);
}

TEST_F(Gateways, TheFirstAnswerIsKeptUntilItFollows) {
  enrol();
  const auto kept = [&] {
    return db()
        .read([](store::Transaction& tx) { return store::find<store::GatewayRow>(tx, "gw-1"); })
        .value()
        ->enrolment_answer;
  };
  EXPECT_FALSE(kept().empty());
  ASSERT_TRUE(follow(random_.hex(16), clock_.now_ms(), *signing_));
  EXPECT_TRUE(kept().empty());
}

TEST_F(Gateways, WhoeverTriesARouteIsACallerOfItForAWhile) {
  options_.gateway_url = "http://127.0.0.1:1";  // nobody is there
  reopen();
  const std::string deployment = add_deployment("digits", add_model("acme", "digits", "1.0.0"));
  const auto ward = platform_->callers().create(operator_, "ward").value().caller.id;
  const auto add = [&](const std::string& prefix, std::vector<std::string> callers) {
    RouteInput route;
    route.name = route.prefix = prefix;
    route.forward = "mifeng://" + deployment;
    route.callers = std::move(callers);
    return platform_->routes().create(operator_, route).value().id;
  };
  const std::string tried = add("/tried", {ward}), other = add("/other", {ward});
  std::vector<std::string> many(bounds::kRouteCallersMax, ward);
  const std::string full = add("/full", many);
  enrol();
  const auto now = [&] { return open(platform_->gateways().snapshot("gw-1", 0).value()); };
  EXPECT_EQ(now().callers.size(), 1u);
  net::BlockingPool pool("pool", 1, 8);
  const auto try_it = [&](const std::string& route) {
    trials::TrialRequest request{.way = trials::TrialWay::kGateway, .route_id = route, .method = "GET"};
    const auto tried_now =
        net::run_to_result<trials::Trial>([&] { return platform_->trials().run(operator_, request, pool, pool); });
    EXPECT_EQ(tried_now.error().reason(), "gateway-away");
  };
  try_it(tried);
  try_it(full);
  const auto snapshot = now();
  ASSERT_EQ(snapshot.callers.size(), 2u);
  EXPECT_EQ(snapshot.callers[1].id, kTrialCaller);
  const auto callers_of = [](const messages::Snapshot& of, const std::string& id) {
    for (const auto& route : of.routes)
      if (route.id == id && route.callers) return *route.callers;
    return std::vector<std::string>();
  };
  EXPECT_EQ(callers_of(snapshot, tried), (std::vector<std::string>{ward, kTrialCaller}));
  EXPECT_EQ(callers_of(snapshot, other), std::vector<std::string>{ward});
  EXPECT_EQ(callers_of(snapshot, full).size(), bounds::kRouteCallersMax) << "gateways take no more";
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(now().callers.size(), 2u);
  clock_.advance(std::chrono::minutes(10));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(now().callers.size(), 1u);
  EXPECT_EQ(callers_of(now(), tried), std::vector<std::string>{ward});
}

TEST_F(Gateways, SubscribersAreToldAndCanLeave) {
  int told = 0;
  auto subscription = platform_->gateways().subscribe([&] { ++told; });
  ASSERT_TRUE(platform_->callers().create(admin_, "a"));
  EXPECT_EQ(told, 1);
  subscription.reset();
  ASSERT_TRUE(platform_->callers().create(admin_, "b"));
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace mifeng::access
