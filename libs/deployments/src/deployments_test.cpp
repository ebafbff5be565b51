// Node ports, deployments, the reconciler.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;

constexpr const char* kCache =
    "  volumes: [{name: cache, emptyDir: {}}]\n  volumeMounts: [{name: cache, mountPath: /cache}]\n";

class Deployments : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
  }
  DeploymentRequest request(const std::string& name, int replicas = 1) {
    DeploymentRequest out;
    out.name = name;
    out.version_id = version_;
    out.replicas = replicas;
    return out;
  }
  Deployment get(const std::string& id) { return platform_->deployments().get(operator_, id).value(); }
  void rounds(int count = 1) {
    for (int i = 0; i < count; ++i) {
      auto done = platform_->reconciler().run_once();
      ASSERT_TRUE(done) << done.error().message();
    }
  }
  std::string state(const std::string& id) { return std::string(to_string(get(id).state)); }
  // The kernel's table, with one socket that listens on `port`.
  void listen_on(const std::string& table, int port) {
    const std::string address = table == "tcp6" ? "00000000000000000000000001000000" : "0100007F";
    char line[256];
    std::snprintf(
        line, sizeof line,
        "  sl  local_address\n   0: %s:%04X %s:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1\n",
        address.c_str(), port, address.c_str());
    ASSERT_TRUE(write_file_atomic(proc_->path() / "net" / table, as_bytes(line)));
  }

  std::string version_;
};

TEST_F(Deployments, FollowsToReadyAndOpensTheRoute) {
  DeploymentRequest wanted = request("digits", 2);
  wanted.route.emplace();
  wanted.route->name = "digits";
  wanted.route->prefix = "/digits";
  const auto made = platform_->deployments().create(operator_, wanted);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(made->state, DeploymentState::kPending);
  ASSERT_EQ(made->ports.size(), 2u);
  EXPECT_EQ(made->ports[1].node_port, 30001);
  EXPECT_TRUE(made->units.empty()) << "nothing runs yet";
  EXPECT_EQ(made->revision, 1);
  ASSERT_EQ(made->route_ids.size(), 1u);
  const auto route = [&] { return platform_->routes().get(operator_, made->route_ids[0]).value(); };
  EXPECT_FALSE(route().enabled);
  EXPECT_EQ(route().forward, "mifeng://" + made->id);
  rounds();
  EXPECT_EQ(state(made->id), "starting");
  engine_.set(FakeEngine::unit_name(made->id, 0), cluster::UnitState::kRunning, true);
  rounds();
  EXPECT_EQ(state(made->id), "degraded");
  EXPECT_TRUE(route().enabled);
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(made->id), "ready");
  EXPECT_EQ(get(made->id).reason, "");
  const int applies = engine_.applies;
  EXPECT_EQ(platform_->reconciler().run_once()->changed, 0);
  EXPECT_EQ(engine_.applies, applies) << "nothing to do, nothing done";
}

TEST_F(Deployments, SaysInOneSentenceWhyItDoesNotRunAndTriesLessAndLessOften) {
  engine_.fail_with = "port 30000 is held by another process";
  const std::string id = add_deployment("digits", version_);
  rounds();
  EXPECT_EQ(get(id).reason, "unit " + FakeEngine::unit_name(id, 0) + ": port 30000 is held by another process");
  for (int i = 0; i < 3; ++i) {
    engine_.set(FakeEngine::unit_name(id, 0), cluster::UnitState::kExited, false, "it ended with status 3");
    rounds(2);
    clock_.advance(std::chrono::minutes(6));
    rounds();
  }
  EXPECT_EQ(engine_.restarts, 3);
  engine_.set(FakeEngine::unit_name(id, 0), cluster::UnitState::kExited, false, "it ended with status 3");
  rounds();
  EXPECT_EQ(state(id), "failed");
  EXPECT_EQ(get(id).reason, "unit " + FakeEngine::unit_name(id, 0) + ": it ended with status 3");
  rounds(5);
  EXPECT_EQ(engine_.restarts, 3) << "not before its time has come";
  clock_.advance(std::chrono::minutes(6));
  rounds();
  EXPECT_EQ(engine_.restarts, 4);
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(id), "ready");
  // Nothing but the log remembers it now: each end once, however often it was looked at.
  trust::AuditQuery query;
  query.action = "unit.end";
  query.subject = id;
  const auto ends = platform_->audit().list(auditor_, query, {});
  ASSERT_TRUE(ends);
  EXPECT_EQ(ends->total, 3) << "the first time it had not been started at all";
  EXPECT_EQ(ends->items.front().outcome, "exited");
  EXPECT_EQ(ends->items.front().detail, FakeEngine::unit_name(id, 0) + ": it ended with status 3");
}

