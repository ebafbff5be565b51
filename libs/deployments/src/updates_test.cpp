// Revisions: update, history, roll back, restart; withdrawn versions; a database that is older than what runs.
#include <algorithm>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/clusters.h"
#include "mifeng/store/deployments.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;

class Updates : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    first_ = add_model("acme", "digits", "1.0.0");
    second_ = add_model("acme", "digits", "2.0.0", 2);
    id_ = add_deployment("digits", first_, 2);
    settle();
    ASSERT_EQ(get().state, DeploymentState::kReady);
  }
  Deployment get() { return platform_->deployments().get(operator_, id_).value(); }
  void round() {
    const auto done = platform_->reconciler().run_once();
    ASSERT_TRUE(done) << done.error().message();
  }
  // Rounds in which everything that was made becomes ready; never fewer units serve than `at_least`.
  void settle(int at_least = 0) {
    for (int i = 0; i < 12; ++i) {
      round();
      const auto ready = std::count_if(engine_.containers.begin(), engine_.containers.end(), [&](const auto& one) {
        return one.second.ready && one.second.state == cluster::UnitState::kRunning;
      });
      EXPECT_GE(ready, at_least);
      engine_.make_all_ready();
    }
  }
  Result<Deployment> update(const std::string& version) {
    return platform_->deployments().update(operator_, id_,
                                           {.version_id = version, .env = {}, .requests = {}, .limits = {}});
  }

  std::string first_, second_, id_;
};

TEST_F(Updates, ANewerVersionReplacesUnitByUnitAndPortsFollow) {
  const auto updated = update(second_);
  ASSERT_TRUE(updated) << updated.error().message();
  EXPECT_EQ(updated->revision, 2);
  EXPECT_EQ(updated->version, "2.0.0");
  EXPECT_EQ(updated->state, DeploymentState::kUpdating);
  round();
  EXPECT_EQ(engine_.containers.size(), 3u) << "a new one beside the two that serve";
  round();
  EXPECT_EQ(engine_.containers.size(), 3u) << "and nothing more before it is ready";
  EXPECT_EQ(get().ready, 2);
  settle(2);
  const Deployment done = get();
  EXPECT_EQ(done.state, DeploymentState::kReady);
  ASSERT_EQ(done.units.size(), 2u);
  for (const auto& unit : done.units) {
    EXPECT_EQ(unit.revision, 2);
    EXPECT_EQ(unit.ports.size(), 2u);
  }
  EXPECT_EQ(done.ports.size(), 4u) << "what only the update needed is free again";
  EXPECT_EQ(update(second_).error().reason(), "nothing-changed");
}

TEST_F(Updates, AnUpdateThatFailsGoesOnServingAndSaysWhy) {
  ASSERT_TRUE(update(second_));
  engine_.fail_with = "the weights do not fit";
  for (int i = 0; i < 5; ++i) {
    round();
    clock_.advance(std::chrono::minutes(1));
  }
  Deployment deployment = get();
  EXPECT_EQ(deployment.state, DeploymentState::kDegraded);
  EXPECT_TRUE(deployment.update_failed);
  EXPECT_EQ(deployment.ready, 2);
  EXPECT_NE(deployment.reason.find("the weights do not fit"), std::string::npos) << deployment.reason;
  EXPECT_NE(deployment.reason.find("revision 2"), std::string::npos) << deployment.reason;
  engine_.fail_with.clear();
  const auto back = platform_->deployments().rollback(operator_, id_, 0);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->revision, 3);
  EXPECT_EQ(back->version, "1.0.0");
  settle(2);
  deployment = get();
  EXPECT_EQ(deployment.state, DeploymentState::kReady);
  EXPECT_FALSE(deployment.update_failed);
  EXPECT_EQ(deployment.ports.size(), 2u);
}

TEST_F(Updates, OneThatNeverBecomesReadyFailsAtItsDeadline) {
  ASSERT_TRUE(update(second_));
  round();
  EXPECT_EQ(get().state, DeploymentState::kUpdating);
  clock_.advance(std::chrono::minutes(11));
  round();
  EXPECT_EQ(get().state, DeploymentState::kDegraded);
  EXPECT_TRUE(get().update_failed);
  settle(2);
  EXPECT_EQ(get().state, DeploymentState::kReady) << "late is better than never";
}

