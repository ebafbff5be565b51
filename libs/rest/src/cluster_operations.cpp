#include "json_of.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

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
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto cluster, call.platform.clusters().set(call.actor, call.id(), input));
  return reply(json_of(cluster));
}

Result<Reply> sweep(Call& call) {
  MIFENG_TRY(const auto cluster, call.platform.clusters().allow_sweep(call.actor, call.id()));
  return reply(json_of(cluster));
}

constexpr auto kRead = Permission::kReadClusters;
constexpr auto kManage = Permission::kManageClusters;
constexpr Operation kOperations[] = {
    {"listClusters", "GET", "/clusters", kRead, list},
    // It asks the engine what is free.
    {"getCluster", "GET", "/clusters/{id}", kRead, get, BodyKind::kNone, "", Pool::kSlow},
    {"setCluster", "PUT", "/clusters/{id}", kManage, set, BodyKind::kJson},
    {"sweepCluster", "POST", "/clusters/{id}/sweep", kManage, sweep},
};

}  // namespace

std::span<const Operation> cluster_operations() { return kOperations; }

}  // namespace mifeng::rest
