// Batches: plans, what is applied of them, and what becomes of it.
#include <chrono>
#include <set>
#include <thread>

#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/ports.h"

namespace mifeng::deployments {
namespace {

using platform_fixture::FakeEngine;
using platform_fixture::PlatformTest;

class Batches : public PlatformTest {
 protected:
  void SetUp() override {
    PlatformTest::SetUp();
    version_ = add_model("acme", "digits", "1.0.0");
    ASSERT_TRUE(platform_->ports().set_ranges(operator_, "", {{.first = 30000, .last = 30119}}));
  }
  BatchService& batches() { return platform_->batches(); }
  BatchWish wish(const std::string& name) {
    BatchWish one{.version = version_};
    one.request.name = name;
    return one;
  }
  BatchWishes list(int count, const std::string& stem = "d") {
    BatchWishes wishes;
    for (int i = 1; i <= count; ++i) wishes.items.push_back(wish(stem + std::to_string(i)));
    return wishes;
  }
  BatchPlan plan(const BatchWishes& wishes) {
    auto made = batches().plan(operator_, wishes);
    EXPECT_TRUE(made) << made.error().message();
    return made ? *made : BatchPlan{};
  }
  Batch apply(const BatchPlan& plan, const std::vector<int>& without = {}) {
    auto applied = batches().apply(operator_, plan.id, without);
    EXPECT_TRUE(applied) << applied.error().message();
    EXPECT_TRUE(applied && applied->batch) << (applied ? applied->difference : "");
    return applied && applied->batch ? *applied->batch : Batch{};
  }
  Batch get(const std::string& id) { return batches().get(auditor_, id).value(); }
  // Everything that is wanted runs, and everything that is not is gone.
  void settle() {
    for (int i = 0; i < 4; ++i) {
      (void)platform_->reconciler().run_once();
      engine_.make_all_ready();
      far_engine_.make_all_ready();
    }
    (void)platform_->reconciler().run_once();
  }
  std::vector<Deployment> deployments() {
    return platform_->deployments().list(operator_, {}, {.page = 1, .page_size = 200}).value().items;
  }
  std::set<int> ports_in_use() {
    std::set<int> ports;
    const auto rows = db().read([](store::Transaction& tx) { return store::all<store::UsedPortRow>(tx); }).value();
    for (const auto& row : rows) EXPECT_TRUE(ports.insert(static_cast<int>(row.port)).second);
    return ports;
  }

