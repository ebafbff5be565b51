// Grants, renewals, and what an attacker may try with them.
#include <unistd.h>

#include "mifeng/platform_fixture/platform_test.h"

namespace mifeng::grants {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;
using platform_fixture::TestGuard;

class Grants : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    deployment_ = add_deployment("digits", version_);
    ASSERT_TRUE(platform_->reconciler().run_once());
  }
  crypto::Sm3Digest header_sm3() {
    const auto model = platform_->models().get(admin_, version_).value();
    crypto::Sm3Digest digest{};
    const Bytes bytes = from_hex(model.payload_header_sm3).value();
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    return digest;
  }
  TestGuard guard(int replica = 0) {
    return TestGuard(deployment_, FakeEngine::unit_name(deployment_, replica), header_sm3());
  }
  Result<messages::Grant> ask(TestGuard& guard, const SocketPeer& peer) {
    const Bytes request = guard.request(card(), tools());
    MIFENG_TRY(const Bytes answer, platform_->grants().grant(peer, deployment_, guard.nonce, request));
    auto grant = messages::open_grant(answer, deployment_, guard.nonce, guard.receive_key, card().identity, tools());
    if (grant) guard.instance_id = grant->instance_id;
    return grant;
  }
  Result<messages::Renewed> renew(TestGuard& guard) {
    const Bytes stream = guard.renewal(card(), tools(), 5);
    MIFENG_TRY(const Bytes answer,
               platform_->grants().renew(peer_of(deployment_), deployment_, guard.renew_nonce, stream));
    return messages::open_renewed(answer, deployment_, guard.renew_nonce, guard.receive_key, card().identity, tools());
  }
  std::vector<Instance> live() {
    std::vector<Instance> out;
    const auto page = platform_->grants().list(admin_, deployment_, {}).value();
    for (const auto& instance : page.items)
      if (instance.ended_ms == 0) out.push_back(instance);
    return out;
  }
  std::string last_refusal() {
    trust::AuditQuery query;
    query.action = "refuse";
    const auto page = platform_->audit().list(auditor_, query, {});
    return page && !page->items.empty() ? page->items.front().outcome : "";
  }

  std::string version_, deployment_;
};

TEST_F(Grants, GivesTheKeyOfTheDeployedPayload) {
  TestGuard guard = Grants::guard();
  auto grant = ask(guard, peer_of(deployment_));
  ASSERT_TRUE(grant) << grant.error().message();
  EXPECT_EQ(grant->vendor, "acme");
  EXPECT_EQ(grant->model, "digits");
  EXPECT_EQ(grant->version, "1.0.0");
  EXPECT_TRUE(grant->vendor_key == vendor_key_->public_key());
  EXPECT_EQ(grant->platform_time_ms, clock_.now_ms());
  ASSERT_EQ(live().size(), 1u);
  EXPECT_EQ(live()[0].id, grant->instance_id);
}

TEST_F(Grants, TheSameBytesGetTheSameAnswerAndCostNothing) {
  TestGuard guard = Grants::guard();
  const Bytes request = guard.request(card(), tools());
  const auto first = platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, request);
  ASSERT_TRUE(first);
  reopen();
  for (int i = 0; i < 30; ++i) {
    const auto again = platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, request);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, *first);
  }
  EXPECT_EQ(live().size(), 1u);
}

TEST_F(Grants, AReplayedRequestYieldsNothingAndStopsNobody) {
  TestGuard old_guard = guard();
  const Bytes recorded = old_guard.request(card(), tools());
  ASSERT_TRUE(platform_->grants().grant(peer_of(deployment_), deployment_, old_guard.nonce, recorded));
  TestGuard next = guard();
  ASSERT_TRUE(ask(next, peer_of(deployment_)));
  const auto replayed = platform_->grants().grant(peer_of(deployment_), deployment_, old_guard.nonce, recorded);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(replayed.error().reason(), "refused");
  EXPECT_EQ(last_refusal(), "replayed");
  ASSERT_EQ(live().size(), 1u);
  EXPECT_EQ(live()[0].id, next.instance_id);
}