TEST_F(Deployments, AStartThatFailsIsTriedAgainLaterAndKeepsItsReason) {
  engine_.fail_with = "port 30000 is held by another process";
  const std::string id = add_deployment("digits", version_);
  rounds();
  EXPECT_EQ(engine_.applies, 1);
  // Podman forgets why: the container is there and was never started.
  engine_.set(FakeEngine::unit_name(id, 0), cluster::UnitState::kPending, false);
  rounds(3);
  EXPECT_EQ(engine_.applies, 1) << "not at once";
  EXPECT_EQ(get(id).reason, "unit " + FakeEngine::unit_name(id, 0) + ": port 30000 is held by another process");
  for (int i = 0; i < 3; ++i) {
    clock_.advance(std::chrono::minutes(6));
    rounds(2);
    engine_.set(FakeEngine::unit_name(id, 0), cluster::UnitState::kPending, false);
  }
  EXPECT_EQ(engine_.applies, 4) << "once each time its moment has come";
  EXPECT_EQ(state(id), "failed");
  engine_.fail_with.clear();
  clock_.advance(std::chrono::minutes(6));
  rounds();
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(id), "ready");
}

TEST_F(Deployments, NoneOfWhoseUnitsIsReadyInTimeHasFailedAndRunsOnceOneIs) {
  const std::string id = add_deployment("digits", version_, 2);
  rounds();
  clock_.advance(std::chrono::minutes(9));
  rounds();
  EXPECT_EQ(state(id), "starting");
  clock_.advance(std::chrono::minutes(1));
  rounds();
  EXPECT_EQ(state(id), "failed");
  EXPECT_TRUE(get(id).reason.starts_with("none of its units was ready within 600 s")) << get(id).reason;
  EXPECT_EQ(get(id).reason_code, "deadline-exceeded");
  EXPECT_NE(get(id).remedy.find("progressDeadlineSeconds"), std::string::npos) << get(id).remedy;
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(id), "ready") << "late is better than never";
}

TEST_F(Deployments, WhatTheConfigSaysIsTheDeadline) {
  const std::string slow = add_model("acme", "slow", "1.0.0", 1, "  progressDeadlineSeconds: 3600\n");
  const std::string quick = add_model("acme", "quick", "1.0.0", 1, "  progressDeadlineSeconds: 60\n");
  const std::string slow_id = add_deployment("slow", slow), quick_id = add_deployment("quick", quick);
  rounds();
  clock_.advance(std::chrono::minutes(1));
  rounds();
  EXPECT_EQ(state(quick_id), "failed");
  EXPECT_TRUE(get(quick_id).reason.starts_with("none of its units was ready within 60 s")) << get(quick_id).reason;
  clock_.advance(std::chrono::minutes(58));
  rounds();
  EXPECT_EQ(state(slow_id), "starting");
  clock_.advance(std::chrono::minutes(1));
  rounds();
  EXPECT_EQ(state(slow_id), "failed");
}

TEST_F(Deployments, WhoseUnitsWereReadyHasTheWholeTimeAgain) {
  const std::string id = add_deployment("digits", version_, 1);
  rounds();
  engine_.make_all_ready();
  rounds();
  ASSERT_EQ(state(id), "ready");
  clock_.advance(std::chrono::hours(5));
  engine_.set(FakeEngine::unit_name(id, 0), cluster::UnitState::kRunning, false);
  rounds();
  EXPECT_EQ(state(id), "starting") << "it stands still since now, and not since it was made";
  clock_.advance(std::chrono::minutes(10));
  rounds();
  EXPECT_EQ(state(id), "failed");
  // Neither does what nobody wanted meanwhile take from it.
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 0));
  rounds();
  clock_.advance(std::chrono::hours(5));
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 1));
  rounds();
  EXPECT_EQ(state(id), "starting");
}

