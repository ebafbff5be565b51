// Requests of other machines: the tag, the limits, the token, and what an attacker may try with them.
#include "mifeng/grants/door.h"

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::grants {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;
using platform_fixture::TestGuard;

constexpr const char* kWard = "ward";

class AtTheDoor : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    options_.guard_url = "http://192.0.2.1:7083";
    add_kubernetes(kWard);
    version_ = add_model("acme", "digits", "1.0.0");
    deployment_ = add_deployment("digits", version_, 1, kWard);
    ASSERT_TRUE(platform_->reconciler().run_once());
  }
  std::string tag_of(const std::string& deployment) { return far_engine_.applied.at(deployment).door.value().tag; }
  std::string unit_of(const std::string& deployment, int slot = 0) { return FakeEngine::unit_name(deployment, slot); }
  std::string uid_of(const std::string& deployment, int slot = 0) {
    return far_engine_.containers.at(unit_of(deployment, slot)).engine_id;
  }
  // With a token of its own pod.
  TestGuard guard_of(const std::string& deployment, int slot = 0) {
    const auto model = platform_->models().get(admin_, version_).value();
    crypto::Sm3Digest digest{};
    const Bytes bytes = from_hex(model.payload_header_sm3).value();
    std::copy(bytes.begin(), bytes.end(), digest.begin());
    TestGuard guard(deployment, unit_of(deployment, slot), digest);
    guard.token = "token of " + guard.unit;
    guard.pod_uid = uid_of(deployment, slot);
    far_engine_.token_units[*guard.token] = guard.unit;
    return guard;
  }
  // What the guard prints before it sends it.
  void print(const std::string& unit, ByteView stream) {
    const std::string line = messages::request_line(stream);
    far_engine_.printed[unit].insert(line.substr(line.find(' ') + 1));
  }
  Result<DoorVisit> enter(const std::string& deployment, Asked asked = Asked::kGrant) {
    return platform_->grants().door().enter(tag_of(deployment), deployment, "192.0.2.9", asked);
  }
  Result<Bytes> send(const TestGuard& guard, ByteView request) {
    MIFENG_TRY(auto visit, enter(guard.deployment));
    return platform_->grants().grant(visit, guard.nonce, request);
  }
  Result<messages::Grant> ask(TestGuard& guard) {
    const Bytes request = guard.request(card(), tools());
    print(guard.unit, request);
    MIFENG_TRY(const Bytes answer, send(guard, request));
    auto grant =
        messages::open_grant(answer, guard.deployment, guard.nonce, guard.receive_key, card().identity, tools());
    if (grant) guard.instance_id = grant->instance_id;
    return grant;
  }
  Result<messages::Renewed> renew(TestGuard& guard, bool printed = true) {
    const Bytes stream = guard.renewal(card(), tools(), 5);
    if (printed) print(guard.unit, stream);
    MIFENG_TRY(auto visit, enter(guard.deployment, Asked::kRenewal));
    MIFENG_TRY(const Bytes answer, platform_->grants().renew(visit, guard.renew_nonce, stream));
    return messages::open_renewed(answer, guard.deployment, guard.renew_nonce, guard.receive_key, card().identity,
                                  tools());
  }
  std::vector<trust::AuditEntry> refusals() {
    trust::AuditQuery query;
    query.action = "refuse";
    return platform_->audit().list(auditor_, query, {.page = 1, .page_size = 200}).value().items;
  }
  std::string last_refusal() {
    const auto found = refusals();
    return found.empty() ? "" : found.front().outcome;
  }

  std::string version_, deployment_;
};