TEST_F(Grants, ANewRequestEndsTheFormerInstance) {
  TestGuard first = guard(), second = guard();
  ASSERT_TRUE(ask(first, peer_of(deployment_)));
  ASSERT_TRUE(ask(second, peer_of(deployment_)));
  ASSERT_EQ(live().size(), 1u);
  EXPECT_EQ(live()[0].id, second.instance_id);
  const auto renewed = renew(first);
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(renewed->status, messages::RenewedStatus::kUnknown);
}

TEST_F(Grants, RefusesExchangedKeysOtherUnitsOtherPayloadsAndOtherPlatforms) {
  struct Case {
    const char* name;
    std::function<Result<Bytes>()> attempt;
    const char* logged;
  };
  const auto send = [&](TestGuard& guard, const SocketPeer& peer) {
    const Bytes request = guard.request(card(), tools());
    return platform_->grants().grant(peer, deployment_, guard.nonce, request);
  };
  const std::string other = add_deployment("other", version_);
  ASSERT_TRUE(platform_->reconciler().run_once());
  const Case cases[] = {
      {"signed by another key than the one it introduces",
       [&] {
         TestGuard guard = Grants::guard();
         const auto thief = crypto::Sm2PrivateKey::generate().value();
         guard.nonce = random_.hex(16);
         const messages::GrantRequest message{.deployment = deployment_,
                                              .unit = guard.unit,
                                              .pod_uid = std::nullopt,
                                              .token = std::nullopt,
                                              .nonce = guard.nonce,
                                              .receive_key = thief.public_key(),
                                              .signing_key = guard.signing_key.public_key(),
                                              .payload_header_sm3 = guard.payload_header_sm3,
                                              .guard_version = "0.1.0"};
         const auto delivery = messages::verify_card(card()).value().delivery.key;
         const Bytes stream = messages::seal_grant_request(message, delivery, thief, tools()).value();
         return platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, stream);
       },
       "bad-signature"},
      {"through another deployment's unit",
       [&] {
         TestGuard guard = Grants::guard();
         return send(guard, peer_of(other));
       },
       "no-such-revision"},
      {"in the name of another unit",
       [&] {
         TestGuard guard(deployment_, FakeEngine::unit_name(deployment_, 7), header_sm3());
         return send(guard, peer_of(deployment_));
       },
       "other-unit"},
      {"with another payload",
       [&] {
         TestGuard guard(deployment_, FakeEngine::unit_name(deployment_, 0), crypto::sm3(as_bytes("other")));
         return send(guard, peer_of(deployment_));
       },
       "other-payload"},
      {"under another nonce",
       [&] {
         TestGuard guard = Grants::guard();
         const Bytes request = guard.request(card(), tools());
         return platform_->grants().grant(peer_of(deployment_), deployment_, random_.hex(16), request);
       },
       "bad-header-mac"},
      {"sealed for another platform",
       [&] {
         TestGuard guard = Grants::guard();
         guard.nonce = random_.hex(16);
         const auto elsewhere = crypto::Sm2PrivateKey::generate().value();
         const messages::GrantRequest message{.deployment = deployment_,
                                              .unit = guard.unit,
                                              .pod_uid = std::nullopt,
                                              .token = std::nullopt,
                                              .nonce = guard.nonce,
                                              .receive_key = guard.receive_key.public_key(),
                                              .signing_key = guard.signing_key.public_key(),
                                              .payload_header_sm3 = guard.payload_header_sm3,
                                              .guard_version = "0.1.0"};
         const Bytes stream =
             messages::seal_grant_request(message, elsewhere.public_key(), guard.signing_key, tools()).value();
         return platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, stream);
       },
       "no-recipient"},
      {"rubbish",
       [&] { return platform_->grants().grant(peer_of(deployment_), deployment_, random_.hex(16), as_bytes("x")); },
       "truncated"},
  };
  for (const Case& one : cases) {
    const auto answer = one.attempt();
    ASSERT_FALSE(answer) << one.name;
    EXPECT_EQ(answer.error().reason(), "refused") << one.name << ": outside all look the same";
    EXPECT_EQ(last_refusal(), one.logged) << one.name;
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_TRUE(live().empty());
}