TEST_F(Deployments, IsNotReadyForWhatItsReplicasWereBeforeTheyWereScaledAway) {
  const std::string id = add_deployment("digits", version_, 2);
  rounds();
  engine_.make_all_ready();
  rounds();
  ASSERT_EQ(state(id), "ready");
  // Down and up before anybody has looked: the rows of before are still there.
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 0));
  EXPECT_EQ(platform_->deployments().scale(operator_, id, 1)->state, DeploymentState::kStarting);
  EXPECT_EQ(state(id), "starting");
  EXPECT_EQ(platform_->deployments().scale(operator_, id, 2)->state, DeploymentState::kStarting);
  rounds();
  EXPECT_EQ(state(id), "ready") << "nothing was taken away, so the engine says that they are ready";
  EXPECT_EQ(platform_->deployments().scale(operator_, id, 3)->state, DeploymentState::kDegraded);
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 2));
  rounds();
  EXPECT_EQ(state(id), "ready");
}

TEST_F(Deployments, ScalesAndDeletes) {
  const std::string id = add_deployment("digits", version_, 1);
  rounds();
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 3));
  rounds();
  EXPECT_EQ(engine_.containers.size(), 3u);
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(id), "ready");
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 1));
  rounds();
  EXPECT_EQ(get(id).units.size(), 3u) << "two of them are stopping";
  EXPECT_EQ(state(id), "ready") << "what stops counts no more";
  EXPECT_EQ(get(id).ports.size(), 3u) << "their ports are theirs until they have gone";
  rounds();
  EXPECT_EQ(engine_.containers.size(), 1u);
  EXPECT_EQ(get(id).units.size(), 1u);
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 2).value(), (std::vector<int>{30001, 30002}))
      << "ports are free again";
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 0));
  rounds(2);
  EXPECT_EQ(state(id), "stopped");
  EXPECT_EQ(platform_->deployments().scale(operator_, id, 65).error().reason(), "bad-replicas");
  ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  ASSERT_TRUE(platform_->deployments().remove(operator_, id)) << "again";
  EXPECT_EQ(state(id), "deleting");
  rounds();
  EXPECT_TRUE(engine_.containers.empty());
  EXPECT_EQ(platform_->deployments().get(operator_, id).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 1).value(), std::vector<int>{30000});
}

TEST_F(Deployments, WhatNobodyWantsIsRemovedAndAnEngineThatIsAwayLosesNothing) {
  const std::string id = add_deployment("digits", version_);
  rounds();
  cluster::Unit orphan;
  orphan.name = FakeEngine::unit_name("old-111111", 0);
  orphan.deployment = "old-111111";
  orphan.engine_id = "x";
  engine_.containers[orphan.name] = orphan;
  rounds();
  EXPECT_EQ(engine_.containers.size(), 1u);
  engine_.away = true;
  EXPECT_EQ(platform_->reconciler().run_once().error().code(), ErrorCode::kUnavailable);
  ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  EXPECT_FALSE(platform_->reconciler().run_once());
  EXPECT_EQ(state(id), "deleting");
  engine_.away = false;
  reopen();
  rounds();
  EXPECT_TRUE(engine_.containers.empty());
}

TEST_F(Deployments, AChangeThatDoesNotReachItsClusterSaysSoAndItsStateStays) {
  const std::string id = add_deployment("digits", version_, 2);
  rounds();
  engine_.make_all_ready();
  rounds();
  engine_.away = true;
  ASSERT_TRUE(platform_->deployments().scale(operator_, id, 1));
  const std::string before = state(id);
  EXPECT_FALSE(platform_->reconciler().run_once());
  EXPECT_THAT(get(id).reason, testing::Not(testing::HasSubstr("has not reached"))) << "once is no news";
  EXPECT_FALSE(platform_->reconciler().run_once());
  EXPECT_THAT(get(id).reason, testing::HasSubstr("has not reached the cluster yet"));
  EXPECT_EQ(state(id), before);
  engine_.away = false;
  rounds();
  rounds();
  EXPECT_EQ(get(id).reason, "");
  EXPECT_EQ(state(id), "ready");
}

TEST_F(Deployments, ContainersThatVanishComeBack) {
  const std::string id = add_deployment("digits", version_);
  rounds();
  engine_.make_all_ready();
  rounds();
  engine_.containers.clear();
  rounds(2);
  EXPECT_EQ(engine_.containers.size(), 1u);
  EXPECT_EQ(state(id), "starting");
}