TEST_F(Updates, TheOverlayAloneIsARevisionToo) {
  UpdateRequest request;
  request.limits.emplace();
  (*request.limits)["memory"] = "2Gi";
  const auto plan = platform_->deployments().plan_update(operator_, id_, request);
  ASSERT_TRUE(plan) << plan.error().message();
  ASSERT_EQ(plan->changes.size(), 1u);
  EXPECT_EQ(plan->changes[0].field, "model.resources.memoryLimitBytes");
  EXPECT_EQ(plan->changes[0].after, json::Value(std::int64_t{2} << 30));
  EXPECT_EQ(plan->strategy, UpdateStrategy::kSurge);
  EXPECT_EQ(get().revision, 1) << "a plan changes nothing";
  ASSERT_TRUE(platform_->deployments().update(operator_, id_, request));
  settle(2);
  const auto history = platform_->deployments().history(auditor_, id_).value();
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].number, 2);
  EXPECT_TRUE(history[0].wanted);
  EXPECT_EQ(history[0].units, 2);
  EXPECT_EQ(history[0].overlay.limits.at("memory"), "2Gi");
  EXPECT_EQ(history[1].cause, "deploy");
  EXPECT_EQ(history[1].units, 0);
}

TEST_F(Updates, AVolumeMovesAndARollbackTakesItBack) {
  const std::string cached =
      add_model("acme", "digits", "3.0.0", 1,
                "  volumes: [{name: cache, emptyDir: {}}]\n  volumeMounts: [{name: cache, mountPath: /cache}]\n");
  id_ = add_deployment("cached", cached, 1);
  settle();
  UpdateRequest request;
  request.volumes = {{.name = "cache", .medium = "disk", .size = "1Gi"}};
  const auto changes = [&] {
    const auto plan = platform_->deployments().plan_update(operator_, id_, request);
    EXPECT_TRUE(plan) << plan.error().message();
    std::string text;
    for (const auto& change : plan->changes)
      text += change.field + " " + json::serialize(change.before) + " " + json::serialize(change.after) + "\n";
    return text;
  };
  EXPECT_EQ(changes(), "mounts./cache \"cache\" {\"volume\":\"cache\",\"sizeBytes\":1073741824}\n");
  request.volumes = {{.name = "cache", .medium = "memory", .size = "8Mi"}};
  EXPECT_EQ(changes(), "model.mounts./cache null 8388608\nmounts./cache \"cache\" null\n");
  ASSERT_TRUE(platform_->deployments().update(operator_, id_, request));
  settle();
  EXPECT_EQ(get().revision, 2);
  EXPECT_EQ(get().overlay.volumes, *request.volumes);
  EXPECT_EQ(engine_.applied.at(id_).pod.model.memory_mounts.back(), (cluster::MemoryMount{"/cache", 8 << 20, false}));
  // What is not named stays, and what is named and empty goes.
  UpdateRequest limits;
  limits.limits.emplace();
  (*limits.limits)["memory"] = "2Gi";
  EXPECT_EQ(platform_->deployments().update(operator_, id_, limits)->overlay.volumes, *request.volumes);
  UpdateRequest none;
  none.volumes.emplace();
  EXPECT_TRUE(platform_->deployments().update(operator_, id_, none)->overlay.volumes.empty());
  EXPECT_EQ(platform_->deployments().rollback(operator_, id_, 2)->overlay.volumes, *request.volumes);
  const auto back = platform_->deployments().rollback(operator_, id_, 1);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_TRUE(back->overlay.volumes.empty());
  settle();
  EXPECT_EQ(engine_.applied.at(id_).pod.scratch_mounts.size(), 1u);
}

