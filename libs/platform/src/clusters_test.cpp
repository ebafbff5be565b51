// Clusters that an operator adds and removes, with somebody in the place of a real one.
#include <fstream>
#include <iterator>
#include <thread>

#include "mifeng/clusters/engine_call.h"
#include "mifeng/platform_fixture/platform_test.h"
#include "mifeng/store/clusters.h"

namespace mifeng::platform {
namespace {

using clusters::ClusterAccess;
using platform_fixture::PlatformTest;

const std::string kSecret = "the login that was made for us";

class FakeJoiner final : public clusters::ClusterJoiner {
 public:
  Result<clusters::JoinedCluster> join(const clusters::JoinRequest& request) override {
    ++joins;
    asked = std::string(as_text(request.kubeconfig.reveal_for_parsing()));
    knows_itself = request.has_cluster(request.id);
    if (fails) return *fails;
    clusters::JoinedCluster joined;
    joined.address = address;
    joined.version = "kubernetes v1.33.1";
    joined.node_addresses = nodes;
    joined.secret = SecretBytes(as_bytes(kSecret));
    return joined;
  }
  Result<std::string> leave(const ClusterAccess& access) override {
    left.push_back(access.id + " " + access.name_space + " " +
                   std::string(as_text(access.secret.reveal_for_parsing())));
    if (fails) return *fails;
    return std::string();
  }
  Result<void> protect(const ClusterAccess& access) override {
    protected_clusters.push_back(access.id);
    if (fails) return *fails;
    return ok();
  }
  Result<std::optional<SecretBytes>> set_pull_login(const ClusterAccess& access,
                                                    const clusters::PullLogin& login) override {
    const std::string password(as_text(login.password.reveal_for_parsing()));
    logins.push_back(access.id + " " + login.registry + " " + login.user + " " + password);
    if (fails) return *fails;
    if (login.user.empty() && !has_login) return std::optional<SecretBytes>();
    has_login = true;
    return std::optional<SecretBytes>(SecretBytes(as_bytes(kSecret + " and " + password)));
  }
  Result<std::vector<clusters::ClusterFinding>> examine(const ClusterAccess& access) override {
    return std::vector<clusters::ClusterFinding>{
        {clusters::FindingState::kFine, access.id, std::string(as_text(access.secret.reveal_for_parsing())), ""}};
  }

  std::string asked;
  std::string address = "https://192.0.2.1:6443";
  std::vector<std::string> nodes{"192.0.2.2", "192.0.2.3"};
  std::optional<Error> fails;
  bool knows_itself = true;
  int joins = 0;
  std::vector<std::string> left, protected_clusters;
  std::vector<std::string> logins;
  bool has_login = false;
};

class AddedClusters : public PlatformTest {
 protected:
  void SetUp() override {
    options_.joiner = &joiner_;
    PlatformTest::SetUp();
  }
  static clusters::NewCluster east() {
    clusters::NewCluster input;
    input.id = "east";
    input.default_namespace = "models";
    input.kubeconfig = SecretBytes(as_bytes("a kubeconfig"));
    return input;
  }
  std::string add(clusters::NewCluster input) {
    const auto added = platform_->clusters().add(admin_, std::move(input));
    return added ? "added" : std::string(added.error().reason());
  }
  std::string remove(const std::string& id, bool abandon = false) {
    const auto removed = platform_->remove_cluster(admin_, id, abandon);
    return removed ? "removed" : std::string(removed.error().reason());
  }
  std::vector<std::string> audited(const std::string& action) {
    std::vector<std::string> found;
    trust::AuditQuery query;
    query.action = action;
    const auto page = platform_->audit().list(auditor_, query, {}).value();
    for (const auto& entry : page.items) found.push_back(entry.subject + ": " + entry.outcome + ": " + entry.detail);
    return found;
  }

  FakeJoiner joiner_;
};

TEST_F(AddedClusters, AreKeptWithTheirSecretWrapped) {
  EXPECT_EQ(platform_->clusters().add(operator_, east()).error().reason(), "not-allowed");
  EXPECT_EQ(joiner_.joins, 0);
  clusters::NewCluster input = east();
  input.registry = "registry.example:5000";
  const auto added = platform_->clusters().add(admin_, std::move(input));
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(joiner_.asked, "a kubeconfig");
  EXPECT_FALSE(joiner_.knows_itself);
  EXPECT_EQ(added->kind, clusters::ClusterKind::kKubernetes);
  EXPECT_EQ(added->address, "https://192.0.2.1:6443");
  EXPECT_EQ(added->node_addresses, joiner_.nodes);
  const auto ranges = platform_->ports().ranges(operator_, "east").value();
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].first, 30000);
  EXPECT_EQ(ranges[0].last, 32767);
  EXPECT_EQ(audited("cluster.add"), std::vector<std::string>{"east: ok: https://192.0.2.1:6443, namespace models"});