TEST_F(Deployments, RefusesWhatCannotBe) {
  const auto reason = [&](const DeploymentRequest& wanted) {
    const auto made = platform_->deployments().create(operator_, wanted);
    return made ? std::string("made") : made.error().reason();
  };
  DeploymentRequest bad = request("Bad Name");
  EXPECT_EQ(reason(bad), "bad-name");
  bad = request("a");
  bad.version_id = "mv-none";
  EXPECT_EQ(reason(bad), "not-found");
  bad = request("a");
  bad.overlay.env = {{.name = "MIFENG_DEPLOYMENT", .value = "x"}};
  EXPECT_EQ(reason(bad), "bad-overlay");
  bad.overlay.env = {{.name = "LD_PRELOAD", .value = "x"}};
  EXPECT_EQ(reason(bad), "bad-overlay");
  bad = request("a");
  bad.overlay.limits = {{"memory", "lots"}};
  EXPECT_EQ(reason(bad), "bad-quantity");
  bad = request("a");
  bad.ports = {30000, 30001};
  EXPECT_EQ(reason(bad), "bad-ports");
  bad.ports = {80};
  EXPECT_EQ(reason(bad), "port-out-of-range");
  bad = request("a", 33);
  EXPECT_EQ(reason(bad), "no-free-ports");
  bad = request("a");
  bad.route.emplace();
  bad.route->name = "x";
  bad.route->prefix = "no-slash";
  EXPECT_EQ(reason(bad), "bad-prefix");
  EXPECT_EQ(platform_->deployments().list(operator_, {}, {})->total, 0) << "nothing is left of what was refused";
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 1).value(), std::vector<int>{30000});
  EXPECT_EQ(reason(request("a")), "made");
  EXPECT_EQ(reason(request("a")), "name-taken");
  EXPECT_EQ(platform_->deployments().create(auditor_, request("b")).error().reason(), "not-allowed");
}

TEST_F(Deployments, AVolumeLiesWhereItsOperatorSays) {
  const std::string version = add_model("acme", "cached", "1.0.0", 1, kCache);
  DeploymentRequest wanted = request("a");
  wanted.version_id = version;
  wanted.overlay.volumes = {{.name = "cache", .claim = "shared", .size = "2Gi"}};
  const auto plan = platform_->deployments().plan(operator_, wanted);
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_NE(json::serialize(plan->rendered).find(R"({"path":"/cache","claim":"acme.shared","sizeBytes":2147483648})"),
            std::string::npos)
      << json::serialize(plan->rendered);
  const auto made = platform_->deployments().create(operator_, wanted);
  ASSERT_TRUE(made) << made.error().message();
  rounds();
  const cluster::PodTemplate pod = engine_.applied.at(made->id).pod;
  ASSERT_EQ(pod.claim_mounts.size(), 1u);
  EXPECT_EQ(pod.claim_mounts[0], (cluster::ClaimMount{"acme.shared", "/cache", std::int64_t{2} << 30}));
  EXPECT_TRUE(pod.scratch_mounts.empty());
  // The same after a restart of the platform, which knows it from the database alone.
  reopen();
  EXPECT_EQ(get(made->id).overlay.volumes, wanted.overlay.volumes);
  rounds();
  EXPECT_EQ(engine_.applied.at(made->id).pod, pod);
  wanted.name = "b";
  wanted.overlay.volumes[0].name = "other";
  EXPECT_EQ(platform_->deployments().plan(operator_, wanted).error().reason(), "bad-overlay");
  EXPECT_EQ(platform_->deployments().create(operator_, wanted).error().reason(), "bad-overlay");
}