TEST_F(AtTheDoor, ATokenAndItsLineAreAnsweredWithTheKey) {
  TestGuard guard = guard_of(deployment_);
  const auto grant = ask(guard);
  ASSERT_TRUE(grant) << grant.error().message() << " " << last_refusal();
  EXPECT_EQ(grant->model, "digits");
  ASSERT_EQ(far_engine_.tokens_shown.size(), 1u);
  EXPECT_EQ(far_engine_.tokens_shown[0].token, *guard.token);
  EXPECT_EQ(far_engine_.tokens_shown[0].audience, "mifeng/" + to_hex(card().identity.key_id()));
  const auto instances = platform_->grants().list(admin_, deployment_, {}).value();
  ASSERT_EQ(instances.items.size(), 1u);
  EXPECT_EQ(instances.items[0].cluster, kWard);
  EXPECT_EQ(instances.items[0].engine_id, *guard.pod_uid);
  EXPECT_TRUE(refusals().empty());
}

TEST_F(AtTheDoor, ALostAnswerIsGivenAgain) {
  TestGuard guard = guard_of(deployment_);
  const Bytes request = guard.request(card(), tools());
  print(guard.unit, request);
  const auto first = send(guard, request);
  ASSERT_TRUE(first) << first.error().message();
  for (int i = 0; i < 200; ++i) {
    const auto again = send(guard, request);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(*again, *first);
  }
}

TEST_F(AtTheDoor, WithoutTheRightTagNothingIsReadAndNothingWritten) {
  const std::string other = add_deployment("other", version_, 1, kWard);
  ASSERT_TRUE(platform_->reconciler().run_once());
  auto& door = platform_->grants().door();
  for (const std::string& tag : {std::string(), tag_of(other), std::string("ward.") + std::string(64, '0'),
                                 tag_of(deployment_) + "0", "lab" + tag_of(deployment_).substr(4)}) {
    const auto refused = door.enter(tag, deployment_, "192.0.2.9", Asked::kGrant);
    ASSERT_FALSE(refused) << tag;
    EXPECT_EQ(refused.error().reason(), "refused");
  }
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(door.enter("", deployment_, "192.0.2.9", Asked::kRenewal));
  EXPECT_TRUE(refusals().empty());
  EXPECT_TRUE(far_engine_.tokens_shown.empty());
  // Of all of them the audit log has one entry, and then one every ten minutes.
  ASSERT_TRUE(platform_->housekeep());
  ASSERT_EQ(refusals().size(), 1u);
  EXPECT_EQ(refusals()[0].action, "door.refuse");
  EXPECT_NE(refusals()[0].detail.find("1005 requests without the right tag"), std::string::npos)
      << refusals()[0].detail;
  EXPECT_FALSE(door.enter("", deployment_, "192.0.2.9", Asked::kGrant));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(refusals().size(), 1u);
  clock_.advance(std::chrono::minutes(10));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(refusals().size(), 2u);
  clock_.advance(std::chrono::minutes(10));
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_EQ(refusals().size(), 2u) << "nobody came";
}