TEST_F(Grants, AtMostFiveInTenMinutes) {
  for (int i = 0; i < 5; ++i) {
    TestGuard next = guard();
    ASSERT_TRUE(ask(next, peer_of(deployment_))) << i;
  }
  TestGuard sixth = guard();
  const auto refused = ask(sixth, peer_of(deployment_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "too-many-grants");
  EXPECT_EQ(live().size(), 1u) << "the refused one ended nobody";
  clock_.advance(std::chrono::minutes(10));
  EXPECT_TRUE(ask(sixth, peer_of(deployment_)));
}

TEST_F(Grants, RefusalsAreBounded) {
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(
        platform_->grants().grant(peer_of(deployment_), deployment_, random_.hex(16), as_bytes("x")).error().reason(),
        "refused");
  EXPECT_EQ(
      platform_->grants().grant(peer_of(deployment_), deployment_, random_.hex(16), as_bytes("x")).error().reason(),
      "too-many-requests");
}

TEST_F(Grants, AStrangerIsRefusedAuditedAndCostsTheUnitNothing) {
  SocketPeer stranger = peer_of(deployment_);
  stranger.pid = 0;
  for (int i = 0; i < 30; ++i) {
    TestGuard guard = Grants::guard();
    const auto told = ask(guard, stranger);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().reason(), "refused");
    EXPECT_EQ(told.error().message().find("process"), std::string::npos) << "the peer learns no more";
  }
  EXPECT_EQ(last_refusal(), "not-first-process");
  trust::AuditQuery query;
  query.action = "grant.refuse";
  EXPECT_EQ(platform_->audit().list(auditor_, query, {})->total, 20) << "the log is not to be filled";
  TestGuard guard = Grants::guard();
  EXPECT_TRUE(ask(guard, peer_of(deployment_)));
  engine_.away = true;
  EXPECT_EQ(ask(guard, peer_of(deployment_)).error().reason(), "engine-unavailable") << "which accuses nobody";
}

TEST_F(Grants, RenewsCountsAndRefusesReplays) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  auto renewed = renew(guard);
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(renewed->status, messages::RenewedStatus::kRenewed);
  EXPECT_TRUE(renewed->terms->listed) << "no gateway follows";
  EXPECT_EQ(live()[0].calls, 5);
  const Bytes first = guard.renewal(card(), tools());
  const std::string first_nonce = guard.renew_nonce;
  const auto answer = platform_->grants().renew(peer_of(deployment_), deployment_, first_nonce, first);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*platform_->grants().renew(peer_of(deployment_), deployment_, first_nonce, first), *answer);
  ASSERT_TRUE(renew(guard));
  EXPECT_FALSE(platform_->grants().renew(peer_of(deployment_), deployment_, first_nonce, first));
  EXPECT_EQ(last_refusal(), "replayed");
  ASSERT_TRUE(platform_->deployments().scale(operator_, deployment_, 2));
  ASSERT_TRUE(platform_->reconciler().run_once());
  const Bytes own = guard.renewal(card(), tools());
  EXPECT_FALSE(platform_->grants().renew(peer_of(deployment_, 1), deployment_, guard.renew_nonce, own));
  EXPECT_EQ(last_refusal(), "other-unit");
}

TEST_F(Grants, LateNewsOfARunThatEndedEndNotTheNextOne) {
  const std::string name = FakeEngine::unit_name(deployment_, 0);
  cluster::Unit& unit = engine_.containers.at(name);
  unit.started_at_ms = 1000;
  TestGuard first = guard();
  ASSERT_TRUE(ask(first, peer_of(deployment_)));
  unit.state = cluster::UnitState::kExited;
  engine_.seen_before[name] = unit;
  // It was started again, its guard was granted, and the engine's view does not know yet.
  unit.state = cluster::UnitState::kRunning;
  unit.started_at_ms = 2000;
  TestGuard second = guard();
  ASSERT_TRUE(ask(second, peer_of(deployment_)));
  ASSERT_TRUE(platform_->reconciler().run_once());
  ASSERT_EQ(live().size(), 1u);
  EXPECT_EQ(live()[0].id, second.instance_id);
  // News of this very run end it.
  engine_.seen_before[name].started_at_ms = 2000;
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(live().empty());
}