TEST_F(Deployments, TaintsAreToleratedInClustersOfKubernetesAlone) {
  add_kubernetes("ward");
  DeploymentRequest wanted = request("a");
  wanted.overlay.tolerations = {{.key = "dedicated", .value = "lab", .effect = "NoExecute", .seconds = 60}};
  const auto plan = platform_->deployments().plan(operator_, wanted);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().reason(), "no-tolerations");
  EXPECT_NE(plan.error().message().find("The cluster local is one machine with Podman"), std::string::npos);
  EXPECT_EQ(platform_->deployments().create(operator_, wanted).error().reason(), "no-tolerations");
  wanted.cluster = "ward";
  const auto made = platform_->deployments().create(operator_, wanted);
  ASSERT_TRUE(made) << made.error().message();
  rounds();
  EXPECT_EQ(far_engine_.applied.at(made->id).pod.tolerations, wanted.overlay.tolerations);
  reopen();
  EXPECT_EQ(get(made->id).overlay.tolerations, wanted.overlay.tolerations);
  wanted.name = "b";
  wanted.overlay.tolerations[0].key = "node.kubernetes.io/not-ready";
  EXPECT_EQ(platform_->deployments().create(operator_, wanted).error().reason(), "bad-overlay");
  // One that is there takes none either where it cannot.
  UpdateRequest update;
  update.tolerations = {{.key = "dedicated"}};
  const std::string near = add_deployment("near", version_);
  EXPECT_EQ(platform_->deployments().plan_update(operator_, near, update).error().reason(), "no-tolerations");
  EXPECT_EQ(platform_->deployments().update(operator_, near, update).error().reason(), "no-tolerations");
  const auto planned = platform_->deployments().plan_update(operator_, made->id, update);
  ASSERT_TRUE(planned) << planned.error().message();
  ASSERT_EQ(planned->changes.size(), 1u);
  EXPECT_EQ(planned->changes[0].field, "tolerations");
  EXPECT_EQ(json::serialize(planned->changes[0].before),
            R"([{"key":"dedicated","value":"lab","effect":"NoExecute","seconds":60}])");
  EXPECT_EQ(json::serialize(planned->changes[0].after), R"([{"key":"dedicated"}])");
}

TEST_F(Deployments, OnlyAcceptedVersionsAreDeployed) {
  ASSERT_TRUE(db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto row, store::find<store::ModelRow>(tx, version_));
    row->state = store::VersionState::kSubmitted;
    MIFENG_CHECK(store::update(tx, *row));
    return ok();
  }));
  EXPECT_EQ(platform_->deployments().create(operator_, request("a")).error().reason(), "version-not-accepted");
  ASSERT_TRUE(platform_->models().refuse(operator_, version_, "no usage examples"));
  EXPECT_EQ(platform_->deployments().plan(operator_, request("a")).error().reason(), "version-not-accepted");
  EXPECT_EQ(platform_->models().accept(operator_, version_).error().reason(), "already-decided");
  ASSERT_TRUE(platform_->models().remove(operator_, version_));
}

TEST_F(Deployments, APlanChangesNothing) {
  DeploymentRequest wanted = request("digits", 2);
  wanted.overlay.limits = {{"memory", "2Gi"}};
  const auto plan = platform_->deployments().plan(operator_, wanted);
  ASSERT_TRUE(plan) << plan.error().message();
  ASSERT_EQ(plan->ports.size(), 2u);
  EXPECT_EQ(plan->ports[0].node_port, 30000);
  EXPECT_EQ(plan->grade, Grade::kL1);
  const std::string rendered = json::serialize(plan->rendered);
  EXPECT_NE(rendered.find("2147483648"), std::string::npos);
  EXPECT_NE(rendered.find("/mifeng/bin/mifeng-guard"), std::string::npos);
  EXPECT_EQ(platform_->deployments().list(operator_, {}, {})->total, 0);
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 1).value(), std::vector<int>{30000});
}