  std::string version_;
};

std::vector<int> node_ports(const BatchPlanItem& item) {
  std::vector<int> ports;
  for (const auto& port : item.ports) ports.push_back(port.node_port);
  return ports;
}

TEST_F(Batches, APlanHasAPortForEachItemAndChangesNothing) {
  BatchWishes wishes = list(3);
  wishes.items[1].request.replicas = 2;
  wishes.items[2].request.ports = {30001};
  const auto planned = plan(wishes);
  ASSERT_EQ(planned.items.size(), 3u);
  EXPECT_EQ(planned.totals.create, 3);
  EXPECT_EQ(planned.totals.ports, 4);
  EXPECT_EQ(node_ports(planned.items[0]), (std::vector<int>{30000}));
  EXPECT_EQ(node_ports(planned.items[1]), (std::vector<int>{30002, 30003})) << "what the third chose is its own";
  EXPECT_EQ(node_ports(planned.items[2]), (std::vector<int>{30001}));
  EXPECT_TRUE(deployments().empty());
  EXPECT_TRUE(ports_in_use().empty());
  ASSERT_EQ(planned.clusters.size(), 1u);
  EXPECT_TRUE(planned.clusters[0].known);
  EXPECT_EQ(planned.clusters[0].cluster, clusters::kLocalCluster);
  EXPECT_EQ(batches().find_plan(operator_, planned.id)->items.size(), 3u);
  EXPECT_EQ(batches().plan(auditor_, wishes).error().reason(), "not-allowed");
}

TEST_F(Batches, WhatAQuotaDoesNotLeaveIsSaidAtTheItemsThatItKeepsOut) {
  engine_.counts = {{"pods", {.all = 10, .free = 2}}, {"services.nodeports", {.all = 9, .free = 9}}};
  BatchWishes wishes = list(4);
  wishes.items[1].request.replicas = 0;
  const auto planned = plan(wishes);
  for (const auto& item : planned.items)
    EXPECT_EQ(std::count(item.warnings.begin(), item.warnings.end(),
                         "with the items before it, it asks for more than the quota of the namespace leaves: pods"),
              item.number == 4 ? 1 : 0)
        << item.number;
  EXPECT_EQ(planned.totals.refused, 0) << "a quota may be raised while the units wait";
}

TEST_F(Batches, ItemsPutVolumesElsewhereAndTolerateTaintsWhereThereAreSome) {
  add_kubernetes("ward");
  const std::string cached =
      add_model("acme", "cached", "1.0.0", 1,
                "  volumes: [{name: cache, emptyDir: {}}]\n  volumeMounts: [{name: cache, mountPath: /cache}]\n");
  BatchWishes wishes = list(4);
  wishes.items[0].version = cached;
  wishes.items[0].request.overlay.volumes = {{.name = "cache", .medium = "memory", .size = "1Gi"}};
  wishes.items[1].request.overlay.volumes = wishes.items[0].request.overlay.volumes;  // its config has none
  wishes.items[2].request.overlay.tolerations = {{.key = "dedicated"}};
  wishes.items[3].request = wishes.items[2].request;
  wishes.items[3].request.name = "far";
  wishes.items[3].request.cluster = "ward";
  const auto planned = plan(wishes);
  EXPECT_TRUE(planned.items[0].refusals.empty() && planned.items[3].refusals.empty());
  ASSERT_EQ(planned.items[1].refusals.size(), 1u);
  EXPECT_EQ(planned.items[1].refusals[0].code, "bad-overlay");
  ASSERT_EQ(planned.items[2].refusals.size(), 1u);
  EXPECT_EQ(planned.items[2].refusals[0].code, "no-tolerations");
  EXPECT_EQ(planned.items[2].refusals[0].remedy, "leave the tolerations out, or give the item a cluster of Kubernetes");
  apply(planned, {2, 3});
  settle();
  const auto made = deployments();
  ASSERT_EQ(made.size(), 2u);
  for (const Deployment& one : made) {
    if (one.name == "far")
      EXPECT_EQ(one.overlay.tolerations, wishes.items[3].request.overlay.tolerations);
    else
      EXPECT_EQ(one.overlay.volumes, wishes.items[0].request.overlay.volumes);
  }
  // The same again is no change; another place is an update.
  wishes.items = {wishes.items[0], wishes.items[3]};
  EXPECT_EQ(plan(wishes).totals.none, 2);
  wishes.items[0].request.overlay.volumes[0].size = "2Gi";
  const auto again = plan(wishes);
  EXPECT_EQ(again.totals.update, 1);
  ASSERT_EQ(again.items[0].changes.size(), 1u);
  EXPECT_EQ(again.items[0].changes[0].field, "model.mounts./cache");
}

TEST_F(Batches, AFilterFindsTheNewestOfEachModel) {
  add_model("acme", "letters", "1.0.0");
  clock_.advance(std::chrono::seconds(1));
  add_model("acme", "letters", "1.1.0");
  add_model("beta", "words", "2.0.0");
  BatchWishes wishes;
  wishes.filter.emplace();
  wishes.filter->vendor = "acme";
  wishes.name = "{vendor}-{model}";
  wishes.prefix = "/{vendor}/{model}";
  wishes.replicas = 2;
  auto planned = plan(wishes);
  ASSERT_EQ(planned.items.size(), 2u);
  EXPECT_EQ(planned.items[0].request.name, "acme-digits");
  EXPECT_EQ(planned.items[1].version, "1.1.0");
  EXPECT_EQ(planned.items[1].request.route->prefix, "/acme/letters");
  EXPECT_EQ(planned.items[1].ports.size(), 2u);
  wishes.except = {"acme/digits"};
  wishes.edits.push_back({.version = "acme/letters"});
  wishes.edits[0].request.replicas = 1;
  wishes.edits[0].request.name = "abc";
  planned = plan(wishes);
  ASSERT_EQ(planned.items.size(), 1u);
  EXPECT_EQ(planned.items[0].request.name, "abc");
  EXPECT_EQ(planned.items[0].ports.size(), 1u);
  wishes.edits.push_back({.version = "acme/digits@9"});
  EXPECT_EQ(batches().plan(operator_, wishes).error().reason(), "unknown-edit");
  wishes.edits.clear();
  wishes.name = "{name}";
  EXPECT_EQ(batches().plan(operator_, wishes).error().reason(), "bad-pattern");
  wishes = {};
  wishes.filter.emplace();
  wishes.filter->vendor = "nobody";
  EXPECT_EQ(batches().plan(operator_, wishes).error().reason(), "nothing-to-plan");
}

TEST_F(Batches, OneBadItemAmongAHundredIsLeftOut) {
  BatchWishes wishes = list(100);
  wishes.items[41].version = "acme/digits@7.7.7";
  const auto planned = plan(wishes);
  EXPECT_EQ(planned.totals.refused, 1);
  ASSERT_EQ(planned.items[41].refusals.size(), 1u);
  EXPECT_EQ(planned.items[41].refusals[0].code, "not-found");
  EXPECT_FALSE(planned.items[41].refusals[0].remedy.empty());
  const auto refused = batches().apply(operator_, planned.id, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "plan-refuses");
  EXPECT_NE(refused.error().message().find("42"), std::string::npos);
  EXPECT_EQ(batches().apply(operator_, planned.id, {101}).error().reason(), "bad-batch");
  const auto batch = apply(planned, {42});
  EXPECT_EQ(batch.counts.waiting, 99);
  EXPECT_EQ(batches().apply(operator_, planned.id, {42}).error().reason(), "plan-applied");
  settle();
  const auto done = get(batch.id);
  EXPECT_EQ(done.counts.ready, 99);
  EXPECT_EQ(done.state, BatchState::kDone);
  EXPECT_EQ(deployments().size(), 99u);
  std::set<int> planned_ports;
  for (const auto& item : planned.items)
    if (!item.ports.empty()) planned_ports.insert(item.ports[0].node_port);
  EXPECT_EQ(ports_in_use(), planned_ports) << "those of the plan";
}

TEST_F(Batches, EveryKindOfRefusalSaysWhatToDo) {
  ASSERT_TRUE(platform_->ports().set_ranges(operator_, "", {{.first = 30000, .last = 30031}}));
  add_deployment("there", version_);
  const std::string letters = add_model("acme", "letters", "1.0.0");
  BatchWishes wishes = list(9);
  wishes.items[0].request.name = "Bad Name";
  wishes.items[1].request.name = "same";
  wishes.items[2].request.name = "same";
  wishes.items[3].request.cluster = "nowhere";
  wishes.items[4].request.ports = {80};
  wishes.items[5].request.replicas = 64;  // more than there are ports
  wishes.items[6].request.name = "there";
  wishes.items[6].version = letters;
  wishes.items[7].request.route.emplace();
  wishes.items[7].request.route->name = "d8";
  wishes.items[7].request.route->prefix = "no slash";
  const auto planned = plan(wishes);
  const std::vector<std::string> expected{
      "bad-name", "", "name-taken", "not-found", "port-out-of-range", "no-free-ports", "other-model", "bad-prefix", ""};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    const auto& refusals = planned.items[i].refusals;
    ASSERT_EQ(refusals.empty(), expected[i].empty()) << (refusals.empty() ? "" : refusals[0].message);
    if (expected[i].empty()) continue;
    EXPECT_EQ(refusals[0].code, expected[i]);
    EXPECT_FALSE(refusals[0].remedy.empty());
  }
  EXPECT_EQ(planned.items[8].ports.size(), 1u) << "what was too much for another is not lost";
}

TEST_F(Batches, APlanThatRestsOnSomethingElseIsRefusedWithTheNewOne) {
  const auto planned = plan(list(3));
  add_deployment("other", version_);  // takes the first port
  const auto refused = batches().apply(operator_, planned.id, {});
  ASSERT_TRUE(refused) << refused.error().message();
  EXPECT_FALSE(refused->batch);
  ASSERT_TRUE(refused->changed);
  EXPECT_NE(refused->difference.find("ports"), std::string::npos) << refused->difference;
  EXPECT_EQ(refused->changed->items[0].ports[0].node_port, 30001);
  EXPECT_EQ(apply(*refused->changed).items.size(), 3u);
}

TEST_F(Batches, PlansAreForgottenWithTimeWithNumberAndWithTheProcess) {
  const auto first = plan(list(1));
  clock_.advance(std::chrono::milliseconds(kBatchPlanLifetime));
  EXPECT_EQ(batches().apply(operator_, first.id, {}).error().reason(), "plan-gone");
  const auto second = plan(list(1));
  for (std::size_t i = 0; i < kBatchPlansMax; ++i) plan(list(1));
  EXPECT_EQ(batches().find_plan(operator_, second.id).error().reason(), "plan-gone");
  const auto third = plan(list(1));
  reopen();
  EXPECT_EQ(batches().apply(operator_, third.id, {}).error().reason(), "plan-gone");
}

TEST_F(Batches, ADeploymentThatIsThereIsUpdated) {
  const std::string id = add_deployment("d1", version_);
  settle();
  BatchWishes wishes = list(2);
  EXPECT_EQ(plan(wishes).items[0].action, BatchAction::kNone);
  wishes.items[0].request.replicas = 3;
  const auto scaled = plan(wishes);
  EXPECT_EQ(scaled.items[0].action, BatchAction::kUpdate);
  ASSERT_EQ(scaled.items[0].changes.size(), 1u);
  EXPECT_EQ(scaled.items[0].changes[0].field, "replicas");
  EXPECT_EQ(scaled.items[0].changes[0].before, json::Value(std::int64_t{1}));
  EXPECT_EQ(scaled.items[0].changes[0].after, json::Value(std::int64_t{3}));
  wishes.items[0].request.replicas.reset();
  const std::string next = add_model("acme", "digits", "1.1.0");
  for (auto& item : wishes.items) item.version = "acme/digits@1.1.0";
  const auto planned = plan(wishes);
  EXPECT_EQ(planned.items[0].action, BatchAction::kUpdate);
  EXPECT_EQ(planned.items[0].deployment_id, id);
  EXPECT_EQ(planned.items[0].from_revision, 1);
  EXPECT_EQ(planned.items[1].action, BatchAction::kCreate);
  const auto batch = apply(planned);
  settle();
  EXPECT_EQ(get(batch.id).counts.ready, 2);
  EXPECT_EQ(platform_->deployments().get(operator_, id)->version_id, next);
  // The same again: nothing is to do, and that is fine.
  const auto again = apply(plan(wishes));
  settle();
  EXPECT_EQ(get(again.id).counts.ready, 2);
  EXPECT_EQ(get(again.id).items[0].action, BatchAction::kNone);
  EXPECT_EQ(platform_->deployments().get(operator_, id)->revision, 2);
  // Back to what ran before, and what was new goes.
  const auto back = batches().roll_back(operator_, batch.id);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->asked, BatchAsked::kRollBack);
  settle();
  settle();
  EXPECT_EQ(get(batch.id).counts.rolled_back, 2);
  ASSERT_EQ(deployments().size(), 1u);
  EXPECT_EQ(platform_->deployments().get(operator_, id)->version_id, version_);
  EXPECT_EQ(ports_in_use().size(), 1u);
  EXPECT_EQ(batches().retry(operator_, batch.id).error().reason(), "batch-rolled-back");
}