TEST_F(Grants, AUnitThatSomebodyChangedIsRevokedAtOnceAndToldOnce) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  cluster::Unit& unit = engine_.containers.at(FakeEngine::unit_name(deployment_, 0));
  unit.reason_code = "changed";
  unit.reason = "the pod is not what was rendered: the image of the container model was a and is b";
  const int applies = engine_.applies;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_GT(engine_.applies, applies) << "the engine is to end it";
  EXPECT_TRUE(live().empty());
  const auto renewed = renew(guard);
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(renewed->status, messages::RenewedStatus::kRevoked);
  trust::AuditQuery query;
  query.action = "unit.change";
  const auto page = platform_->audit().list(auditor_, query, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->total, 1);
  EXPECT_NE(page->items[0].detail.find("the image of the container model was a and is b"), std::string::npos);
}

TEST_F(Grants, AUnitThatTheEngineDoesNotShowYetKeepsItsGrantForAWhile) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  engine_.containers.clear();
  ASSERT_TRUE(platform_->deployments().scale(operator_, deployment_, 0));
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_EQ(live().size(), 1u);
  clock_.advance(std::chrono::seconds(11));
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(live().empty());
}

TEST_F(Grants, ARenewalOfTheProcessThatProvedItselfAsksNoEngine) {
  TestGuard guard = Grants::guard();
  SocketPeer peer = peer_of(deployment_);
  peer.pid = ::getpid();
  ASSERT_TRUE(ask(guard, peer));
  const auto renew_from = [&](const SocketPeer& from) {
    const Bytes stream = guard.renewal(card(), tools());
    return platform_->grants().renew(from, deployment_, guard.renew_nonce, stream);
  };
  engine_.shown.clear();
  ASSERT_TRUE(renew_from(peer));
  EXPECT_TRUE(engine_.shown.empty());
  SocketPeer other = peer;
  other.pid = ::getppid();
  ASSERT_TRUE(renew_from(other)) << "as the engine says";
  EXPECT_EQ(engine_.shown.size(), 1u) << "another process proves itself anew";
  other.pid = 0;
  EXPECT_EQ(renew_from(other).error().reason(), "refused");
  EXPECT_EQ(last_refusal(), "not-first-process");
  reopen();
  engine_.shown.clear();
  ASSERT_TRUE(renew_from(peer));
  EXPECT_EQ(engine_.shown.size(), 1u) << "once after a start of the platform";
  ASSERT_TRUE(renew_from(peer));
  EXPECT_EQ(engine_.shown.size(), 1u);
}

// A model is started again only in a unit that is still what was rendered, of a version that is still accepted.
TEST_F(Grants, AnotherStartNeedsTheWholeProofAndAnAcceptedVersion) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  const auto granted_start = [&](std::uint32_t number) {
    guard.start = number;
    const auto renewed = renew(guard);
    EXPECT_TRUE(renewed) << renewed.error().message();
    EXPECT_EQ(renewed->status, messages::RenewedStatus::kRenewed);
    return renewed->terms->start;
  };
  const auto plain = renew(guard);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->terms->start, std::nullopt) << "nobody asked";
  engine_.shown.clear();
  EXPECT_EQ(granted_start(2), 2U);
  EXPECT_EQ(engine_.shown.size(), 1U) << "though this very process has proved itself before";

  guard.start.reset();
  ASSERT_TRUE(platform_->models().withdraw(operator_, version_, "a flaw was found"));
  EXPECT_TRUE(renew(guard)) << "what runs goes on";
  EXPECT_EQ(granted_start(3), std::nullopt);
  EXPECT_EQ(last_refusal(), "version-not-accepted");
}

// Whoever speaks in a guard's place invents no words, and does not fill the log.
TEST_F(Grants, WhatAGuardReportsIsOfAClosedList) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  guard.events = {{"model-ended", 2}, {"<b>anything</b>", 3}, {"nobody-knows", 4}, {"no-seal-key", 0}};
  ASSERT_TRUE(renew(guard));
  trust::AuditQuery query;
  query.action = "guard.event";
  const auto page = platform_->audit().list(auditor_, query, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->items.size(), 1u) << "one entry a renewal, however many kinds it names";
  EXPECT_EQ(page->items[0].outcome, "several");
  EXPECT_EQ(page->items[0].detail, "model-ended 2 times, other 7 times");
  guard.events = {{"model-ended", 1}};
  ASSERT_TRUE(renew(guard));
  const auto again = platform_->audit().list(auditor_, query, {});
  ASSERT_TRUE(again);
  ASSERT_EQ(again->items.size(), 2u);
  const bool newest_first = again->items[0].outcome == "model-ended";
  EXPECT_EQ(again->items[newest_first ? 0 : 1].detail, "1 times");
}