TEST_F(AtTheDoor, EveryRefusalNamesItsReasonInTheAuditLogAlone) {
  const std::string other = add_deployment("other", version_, 1, kWard);
  const std::string near = add_deployment("near", version_);
  ASSERT_TRUE(platform_->reconciler().run_once());
  struct Case {
    const char* name;
    std::function<Result<Bytes>()> attempt;
    const char* logged;
  };
  const auto attempt = [&](TestGuard guard, bool printed = true) {
    const Bytes request = guard.request(card(), tools());
    if (printed) print(guard.unit, request);
    return send(guard, request);
  };
  const Case cases[] = {
      {"no token",
       [&] {
         TestGuard guard = guard_of(deployment_);
         guard.token.reset();
         return attempt(std::move(guard));
       },
       "no-token"},
      {"a token that the cluster does not know",
       [&] {
         TestGuard guard = guard_of(deployment_);
         guard.token = "made up";
         return attempt(std::move(guard));
       },
       "bad-token"},
      {"a token that somebody else made for the pod", [&] { return attempt(guard_of(deployment_), false); },
       "not-in-log"},
      {"the token of a pod of another deployment",
       [&] {
         TestGuard guard = guard_of(deployment_);
         guard.token = guard_of(other).token;
         guard.unit = unit_of(other);
         return attempt(std::move(guard));
       },
       "no-such-revision"},
      {"in the name of another unit",
       [&] {
         TestGuard guard = guard_of(deployment_);
         TestGuard named = guard_of(deployment_);
         named.unit = "mf-other";
         const Bytes request = named.request(card(), tools());
         print(guard.unit, request);
         return send(named, request);
       },
       "other-unit"},
      {"of a pod that was there before under this name",
       [&] {
         TestGuard guard = guard_of(deployment_);
         guard.pod_uid = "former";
         return attempt(std::move(guard));
       },
       "other-unit"},
      {"without saying which pod",
       [&] {
         TestGuard guard = guard_of(deployment_);
         guard.pod_uid.reset();
         return attempt(std::move(guard));
       },
       "other-unit"},
      {"of another deployment than its tag",
       [&] {
         TestGuard guard = guard_of(other);
         const Bytes request = guard.request(card(), tools());
         print(guard.unit, request);
         auto visit = enter(deployment_);
         return platform_->grants().grant(*visit, guard.nonce, request);
       },
       "bad-header-mac"},
      {"garbage", [&] { return send(guard_of(deployment_), Bytes(3000, 7)); }, "bad-magic"},
      {"cut off",
       [&] {
         TestGuard guard = guard_of(deployment_);
         Bytes request = guard.request(card(), tools());
         request.resize(request.size() - 1);
         return send(guard, request);
       },
       "truncated"},
  };
  for (const Case& one : cases) {
    const auto answer = one.attempt();
    ASSERT_FALSE(answer) << one.name;
    EXPECT_EQ(answer.error().reason(), "refused") << one.name;
    EXPECT_EQ(last_refusal(), one.logged) << one.name;
  }
  EXPECT_EQ(refusals().size(), std::size(cases));
  EXPECT_EQ(platform_->grants().list(admin_, "", {})->total, 0);
}

TEST_F(AtTheDoor, NoOtherClusterIsAskedAboutADeployment) {
  const std::string near = add_deployment("near", version_);
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_FALSE(engine_.applied.at(near).door);
  // It has no tag of its own, and that of no other passes for it.
  EXPECT_FALSE(platform_->grants().door().enter(tag_of(deployment_), near, "192.0.2.9", Asked::kGrant));
}

TEST_F(AtTheDoor, AReplayYieldsNothingAndStopsNobody) {
  TestGuard old_guard = guard_of(deployment_);
  const Bytes recorded = old_guard.request(card(), tools());
  print(old_guard.unit, recorded);
  ASSERT_TRUE(send(old_guard, recorded));
  TestGuard next = guard_of(deployment_);
  ASSERT_TRUE(ask(next));
  const auto replayed = send(old_guard, recorded);
  ASSERT_FALSE(replayed);
  EXPECT_EQ(last_refusal(), "replayed");
  const auto renewed = renew(next);
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ(renewed->status, messages::RenewedStatus::kRenewed);
}

TEST_F(AtTheDoor, ARenewalRestsOnTheInstancesKeyAndAsksNoCluster) {
  TestGuard guard = guard_of(deployment_);
  ASSERT_TRUE(ask(guard));
  const auto asked = far_engine_.tokens_shown.size();
  for (int i = 0; i < 300; ++i) {
    const auto renewed = renew(guard, false);
    ASSERT_TRUE(renewed) << renewed.error().message() << i;
    EXPECT_EQ(renewed->status, messages::RenewedStatus::kRenewed);
    clock_.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(far_engine_.tokens_shown.size(), asked);
  // Also after a start of the platform, and while the cluster is away.
  reopen();
  far_engine_.away = true;
  EXPECT_TRUE(renew(guard, false));
}

TEST_F(AtTheDoor, ARenewalOfAnotherDeploymentsOrClustersInstanceIsRefused) {
  const std::string other = add_deployment("other", version_, 1, kWard);
  ASSERT_TRUE(platform_->reconciler().run_once());
  TestGuard guard = guard_of(deployment_);
  ASSERT_TRUE(ask(guard));
  TestGuard moved = guard_of(other);
  moved.signing_key = guard.signing_key.clone();
  moved.instance_id = guard.instance_id;
  const Bytes stream = moved.renewal(card(), tools());
  auto visit = enter(other, Asked::kRenewal);
  ASSERT_TRUE(visit);
  const auto refused = platform_->grants().renew(*visit, moved.renew_nonce, stream);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "refused");
  EXPECT_EQ(last_refusal(), "other-unit");
}