  // Neither the login nor the kubeconfig is anywhere on the disk in clear.
  for (const auto& file : std::filesystem::recursive_directory_iterator(options_.data_dir)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(content.find(kSecret), std::string::npos) << file.path();
    EXPECT_EQ(content.find("a kubeconfig"), std::string::npos) << file.path();
  }
  reopen();
  const auto found = platform_->clusters().examine(operator_, "east");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->at(0).detail, kSecret);
}

TEST_F(AddedClusters, AnotherPullLoginIsMadeInTheClusterFirstAndKeptWrapped) {
  ASSERT_EQ(add(east()), "added");
  const auto set = [&](const std::string& registry, const std::string& user, const std::string& password) {
    clusters::ClusterInput input;
    input.name = "east";
    input.default_namespace = "models";
    input.node_addresses = {"192.0.2.2"};
    input.registry = registry;
    input.pull_user = user;
    input.pull_password = SecretBytes(as_bytes(password));
    const auto done = platform_->clusters().set(admin_, "east", input);
    return done ? "set" : std::string(done.error().reason());
  };
  EXPECT_EQ(set("", "robot$nodes", "first"), "bad-pull-login") << "of which registry?";
  EXPECT_EQ(set("registry.example", "robot$nodes", ""), "bad-pull-login");
  EXPECT_EQ(set("registry.example", "", "first"), "bad-pull-login");
  EXPECT_TRUE(joiner_.logins.empty());
  EXPECT_EQ(set("registry.example", "", ""), "set");
  EXPECT_EQ(joiner_.logins, std::vector<std::string>{"east registry.example  "}) << "it may hold one";
  joiner_.logins.clear();
  EXPECT_EQ(set("registry.example", "", ""), "set");
  EXPECT_TRUE(joiner_.logins.empty()) << "nothing of it is another";

  joiner_.fails = Error(ErrorCode::kUnavailable, "api-unavailable", "away");
  EXPECT_EQ(set("registry.example", "robot$nodes", "a-first-password"), "api-unavailable");
  joiner_.fails.reset();
  EXPECT_EQ(platform_->clusters().examine(operator_, "east")->at(0).detail, kSecret) << "it stays as it was";
  EXPECT_EQ(set("registry.example", "robot$nodes", "a-second-password"), "set");
  EXPECT_EQ(joiner_.logins.back(), "east registry.example robot$nodes a-second-password");
  EXPECT_EQ(platform_->clusters().examine(operator_, "east")->at(0).detail, kSecret + " and a-second-password");
  EXPECT_EQ(set("other.example", "", ""), "set") << "the secret names its registry";
  EXPECT_EQ(joiner_.logins.back(), "east other.example  ");
  for (const std::string& entry : audited("cluster.set")) EXPECT_EQ(entry.find("password"), std::string::npos) << entry;
  for (const auto& file : std::filesystem::recursive_directory_iterator(options_.data_dir)) {
    if (!file.is_regular_file()) continue;
    std::ifstream in(file.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(content.find("a-second-password"), std::string::npos) << file.path();
  }

  clusters::ClusterInput local;
  local.name = "this machine";
  local.default_namespace = "models";
  local.node_addresses = {"127.0.0.1"};
  local.pull_user = "robot";
  local.pull_password = SecretBytes(as_bytes("x"));
  EXPECT_EQ(platform_->clusters().set(admin_, "local", local).error().reason(), "local-cluster");
}

TEST_F(AddedClusters, AViewThatIsOlderThanAMinuteSaysSo) {
  const auto stale = [&] {
    const auto nodes = platform_->clusters().nodes(auditor_, "local").value();
    EXPECT_EQ(nodes.items.at(0).name, "node1");
    EXPECT_EQ(platform_->clusters().list(auditor_)->at(0).stale, nodes.stale);
    EXPECT_EQ(platform_->clusters().get(auditor_, "local")->stale, nodes.stale);
    EXPECT_EQ(platform_->clusters().events(auditor_, "local")->stale, nodes.stale);
    EXPECT_EQ(platform_->clusters().list(auditor_)->at(0).seen_ms, nodes.seen_ms);
    return nodes.stale;
  };
  EXPECT_FALSE(stale()) << "it is asked anew each time";
  engine_.seen_at = clock_.now_ms() - 60'000;
  EXPECT_FALSE(stale());
  engine_.seen_at = clock_.now_ms() - 60'001;
  EXPECT_TRUE(stale());
  engine_.seen_at = 0;
  EXPECT_TRUE(stale()) << "never seen at all";
  EXPECT_EQ(platform_->clusters().nodes(auditor_, "east").error().reason(), "not-found");
}

TEST_F(AddedClusters, ASecretOpensForItsOwnClusterAlone) {
  ASSERT_EQ(add(east()), "added");
  joiner_.address = "https://192.0.2.9:6443";
  clusters::NewCluster west = east();
  west.id = "west";
  ASSERT_EQ(add(std::move(west)), "added");
  ASSERT_TRUE(db().write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(auto from, store::find<store::ClusterRow>(tx, std::string("east")));
    MIFENG_TRY(auto to, store::find<store::ClusterRow>(tx, std::string("west")));
    to->wrapped_access = from->wrapped_access;
    MIFENG_CHECK(store::update(tx, *to));
    return ok();
  }));
  reopen();  // it starts all the same
  EXPECT_EQ(platform_->clusters().examine(operator_, "west").error().reason(), "wrapped-key-does-not-fit");
  EXPECT_TRUE(platform_->clusters().examine(operator_, "east"));
  EXPECT_EQ(platform_->clusters().get(operator_, "west")->state, clusters::ClusterState::kAway);
}