// As they were written before a part of the overlay was known.
TEST_F(Updates, ARevisionOfAnOlderPlatformIsReadAndRolledBackTo) {
  ASSERT_TRUE(update(second_));
  settle(2);
  ASSERT_TRUE(db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto rows, store::revisions_of(tx, id_));
    for (store::RevisionRow& row : rows) {
      row.overlay_json = R"({"env":[],"requests":{},"limits":{"memory":"3Gi"}})";
      MIFENG_CHECK(store::update(tx, row));
    }
    return ok();
  }));
  reopen();
  const auto history = platform_->deployments().history(auditor_, id_);
  ASSERT_TRUE(history) << history.error().message();
  EXPECT_EQ(history->back().overlay.limits.at("memory"), "3Gi");
  EXPECT_TRUE(history->back().overlay.volumes.empty() && history->back().overlay.tolerations.empty());
  const auto back = platform_->deployments().rollback(operator_, id_, 1);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->version, "1.0.0");
}

TEST_F(Updates, PlansSayWhatChangesFieldByField) {
  const auto plan = platform_->deployments().plan_update(
      operator_, id_, {.version_id = second_, .env = {}, .requests = {}, .limits = {}});
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(plan->from_version, "1.0.0");
  EXPECT_EQ(plan->to_version, "2.0.0");
  std::vector<std::string> fields;
  for (const auto& change : plan->changes) fields.push_back(change.field);
  EXPECT_NE(std::find(fields.begin(), fields.end(), "ports.p1"), fields.end());
  EXPECT_EQ(std::find(fields.begin(), fields.end(), "ports.p0"), fields.end());
}

TEST_F(Updates, ChosenPortsStayAndAnOldUnitGoesFirst) {
  DeploymentRequest request;
  request.name = "chosen";
  request.version_id = first_;
  request.replicas = 1;
  request.ports = {30020};
  id_ = platform_->deployments().create(operator_, request)->id;
  settle();
  const auto plan = platform_->deployments().plan_update(
      operator_, id_, {.version_id = second_, .env = {}, .requests = {}, .limits = {}});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->strategy, UpdateStrategy::kOutage);
  EXPECT_FALSE(plan->warnings.empty());
  UpdateRequest overlay;
  overlay.limits.emplace();
  (*overlay.limits)["memory"] = "2Gi";
  ASSERT_TRUE(platform_->deployments().update(operator_, id_, overlay));
  settle();
  EXPECT_EQ(get().state, DeploymentState::kReady);
  ASSERT_EQ(get().units.size(), 1u);
  EXPECT_EQ(get().units[0].revision, 2);
  EXPECT_EQ(get().units[0].ports.at(0).node_port, 30020);
}

TEST_F(Updates, RestartReplacesOneAfterTheOther) {
  const auto before = engine_.containers;
  ASSERT_TRUE(platform_->deployments().restart(operator_, id_));
  EXPECT_EQ(get().state, DeploymentState::kUpdating);
  settle(2);
  EXPECT_EQ(get().state, DeploymentState::kReady);
  EXPECT_EQ(engine_.containers.size(), 2u);
  for (const auto& [name, unit] : engine_.containers) {
    EXPECT_EQ(unit.restart, 1);
    if (const auto old = before.find(name); old != before.end()) {
      EXPECT_NE(unit.engine_id, old->second.engine_id);
    }
  }
  EXPECT_EQ(get().revision, 1) << "no other revision";
  const int applies = engine_.applies;
  round();
  EXPECT_EQ(engine_.applies, applies) << "once";
}

TEST_F(Updates, OtherModelsAndUnknownRevisionsAreRefused) {
  const std::string other = add_model("acme", "letters", "1.0.0");
  EXPECT_EQ(update(other).error().reason(), "other-model");
  EXPECT_EQ(update("mv-none").error().reason(), "not-found");
  EXPECT_EQ(platform_->deployments().rollback(operator_, id_, 0).error().reason(), "no-such-revision");
  EXPECT_EQ(platform_->deployments().rollback(operator_, id_, 7).error().reason(), "no-such-revision");
  EXPECT_EQ(platform_->deployments().update(auditor_, id_, {}).error().reason(), "not-allowed");
  EXPECT_EQ(platform_->deployments().history(auditor_, "none").error().code(), ErrorCode::kNotFound);
}