TEST_F(AtTheDoor, AnotherStartIsProvedByAFreshToken) {
  TestGuard guard = guard_of(deployment_);
  ASSERT_TRUE(ask(guard));
  guard.start = 2;
  const auto allowed = renew(guard);
  ASSERT_TRUE(allowed) << allowed.error().message();
  EXPECT_EQ(allowed->terms->start, 2u);
  // Without its line, without a token, with another pod's: it goes on as it is, and starts nothing.
  guard.start = 3;
  EXPECT_EQ(renew(guard, false)->terms->start, std::nullopt);
  EXPECT_EQ(last_refusal(), "not-in-log");
  const auto token = guard.token;
  guard.token.reset();
  EXPECT_EQ(renew(guard)->terms->start, std::nullopt);
  EXPECT_EQ(last_refusal(), "no-token");
  guard.token = token;
  far_engine_.containers.at(guard.unit).engine_id = "another pod of that name";
  EXPECT_EQ(renew(guard)->terms->start, std::nullopt);
  EXPECT_EQ(last_refusal(), "other-unit");
  // A cluster that does not answer says nothing of it: it is asked for again.
  far_engine_.away = true;
  EXPECT_FALSE(renew(guard));
}

TEST_F(AtTheDoor, WhatCannotBeProvedUsesUpItsOwnBudgetAlone) {
  const std::string other = add_deployment("other", version_, 1, kWard);
  ASSERT_TRUE(platform_->reconciler().run_once());
  TestGuard granted = guard_of(deployment_);
  ASSERT_TRUE(ask(granted));
  int looked_at = 0;
  Result<Bytes> last = Bytes();
  for (int i = 0; i < 200; ++i) {
    last = send(guard_of(deployment_), Bytes(100, 7));
    looked_at += last.error().reason() == "refused" ? 1 : 0;
  }
  EXPECT_EQ(looked_at, 128);
  EXPECT_EQ(last.error().reason(), "too-many-requests");
  // Who was granted renews, and who is of another deployment is granted.
  EXPECT_TRUE(renew(granted));
  TestGuard another = guard_of(other);
  EXPECT_TRUE(ask(another));
  // 20 entries of their own, and what came after that in one.
  EXPECT_EQ(refusals().size(), 20u);
  ASSERT_TRUE(platform_->housekeep());
  EXPECT_NE(refusals()[0].detail.find("108 more"), std::string::npos) << refusals()[0].detail;
  // They hide nothing of another kind.
  clock_.advance(std::chrono::seconds(1));
  TestGuard silent = guard_of(deployment_);
  EXPECT_FALSE(send(silent, silent.request(card(), tools())));
  EXPECT_EQ(last_refusal(), "not-in-log");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(send(guard_of(deployment_), Bytes(100, 7)).error().reason(), "refused");
  TestGuard again = guard_of(deployment_);
  EXPECT_TRUE(ask(again)) << "and then its own guard's turn comes";
}

TEST_F(AtTheDoor, OnlySoManyAreInsideAtOnce) {
  std::vector<DoorVisit> inside;
  for (int i = 0; i < 128; ++i) {
    auto visit = enter(deployment_);
    ASSERT_TRUE(visit);
    visit->proved();
    inside.push_back(std::move(*visit));
  }
  const auto refused = enter(deployment_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "too-many-requests");
  inside.clear();
  EXPECT_TRUE(enter(deployment_));
}

TEST_F(AtTheDoor, AClusterThatIsAwayAccusesNobody) {
  TestGuard guard = guard_of(deployment_);
  far_engine_.away = true;
  const auto answer = ask(guard);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(refusals().empty());
}

}  // namespace
}  // namespace mifeng::grants