TEST_F(Batches, WhatSomebodyChangedSinceIsNotRolledBack) {
  const auto batch = apply(plan(list(2)));
  settle();
  UpdateRequest more;
  more.limits.emplace();
  (*more.limits)["memory"] = "4Gi";
  ASSERT_TRUE(platform_->deployments().update(operator_, get(batch.id).items[0].deployment_id, more));
  settle();
  ASSERT_TRUE(batches().roll_back(operator_, batch.id));
  settle();
  const auto after = get(batch.id);
  EXPECT_EQ(after.items[0].state, BatchItemState::kFailed);
  EXPECT_EQ(after.items[0].code, "changed-since");
  EXPECT_EQ(after.items[1].state, BatchItemState::kRolledBack);
  EXPECT_EQ(deployments().size(), 1u);
}

TEST_F(Batches, CancelledItemsAreNotMade) {
  const auto batch = apply(plan(list(5)));
  const auto cancelled = batches().cancel(operator_, batch.id);
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(cancelled->counts.cancelled, 5);
  settle();
  EXPECT_TRUE(deployments().empty());
  EXPECT_EQ(batches().cancel(operator_, "ba-none").error().reason(), "not-found");
  EXPECT_EQ(batches().cancel(auditor_, batch.id).error().reason(), "not-allowed");
}