TEST_F(Updates, AWithdrawnVersionRunsOnAndIsDeployedNoMore) {
  const auto withdrawn = platform_->models().withdraw(operator_, first_, "a flaw was found");
  ASSERT_TRUE(withdrawn) << withdrawn.error().message();
  EXPECT_EQ(withdrawn->deployment_ids, std::vector<std::string>{id_});
  EXPECT_EQ(withdrawn->version.state, models::VersionState::kWithdrawn);
  engine_.containers.clear();
  reopen();
  settle();
  EXPECT_EQ(get().state, DeploymentState::kReady) << "what runs of it is kept running";
  DeploymentRequest request;
  request.name = "another";
  request.version_id = first_;
  EXPECT_EQ(platform_->deployments().create(operator_, request).error().reason(), "version-not-accepted");
  EXPECT_EQ(platform_->models().remove(operator_, first_).error().reason(), "version-in-use");
  EXPECT_EQ(platform_->models().withdraw(operator_, "mv-none", "x").error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(update(second_));
  settle(2);
  EXPECT_EQ(platform_->deployments().rollback(operator_, id_, 1).error().reason(), "version-not-accepted");
  ASSERT_TRUE(platform_->deployments().remove(operator_, id_));
  round();
  EXPECT_TRUE(platform_->models().remove(operator_, first_)) << "when nothing has it any more";
}

TEST_F(Updates, WhatIsNewerThanTheDatabaseIsNotSweptAway) {
  // As after a backup of before its deployment was made.
  cluster::Unit newer;
  newer.name = FakeEngine::unit_name("newer-222222", 0);
  newer.deployment = "newer-222222";
  newer.engine_id = "x";
  newer.revision = 1000;
  newer.state = cluster::UnitState::kRunning;
  engine_.containers[newer.name] = newer;
  round();
  round();
  EXPECT_TRUE(engine_.containers.contains(newer.name));
  const auto cluster = platform_->clusters().get(auditor_, clusters::kLocalCluster).value();
  EXPECT_TRUE(cluster.sweep_held);
  EXPECT_NE(cluster.reason.find("mifeng cluster sweep local"), std::string::npos) << cluster.reason;
  const std::string later = add_deployment("later", first_);
  settle();
  EXPECT_GT(engine_.containers.at(FakeEngine::unit_name(later, 0)).revision, 1000) << "no two revisions have one id";
  EXPECT_TRUE(engine_.containers.contains(newer.name));
  EXPECT_EQ(platform_->clusters().allow_sweep(operator_, clusters::kLocalCluster).error().reason(), "not-allowed");
  ASSERT_TRUE(platform_->clusters().allow_sweep(admin_, clusters::kLocalCluster));
  round();
  EXPECT_FALSE(engine_.containers.contains(newer.name));
}

TEST_F(Updates, AClusterThatIsAwaySaysSoAndComesBack) {
  engine_.away = true;
  EXPECT_FALSE(platform_->reconciler().run_once());
  engine_.away = false;
  round();
  auto cluster = platform_->clusters().get(auditor_, clusters::kLocalCluster).value();
  EXPECT_EQ(cluster.state, clusters::ClusterState::kReady);
  EXPECT_EQ(cluster.version, "fake 1");
  EXPECT_EQ(cluster.deployments, 1);
  ASSERT_TRUE(cluster.capacity);
  EXPECT_EQ(cluster.capacity->cpu_millis.all, 4000);
  ASSERT_TRUE(platform_->clusters().set(
      admin_, clusters::kLocalCluster,
      {.name = "ward 3", .default_namespace = "models", .node_addresses = {"127.0.0.1", "::1"}}));
  EXPECT_EQ(platform_->clusters().list(auditor_)->at(0).name, "ward 3");
  for (const std::vector<std::string>& bad : {std::vector<std::string>{}, {"a b"}, {"http://x"}})
    EXPECT_EQ(platform_->clusters()
                  .set(admin_, clusters::kLocalCluster, {.name = "x", .default_namespace = "", .node_addresses = bad})
                  .error()
                  .reason(),
              "bad-node-addresses");
}

}  // namespace
}  // namespace mifeng::deployments