TEST_F(AddedClusters, WhatIsWrongIsRefusedBeforeTheClusterIsAsked) {
  const auto with = [](auto change) {
    clusters::NewCluster input = east();
    change(input);
    return input;
  };
  EXPECT_EQ(add(with([](auto& input) { input.id = "East!"; })), "bad-name");
  EXPECT_EQ(add(with([](auto& input) { input.id = "local"; })), "cluster-exists");
  EXPECT_EQ(add(with([](auto& input) { input.default_namespace = "kube-system"; })), "bad-namespace");
  EXPECT_EQ(add(with([](auto& input) { input.default_namespace = ""; })), "bad-name");
  EXPECT_EQ(add(with([](auto& input) { input.node_addresses = {"http://a"}; })), "bad-node-addresses");
  EXPECT_EQ(add(with([](auto& input) { input.registry = "https://registry.example"; })), "bad-registry");
  EXPECT_EQ(add(with([](auto& input) { input.guard_url = "registry.example"; })), "bad-guard-url");
  EXPECT_EQ(add(with([](auto& input) { input.pull_user = "robot"; })), "bad-pull-login");
  EXPECT_EQ(add(with([](auto& input) {
              input.pull_user = "robot";
              input.pull_password = SecretBytes(as_bytes("x"));
            })),
            "bad-pull-login");
  EXPECT_EQ(add(with([](auto& input) { input.kubeconfig = SecretBytes(std::size_t{1 << 20}); })), "bad-kubeconfig");
  EXPECT_EQ(joiner_.joins, 0);

  joiner_.fails = Error(ErrorCode::kInvalidArgument, "too-few-rights", "The login may not: create namespaces.");
  EXPECT_EQ(add(east()), "too-few-rights");
  EXPECT_EQ(audited("cluster.add"),
            std::vector<std::string>{"east: too-few-rights: The login may not: create namespaces."});
  joiner_.fails.reset();
  joiner_.nodes.clear();
  EXPECT_EQ(add(east()), "no-node-addresses");
  EXPECT_EQ(joiner_.left, std::vector<std::string>{"east models " + kSecret}) << "nothing of it stays there";
  EXPECT_EQ(platform_->clusters().list(operator_)->size(), 1u);
  joiner_.nodes = {"192.0.2.2"};
  ASSERT_EQ(add(east()), "added");
  EXPECT_EQ(add(east()), "cluster-exists");
  EXPECT_EQ(add(with([](auto& input) { input.id = "west"; })), "namespace-taken");
}