TEST_F(Batches, WithoutAPlanEachItemStandsAloneAndGoesOnAfterARestart) {
  std::vector<DeploymentRequest> items(4);
  const std::vector<std::string> names{"a", "b", "Bad Name", "c"};
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].name = names[i];
    items[i].version_id = version_;
  }
  items[1].ports = {80};
  const auto batch = batches().create(operator_, items);
  ASSERT_TRUE(batch) << batch.error().message();
  EXPECT_EQ(batch->counts.waiting, 4) << "it returns at once";
  reopen();
  settle();
  auto done = get(batch->id);
  EXPECT_EQ(done.counts.ready, 2);
  EXPECT_EQ(done.items[1].code, "port-out-of-range");
  EXPECT_NE(done.items[1].message.find("80"), std::string::npos);
  EXPECT_EQ(done.items[2].code, "bad-name");
  const std::string first = done.items[0].deployment_id;
  ASSERT_TRUE(platform_->ports().set_ranges(operator_, "", {{.first = 1024, .last = 30100}}));
  ASSERT_TRUE(batches().retry(operator_, batch->id));
  settle();
  done = get(batch->id);
  EXPECT_EQ(done.items[0].deployment_id, first);
  EXPECT_EQ(done.items[2].state, BatchItemState::kFailed);
  EXPECT_EQ(deployments().size(), 2u);
  const auto page = batches().list(auditor_, "", {});
  ASSERT_EQ(page->total, 1);
  EXPECT_EQ(page->items[0].counts.failed, 2);
}

