#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

constexpr std::size_t kKubeconfigMax = 1 << 19;

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto clusters, call.platform.clusters().list(call.actor));
  return reply(json::Object{{"items", json_list(clusters)}});
}

Result<Reply> get(Call& call) {
  MIFENG_TRY(const auto cluster, call.platform.clusters().get(call.actor, call.id()));
  return reply(json_of(cluster));
}

Result<Reply> set(Call& call) {
  json::Fields body(call.body);
  clusters::ClusterInput input;
  input.name = body.string("name", {1, 100});
  input.default_namespace = body.optional_string("default_namespace", {0, 63}).value_or("");
  input.node_addresses = body.strings("node_addresses", {1, 253}, {1, 16});
  input.registry = body.optional_string("registry", {0, 253});
  input.guard_url = body.optional_string("guard_url", {0, 253});
  input.pull_user = body.optional_string("pull_user", {0, 253}).value_or("");
  std::string password = body.optional_string("pull_password", {0, 4096}).value_or("");
  const auto fits = body.finish();
  input.pull_password = SecretBytes(as_bytes(password));
  wipe(password.data(), password.size());
  MIFENG_CHECK(fits);
  MIFENG_TRY(const auto cluster, call.platform.clusters().set(call.actor, call.id(), input));
  return reply(json_of(cluster));
}

Result<Reply> add(Call& call) {
  json::Fields body(call.body);
  clusters::NewCluster input;
  input.id = body.string("id", {1, bounds::kLabelMax});
  input.name = body.optional_string("name", {0, 100}).value_or("");
  input.default_namespace = body.string("default_namespace", {1, bounds::kLabelMax});
  input.node_addresses = body.strings("node_addresses", {1, 253}, {0, 16});
  input.registry = body.optional_string("registry", {0, 253}).value_or("");
  input.guard_url = body.optional_string("guard_url", {0, 253}).value_or("");
  input.context = body.optional_string("context", {0, 253}).value_or("");
  input.as_given = body.optional_boolean("as_given").value_or(false);
  input.pull_user = body.optional_string("pull_user", {0, 253}).value_or("");
  std::string password = body.optional_string("pull_password", {0, 4096}).value_or("");
  std::string kubeconfig = body.string("kubeconfig", {1, kKubeconfigMax});
  const auto fits = body.finish();
  input.pull_password = SecretBytes(as_bytes(password));
  input.kubeconfig = SecretBytes(as_bytes(kubeconfig));
  wipe(password.data(), password.size());
  wipe(kubeconfig.data(), kubeconfig.size());
  MIFENG_CHECK(fits);
  MIFENG_TRY(const auto cluster, call.platform.clusters().add(call.actor, std::move(input)));
  return reply(json_of(cluster), 201);
}

Result<Reply> remove(Call& call) {
  MIFENG_TRY(const bool abandon, call.boolean("abandon", false));
  MIFENG_TRY(const std::string stays, call.platform.remove_cluster(call.actor, call.id(), abandon));
  return reply(json::Object{{"stays", stays}});
}

Result<Reply> check(Call& call) {
  MIFENG_TRY(const auto findings, call.platform.clusters().examine(call.actor, call.id()));
  return reply(json::Object{{"items", json_list(findings)}});
}

Result<Reply> rehearse(Call& call) {
  MIFENG_TRY(const auto findings, call.platform.rehearsals().run(call.actor, call.id()));
  return reply(json::Object{{"items", json_list(findings)}});
}

Result<Reply> sweep(Call& call) {
  MIFENG_TRY(const auto cluster, call.platform.clusters().allow_sweep(call.actor, call.id()));
  return reply(json_of(cluster));
}

Result<Reply> nodes(Call& call) {
  MIFENG_TRY(const auto found, call.platform.clusters().nodes(call.actor, call.id()));
  return reply(json_of(found));
}

Result<Reply> events(Call& call) {
  MIFENG_TRY(const auto found, call.platform.clusters().events(call.actor, call.id()));
  return reply(json_of(found));
}

constexpr auto kRead = Permission::kReadClusters;
constexpr auto kManage = Permission::kManageClusters;
constexpr Operation kOperations[] = {
    {"listClusters", "GET", "/clusters", kRead, list},
    // It asks the engine what is free.
    {"getCluster", "GET", "/clusters/{id}", kRead, get, BodyKind::kNone, "", Pool::kSlow},
    // These talk to the cluster, which may be slow.
    guarded(get, {"setCluster", "PUT", "/clusters/{id}", kManage, set, BodyKind::kJson, "", Pool::kSlow}),
    {"addCluster", "POST", "/clusters", kManage, add, BodyKind::kJson, "", Pool::kSlow},
    guarded(get,
            {"removeCluster", "DELETE", "/clusters/{id}", kManage, remove, BodyKind::kNone, "abandon", Pool::kSlow}),
    {"checkCluster", "GET", "/clusters/{id}/check", kRead, check, BodyKind::kNone, "", Pool::kSlow},
    {"rehearseCluster", "POST", "/clusters/{id}/rehearsal", kManage, rehearse, BodyKind::kNone, "", Pool::kSlow},
    {"listClusterNodes", "GET", "/clusters/{id}/nodes", kRead, nodes, BodyKind::kNone, "", Pool::kSlow},
    {"listClusterEvents", "GET", "/clusters/{id}/events", kRead, events, BodyKind::kNone, "", Pool::kSlow},
    {"sweepCluster", "POST", "/clusters/{id}/sweep", kManage, sweep},
};

}  // namespace

std::span<const Operation> cluster_operations() { return kOperations; }

}  // namespace mifeng::rest