TEST_F(AddedClusters, WithoutAJoinerNoneIsAdded) {
  options_.joiner = nullptr;
  reopen();
  EXPECT_EQ(add(east()), "no-joiner");
}

TEST_F(AddedClusters, AreSetAsFarAsTheirAccountGoes) {
  ASSERT_EQ(add(east()), "added");
  clusters::ClusterInput input{
      .name = "East", .default_namespace = "models", .node_addresses = {"192.0.2.7"}, .registry = {}, .guard_url = {}};
  input.registry = "registry.example";
  const auto set = platform_->clusters().set(admin_, "east", input);
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(joiner_.protected_clusters, std::vector<std::string>{"east"});
  EXPECT_EQ(set->registry, "registry.example");
  input.default_namespace = "other";
  EXPECT_EQ(platform_->clusters().set(admin_, "east", input).error().reason(), "namespace-fixed");
  input.default_namespace = "models";
  EXPECT_EQ(platform_->clusters().set(admin_, "local", input).error().reason(), "local-cluster");
  input.registry.reset();
  EXPECT_TRUE(platform_->clusters().set(admin_, "local", input));
  EXPECT_EQ(joiner_.protected_clusters.size(), 1u);  // this machine, and what was refused, are not
}

TEST_F(AddedClusters, UnitsThereComeFromTheClustersRegistryAndReachItsDoor) {
  options_.guard_url = "http://192.0.2.100:7083";
  reopen();
  clusters::NewCluster input = east();
  input.registry = "registry.example:5000/mirror";
  input.guard_url = "http://door.example:7083";
  ASSERT_EQ(add(std::move(input)), "added");
  clusters::NewCluster west = east();
  west.id = "west";
  joiner_.address = "https://192.0.2.9:6443";
  ASSERT_EQ(add(std::move(west)), "added");
  const std::string version = add_model("acme", "digits", "1.0.0");
  const std::string there = add_deployment("there", version, 1, "east");
  const std::string plain = add_deployment("plain", version, 1, "west");
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(far_engine_.applied.at(there).pod.model.image.starts_with("registry.example:5000/mirror/"));
  EXPECT_TRUE(far_engine_.applied.at(there).pod.guard.image.starts_with("registry.example:5000/mirror/mifeng/guard@"));
  EXPECT_EQ(far_engine_.applied.at(there).door->url, "http://door.example:7083");
  EXPECT_TRUE(far_engine_.applied.at(plain).pod.model.image.starts_with("127.0.0.1:5000/"));
  EXPECT_EQ(far_engine_.applied.at(plain).door->url, "http://192.0.2.100:7083");

  // What is set of a cluster holds for what is there already.
  clusters::ClusterInput set{
      .name = "east", .default_namespace = "models", .node_addresses = {"192.0.2.2"}, .registry = {}, .guard_url = {}};
  set.registry = "other.example";
  ASSERT_TRUE(platform_->clusters().set(admin_, "east", set));
  ASSERT_TRUE(platform_->deployments().restart(operator_, there));
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_TRUE(far_engine_.applied.at(there).pod.model.image.starts_with("other.example/"));
}