TEST_F(Batches, AnItemWhoseUnitsFailIsRestartedByARetry) {
  engine_.fail_with = "it cannot";
  const auto batch = apply(plan(list(1)));
  for (int i = 0; i < 8; ++i) {
    (void)platform_->reconciler().run_once();
    clock_.advance(std::chrono::minutes(10));
  }
  auto done = get(batch.id);
  EXPECT_EQ(done.items[0].state, BatchItemState::kFailed);
  EXPECT_EQ(done.items[0].code, "deployment-failed");
  EXPECT_NE(done.items[0].message.find("it cannot"), std::string::npos) << done.items[0].message;
  engine_.fail_with.clear();
  ASSERT_TRUE(batches().retry(operator_, batch.id));
  settle();
  settle();
  done = get(batch.id);
  EXPECT_EQ(done.items[0].state, BatchItemState::kReady) << done.items[0].message;
  EXPECT_EQ(deployments().size(), 1u);
}

TEST_F(Batches, OneItemIsTriedAgainByItself) {
  engine_.fail_with = "it cannot";
  const auto batch = apply(plan(list(3)));
  for (int i = 0; i < 8; ++i) {
    (void)platform_->reconciler().run_once();
    clock_.advance(std::chrono::minutes(10));
  }
  ASSERT_EQ(get(batch.id).counts.failed, 3);
  EXPECT_EQ(batches().retry(auditor_, batch.id, {2}).error().reason(), "not-allowed");
  EXPECT_EQ(batches().retry(operator_, batch.id, {4}).error().reason(), "no-such-item");
  EXPECT_EQ(batches().retry(operator_, "ba-none", {1}).error().reason(), "not-found");
  engine_.fail_with.clear();
  const auto tried = batches().retry(operator_, batch.id, {2});
  ASSERT_TRUE(tried) << tried.error().message();
  EXPECT_EQ(tried->counts.failed, 2);
  EXPECT_EQ(tried->items[1].state, BatchItemState::kWorking);
  // One that has not failed makes the whole of it nothing. Nobody looks at the units meanwhile: an engine that works
  // again makes the others ready too, without being asked.
  EXPECT_EQ(batches().retry(operator_, batch.id, {1, 2}).error().reason(), "item-not-failed");
  EXPECT_EQ(batches().retry(operator_, batch.id, {1, 9}).error().reason(), "no-such-item");
  EXPECT_EQ(get(batch.id).counts.failed, 2);
  ASSERT_TRUE(batches().retry(operator_, batch.id, {3, 1, 3}));
  settle();
  settle();
  EXPECT_EQ(get(batch.id).counts.ready, 3);
}