TEST_F(Deployments, PortsOfTheHostCountAsUsedWhoeverHoldsThem) {
  listen_on("tcp", 30000);
  listen_on("tcp6", 30001);
  engine_.foreign_ports = {30002};
  ASSERT_TRUE(platform_->ports().set_reserved(operator_, "", {{.port = 30003, .reason = "the ward's own"}}));
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 2).value(), (std::vector<int>{30004, 30005}));
  for (const int taken : {30000, 30001, 30002, 30003}) {
    DeploymentRequest wanted = request("a");
    wanted.ports = {taken};
    const auto refused = platform_->deployments().create(operator_, wanted);
    ASSERT_FALSE(refused) << taken;
    EXPECT_EQ(refused.error().reason(), "port-taken");
    EXPECT_NE(refused.error().message().find(std::to_string(taken)), std::string::npos);
  }
  const std::string id = add_deployment("digits", version_);
  const auto overview = platform_->ports().overview(auditor_, "").value();
  ASSERT_EQ(overview.size(), 32u);
  EXPECT_EQ(overview[0].state, PortState::kUsedByOthers);
  EXPECT_EQ(overview[3].state, PortState::kReserved);
  EXPECT_EQ(overview[4].state, PortState::kUsed);
  EXPECT_EQ(overview[4].holder, id);
  EXPECT_EQ(overview[5].state, PortState::kFree);
  EXPECT_EQ(platform_->ports().set_reserved(operator_, "", {{.port = 30004, .reason = "x"}}).error().reason(),
            "port-in-use");
  EXPECT_EQ(platform_->ports().set_ranges(operator_, "", {{.first = 31000, .last = 31010}}).error().reason(),
            "port-in-use");
  EXPECT_EQ(platform_->ports().ranges(operator_, "")->at(0).first, 30000) << "and nothing has changed";
}

// As an installation leaves it that was killed with its containers' monitors: nobody listens, and calls go nowhere.
TEST_F(Deployments, PortsThatThePacketFilterSendsElsewhereAreNotFree) {
  const std::string rules =
      "-N NETAVARK-HOSTPORT-DNAT\n"
      "-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 30000 -m comment --comment \"dnat name: mf-0123 id: 21f0\" -j "
      "X\n"
      "-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 30002:30003 -m comment --comment \"dnat name: n\" -j X\n"
      "-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport 99999 -j X\n"
      "-A NETAVARK-HOSTPORT-DNAT -p tcp -m tcp --dport";
  ASSERT_TRUE(write_file_atomic(proc_->path() / "port-rules", as_bytes(rules)));
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 2).value(), (std::vector<int>{30001, 30004}));
  EXPECT_EQ(platform_->ports().overview(auditor_, "").value()[0].state, PortState::kUsedByOthers);
  DeploymentRequest wanted = request("a");
  wanted.ports = {30000};
  const auto refused = platform_->deployments().create(operator_, wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "port-taken");
  EXPECT_NE(refused.error().message().find("mf-0123"), std::string::npos);
}

TEST_F(Deployments, ARecommendedPortThatIsTakenBeforeTheStartIsExchanged) {
  const std::string id = add_deployment("digits", version_, 2);
  listen_on("tcp", 30000);
  engine_.taken_ports = {30000};
  rounds();
  EXPECT_EQ(state(id), "starting") << "at another port already";
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(id), "ready");
  EXPECT_EQ(get(id).units.at(0).ports.at(0).node_port, 30002);
  EXPECT_EQ(get(id).units.at(1).ports.at(0).node_port, 30001) << "the other replica keeps its own";
  const auto events = platform_->audit().list(auditor_, {.actor = "", .action = "ports.move", .subject = id}, {});
  ASSERT_EQ(events->total, 1);
  EXPECT_NE(events->items[0].detail.find("30002 instead of 30000"), std::string::npos);
}

TEST_F(Deployments, APortThatTheOperatorChoseStaysAlsoWhileItIsTaken) {
  DeploymentRequest wanted = request("digits");
  wanted.ports = {30007};
  const auto made = platform_->deployments().create(operator_, wanted);
  ASSERT_TRUE(made);
  listen_on("tcp", 30007);
  engine_.taken_ports = {30007};
  for (int i = 0; i < 5; ++i) {
    rounds();
    clock_.advance(std::chrono::minutes(6));
  }
  EXPECT_EQ(state(made->id), "failed");
  EXPECT_EQ(get(made->id).units.at(0).ports.at(0).node_port, 30007);
  engine_.taken_ports.clear();
  rounds();
  engine_.make_all_ready();
  rounds();
  EXPECT_EQ(state(made->id), "ready");
}

TEST_F(Deployments, RangesAreChecked) {
  for (const std::vector<PortRange>& bad : {std::vector<PortRange>{},
                                            {{.first = 80, .last = 90}},
                                            {{.first = 2000, .last = 1999}},
                                            {{.first = 60000, .last = 65536}},
                                            {{.first = 2000, .last = 2010}, {.first = 2010, .last = 2020}}})
    EXPECT_EQ(platform_->ports().set_ranges(operator_, "", bad).error().reason(), "bad-range");
  const auto sorted =
      platform_->ports().set_ranges(operator_, "", {{.first = 3000, .last = 3001}, {.first = 2000, .last = 2000}});
  ASSERT_TRUE(sorted);
  EXPECT_EQ(sorted->at(0).first, 2000);
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 3).value(), (std::vector<int>{2000, 3000, 3001}));
  EXPECT_EQ(platform_->ports().recommend(operator_, "", 4).error().reason(), "no-free-ports");
}