TEST_F(Grants, AGuardThatRenewsInALoopIsHeldUpAlone) {
  TestGuard loop = Grants::guard();
  ASSERT_TRUE(ask(loop, peer_of(deployment_)));
  for (int i = 0; i < 90; ++i) ASSERT_TRUE(renew(loop)) << i;
  EXPECT_EQ(renew(loop).error().reason(), "too-many-renewals");
  EXPECT_EQ(live().size(), 1u) << "its lease goes on";
  clock_.advance(std::chrono::minutes(1));
  EXPECT_TRUE(renew(loop));
}

TEST_F(Grants, AnUnknownInstanceIsToldSoAndARevokedOneToo) {
  TestGuard stranger = guard();
  stranger.instance_id = "in-0";
  auto unknown = renew(stranger);
  ASSERT_TRUE(unknown) << unknown.error().message();
  EXPECT_EQ(unknown->status, messages::RenewedStatus::kUnknown);
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  EXPECT_EQ(platform_->grants().revoke(operator_, guard.instance_id, "x").error().reason(), "not-allowed");
  ASSERT_TRUE(platform_->grants().revoke(admin_, guard.instance_id, "seen elsewhere"));
  auto revoked = renew(guard);
  ASSERT_TRUE(revoked) << revoked.error().message();
  EXPECT_EQ(revoked->status, messages::RenewedStatus::kRevoked);
  EXPECT_TRUE(live().empty());
}

TEST_F(Grants, LeasesEndButNotInTheFirstPeriodAfterAStart) {
  TestGuard guard = Grants::guard();
  ASSERT_TRUE(ask(guard, peer_of(deployment_)));
  clock_.advance(std::chrono::minutes(30));
  reopen();
  EXPECT_EQ(*platform_->grants().end_expired(), 0) << "it could not renew while the platform was away";
  clock_.advance(std::chrono::minutes(4));
  EXPECT_EQ(*platform_->grants().end_expired(), 0);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(*platform_->grants().end_expired(), 1);
  EXPECT_TRUE(live().empty());
}

TEST_F(Grants, NothingForADeploymentThatIsDeletedOrScaledDown) {
  TestGuard guard = Grants::guard();
  const SocketPeer peer = peer_of(deployment_);
  ASSERT_TRUE(ask(guard, peer));
  ASSERT_TRUE(platform_->deployments().scale(operator_, deployment_, 0));
  TestGuard again = Grants::guard();
  EXPECT_FALSE(ask(again, peer));
  EXPECT_EQ(last_refusal(), "no-such-unit");
  ASSERT_EQ(live().size(), 1u) << "what it still answers can be opened";
  clock_.advance(std::chrono::seconds(11));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(live().empty()) << "until it has ended";
  ASSERT_TRUE(platform_->deployments().remove(operator_, deployment_));
  clock_.advance(std::chrono::seconds(1));
  TestGuard third = Grants::guard();
  EXPECT_FALSE(ask(third, peer));
  EXPECT_EQ(last_refusal(), "no-such-deployment");
}

TEST_F(Grants, GoOnAfterEveryKeyWasRotated) {
  TestGuard guard = Grants::guard();
  const auto old_card = card();
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kIdentity));
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kDelivery));
  reopen();
  // The image carries the old card, and the payload is sealed to the old delivery key.
  const Bytes request = guard.request(old_card, tools());
  const auto answer = platform_->grants().grant(peer_of(deployment_), deployment_, guard.nonce, request);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(messages::open_grant(*answer, deployment_, guard.nonce, guard.receive_key, old_card.identity, tools()));
}

}  // namespace
}  // namespace mifeng::grants