TEST_F(Batches, AreFoundByIdByWhoBeganThemAndByTheNamesInThem) {
  std::vector<DeploymentRequest> items(2);
  for (auto& item : items) item.version_id = version_;
  items[0].name = "wheat";
  items[1].name = "50%-rye";  // no name of a deployment, so that this item fails
  const auto first = batches().create(operator_, items).value();
  items[0].name = "maize";
  items[1].name = "barley";
  const auto second = batches().create(admin_, items).value();
  const auto found = [&](const std::string& text) {
    const auto page = batches().list(auditor_, text, {}).value();
    EXPECT_EQ(page.total, static_cast<std::int64_t>(page.items.size()));
    std::vector<std::string> ids;
    for (const auto& one : page.items) ids.push_back(one.id);
    std::ranges::sort(ids);
    return ids;
  };
  std::vector<std::string> both{first.id, second.id};
  std::ranges::sort(both);
  using Ids = std::vector<std::string>;
  for (int i = 0; i < 2; ++i) {  // what waits is found as what was made is
    EXPECT_EQ(found(""), both);
    EXPECT_EQ(found("WHEAT"), Ids{first.id});
    EXPECT_EQ(found("50%"), Ids{first.id});
    EXPECT_EQ(found("barl"), Ids{second.id});
    EXPECT_EQ(found(second.id.substr(3)), Ids{second.id});
    EXPECT_EQ(found(operator_.name), Ids{first.id});
    EXPECT_EQ(found("_heat"), Ids{});
    EXPECT_EQ(found("version"), Ids{}) << "a name alone, and nothing else of what was asked for";
    EXPECT_EQ(found("overlay"), Ids{});
    settle();
  }
  EXPECT_EQ(get(first.id).items[1].code, "bad-name");
}

TEST_F(Batches, ADeploymentThatIsRemovedMeanwhileFailsItsItem) {
  const auto batch = apply(plan(list(1)));
  ASSERT_TRUE(platform_->reconciler().run_once());
  ASSERT_TRUE(platform_->deployments().remove(operator_, get(batch.id).items[0].deployment_id));
  settle();
  EXPECT_EQ(get(batch.id).items[0].code, "no-such-deployment");
  ASSERT_TRUE(batches().retry(operator_, batch.id));
  settle();
  EXPECT_EQ(get(batch.id).items[0].state, BatchItemState::kReady);
}

TEST_F(Batches, AClusterThatIsAwayHoldsUpNoOther) {
  add_kubernetes("ward");
  far_engine_.away = true;
  std::vector<DeploymentRequest> items(20);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i].name = "d" + std::to_string(i);
    items[i].version_id = version_;
    items[i].cluster = i % 2 == 0 ? "ward" : "";
  }
  const auto batch = batches().create(operator_, items).value();
  settle();
  auto now = get(batch.id);
  EXPECT_EQ(now.counts.ready, 10);
  EXPECT_EQ(now.counts.waiting, 10);
  EXPECT_EQ(now.items[0].code, "engine-unavailable");
  far_engine_.away = false;
  settle();
  EXPECT_EQ(get(batch.id).counts.ready, 20);
}

TEST_F(Batches, APlanOfAClusterThatIsAwaySaysSo) {
  add_kubernetes("ward");
  far_engine_.away = true;
  BatchWishes wishes = list(2);
  wishes.items[0].request.cluster = "ward";
  const auto planned = plan(wishes);
  ASSERT_EQ(planned.items[0].refusals.size(), 1u);
  EXPECT_EQ(planned.items[0].refusals[0].code, "engine-unavailable");
  EXPECT_TRUE(planned.items[1].refusals.empty());
}

TEST_F(Batches, TheReconcilerWorksOnEightAtATimeByItself) {
  const auto batch = apply(plan(list(40)));
  platform_->reconciler().start();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (get(batch.id).counts.waiting > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  platform_->reconciler().stop();
  EXPECT_EQ(get(batch.id).counts.working, 40);
  EXPECT_LE(engine_.most_at_once, options_.parallel_deployments);
  EXPECT_FALSE(engine_.overlapped);
  (void)platform_->reconciler().run_once();
  EXPECT_EQ(engine_.containers.size(), 40u);
  EXPECT_EQ(engine_.applied.size(), 40u);
}

}  // namespace
}  // namespace mifeng::deployments