TEST_F(Deployments, RacingThreadsNeverGetTheSamePort) {
  std::atomic<int> made = 0, taken = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 5; ++i) {
        DeploymentRequest wanted = request("d" + std::to_string(thread) + "-" + std::to_string(i));
        // Every second one insists on the same port.
        if (i % 2 == 0) wanted.ports = {30010};
        const auto done = platform_->deployments().create(operator_, wanted);
        if (done) {
          ++made;
        } else if (done.error().reason() == "port-taken" || done.error().reason() == "no-free-ports") {
          ++taken;
        } else {
          ADD_FAILURE() << done.error().message();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(made + taken, 40);
  std::set<int> ports;
  const auto deployments = platform_->deployments().list(operator_, {}, {.page = 1, .page_size = 200}).value();
  EXPECT_EQ(deployments.total, made);
  for (const auto& deployment : deployments.items)
    for (const auto& port : deployment.ports) EXPECT_TRUE(ports.insert(port.node_port).second) << port.node_port;
  EXPECT_EQ(static_cast<int>(ports.size()), made);
  EXPECT_TRUE(ports.contains(30010));
}

TEST_F(Deployments, GuardsOfAKubernetesClusterAreToldOfTheDoorAndTheirTag) {
  options_.guard_url = "http://192.0.2.1:7083";
  add_kubernetes("ward");
  const std::string far = add_deployment("far", version_, 1, "ward");
  const std::string other = add_deployment("other", version_, 1, "ward");
  const std::string near = add_deployment("near", version_);
  ASSERT_TRUE(platform_->reconciler().run_once());
  const auto door = far_engine_.applied.at(far).door;
  ASSERT_TRUE(door);
  EXPECT_EQ(door->url, "http://192.0.2.1:7083");
  EXPECT_TRUE(door->tag.starts_with("ward.")) << door->tag;
  EXPECT_NE(door->tag, far_engine_.applied.at(other).door.value().tag);
  EXPECT_FALSE(engine_.applied.at(near).door) << "it has a socket";
  // Another tag would be another environment, and every unit would be made anew.
  reopen();
  EXPECT_EQ(door->audience, "mifeng/" + to_hex(card().identity.key_id()));
  ASSERT_TRUE(platform_->keys().rotate(admin_, trust::KeyPurpose::kIdentity));
  ASSERT_TRUE(platform_->deployments().restart(operator_, far));
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_EQ(far_engine_.applied.at(far).door, door);
}

TEST_F(Deployments, LogsOfAUnit) {
  const std::string id = add_deployment("digits", version_);
  rounds();
  std::string text;
  ASSERT_TRUE(platform_->deployments().logs(operator_, id, {}, [&](std::string_view piece) {
    text += piece;
    return text.size() < 60;
  }));
  EXPECT_EQ(text, FakeEngine::unit_name(id, 0) + ": one\n" + FakeEngine::unit_name(id, 0) + ": two\n");
  LogOptions other;
  other.unit = "other";
  EXPECT_FALSE(platform_->deployments().logs(operator_, id, other, [](std::string_view) { return true; }));
  EXPECT_FALSE(platform_->deployments().logs(auditor_, id, {}, [](std::string_view) { return true; }));
}

TEST_F(Deployments, TheReconcilersThreadWakesAndStops) {
  std::promise<void> seen;
  std::once_flag once;
  const auto subscription = platform_->gateways().subscribe([&] { std::call_once(once, [&] { seen.set_value(); }); });
  platform_->reconciler().start();
  const std::string id = add_deployment("digits", version_);
  // The first that gateways could learn of it is what a round of the thread has stored.
  ASSERT_EQ(seen.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(state(id), "starting");
  platform_->reconciler().stop();
  platform_->reconciler().stop();
}

}  // namespace
}  // namespace mifeng::deployments