TEST_F(AddedClusters, AreRemovedOnceNothingIsDeployedThere) {
  EXPECT_EQ(remove("east"), "not-found");
  EXPECT_EQ(remove("local"), "local-cluster");
  ASSERT_EQ(add(east()), "added");
  EXPECT_EQ(platform_->remove_cluster(operator_, "east", false).error().reason(), "not-allowed");
  const std::string version = add_model("acme", "digits", "1.0.0");
  const std::string id = add_deployment("digits", version, 1, "east");
  ASSERT_TRUE(platform_->reconciler().run_once());
  EXPECT_EQ(remove("east"), "cluster-in-use");
  EXPECT_TRUE(platform_->clusters().get(operator_, "east")->capacity) << "its engine is there still";
  ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  ASSERT_TRUE(platform_->reconciler().run_once());
  ASSERT_TRUE(platform_->ports().set_reserved(operator_, "east", {{.port = 30001, .reason = "of somebody"}}));
  EXPECT_EQ(remove("east"), "removed");
  EXPECT_EQ(joiner_.left, std::vector<std::string>{"east models " + kSecret});
  EXPECT_EQ(platform_->ports().ranges(operator_, "east").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(audited("cluster.remove"), std::vector<std::string>{"east: ok: "});
  ASSERT_TRUE(platform_->reconciler().run_once());
  ASSERT_EQ(add(east()), "added");

  joiner_.fails = Error(ErrorCode::kUnavailable, "api-unavailable", "nobody answers");
  const auto removed = platform_->remove_cluster(admin_, "east", false);
  ASSERT_TRUE(removed);
  EXPECT_EQ(*removed, "what was made in the cluster stays: nobody answers");
}

TEST_F(AddedClusters, AreLetGoOfWithTheirDeployments) {
  ASSERT_EQ(add(east()), "added");
  const std::string version = add_model("acme", "digits", "1.0.0");
  const std::string near = add_deployment("near", version);
  deployments::DeploymentRequest request;
  request.name = "far";
  request.cluster = "east";
  request.version_id = version;
  request.route.emplace();
  request.route->name = "far";
  request.route->prefix = "/far";
  request.route->enabled = true;
  const auto far = platform_->deployments().create(operator_, request);
  ASSERT_TRUE(far) << far.error().message();
  ASSERT_TRUE(platform_->reconciler().run_once());
  // Both clusters have one engine here, so either sweeps away what the other runs: what is there is what counts.
  const std::size_t running = far_engine_.containers.size();
  const int applies = far_engine_.applies;
  EXPECT_EQ(remove("east", true), "removed");
  EXPECT_EQ(far_engine_.containers.size(), running) << "what runs there was not touched";
  EXPECT_EQ(far_engine_.applies, applies);
  EXPECT_TRUE(joiner_.left.empty());
  EXPECT_EQ(platform_->deployments().get(operator_, far->id).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(platform_->deployments().get(operator_, near));
  EXPECT_EQ(platform_->routes().list(operator_, "", {}).value().items.size(), 0u);
  EXPECT_EQ(audited("deployment.abandon"), std::vector<std::string>{far->id + ": ok: with the cluster east"});
  // Its name, its ports and its prefix are free.
  ASSERT_EQ(add(east()), "added");
  EXPECT_TRUE(platform_->deployments().create(operator_, request));
}

// Calls that take longer than a process may take to stop.
cluster::Task<void> sleep_long(cluster::Engine&) {
  co_await net::sleep_for(std::chrono::minutes(2));
  co_return ok();
}

TEST(EngineLoop, CallsEndAtOnceWhileItIsInterrupted) {
  platform_fixture::FakeEngine engine;
  clusters::EngineLoop loop;
  const auto begin = std::chrono::steady_clock::now();
  std::string reason;
  std::thread caller([&] { reason = loop.call<void>(engine, sleep_long).error().reason(); });
  {
    const auto hurry = loop.interrupt_after(std::chrono::milliseconds(20));
    caller.join();
    EXPECT_EQ(reason, "platform-stopping");
    EXPECT_EQ(loop.call<void>(engine, sleep_long).error().reason(), "platform-stopping") << "nor does another begin";
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  const auto facts = loop.call<cluster::ClusterFacts>(engine, [](cluster::Engine& one) { return one.probe(); });
  EXPECT_TRUE(facts) << "afterwards it goes on";
  {
    const auto hurry = loop.interrupt_after(std::chrono::minutes(1));
    EXPECT_TRUE(loop.call<cluster::ClusterFacts>(engine, [](cluster::Engine& one) { return one.probe(); }));
  }
}

TEST_F(AddedClusters, AReconcilerThatRunsTakesThemUpAndLetsThemGo) {
  options_.resync_ms = 60'000;  // so that it is the news that it goes by
  reopen();
  platform_->reconciler().start();
  ASSERT_EQ(add(east()), "added");
  const std::string version = add_model("acme", "digits", "1.0.0");
  const std::string id = add_deployment("digits", version, 1, "east");
  const auto comes = [&](auto holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return holds();
  };
  EXPECT_TRUE(comes([&] { return platform_->deployments().get(operator_, id)->units.size() == 1; }));
  ASSERT_TRUE(platform_->deployments().remove(operator_, id));
  EXPECT_TRUE(comes([&] { return !platform_->deployments().get(operator_, id); }));
  EXPECT_EQ(remove("east"), "removed");
  ASSERT_EQ(add(east()), "added");
  const std::string again = add_deployment("digits", version, 1, "east");
  EXPECT_TRUE(comes([&] { return platform_->deployments().get(operator_, again)->units.size() == 1; }));
  platform_->reconciler().stop();
}

}  // namespace
}  // namespace mifeng::platform
