#include "json_of.h"
#include "operation.h"
#include "route_input.h"
#include "stream.h"

namespace mifeng::rest {
namespace {

std::map<std::string, std::string> quantities(json::Fields& body, std::string_view name) {
  std::map<std::string, std::string> map;
  for (auto& [key, value] : body.string_map(name, {1, 64}, {0, 32})) map.emplace(std::move(key), std::move(value));
  return map;
}

platform::DeploymentRequest deployment_request(json::Fields& body) {
  platform::DeploymentRequest request;
  request.name = body.string("name", {1, 32});
  request.version_id = body.string("version_id", {1, 128});
  if (const auto replicas = body.optional_integer("replicas", 0, 64)) request.replicas = static_cast<int>(*replicas);
  for (const auto port : body.integers("ports", 1, 65535, {0, 1000})) request.ports.push_back(static_cast<int>(port));
  for (json::Fields& variable : body.objects("env", {0, 200})) {
    const auto name = variable.string("name", {1, 128});
    request.env.push_back({name, variable.string("value", {0, 32768})});
  }
  request.requests = quantities(body, "requests");
  request.limits = quantities(body, "limits");
  if (auto route = body.optional_object("route")) request.route = route_input(*route);
  return request;
}

Result<platform::DeploymentRequest> read_request(Call& call) {
  json::Fields body(call.body);
  auto request = deployment_request(body);
  MIFENG_CHECK(body.finish());
  return request;
}

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  platform::DeploymentQuery query;
  query.text = call.text("text");
  query.state = call.text("state");
  query.version_id = call.text("version_id");
  MIFENG_TRY(const auto page, call.platform.deployments().list(call.actor, query, request));
  return reply(json_page(page, request));
}

Result<Reply> create(Call& call) {
  MIFENG_TRY(const auto request, read_request(call));
  MIFENG_TRY(const auto deployment, call.platform.deployments().create(call.actor, request));
  return reply(json_of(deployment), 201);
}

Result<Reply> plan(Call& call) {
  MIFENG_TRY(const auto request, read_request(call));
  MIFENG_TRY(const auto planned, call.platform.deployments().plan(call.actor, request));
  return reply(json_of(planned));
}

Result<Reply> get(Call& call) {
  MIFENG_TRY(const auto deployment, call.platform.deployments().get(call.actor, call.id()));
  return reply(json_of(deployment));
}

Result<Reply> remove(Call& call) {
  MIFENG_TRY(const bool claims, call.boolean("claims", false));
  MIFENG_CHECK(call.platform.deployments().remove(call.actor, call.id(),
                                                  claims ? platform::RemoveClaims::kYes : platform::RemoveClaims::kNo));
  return no_content();
}

Result<Reply> scale(Call& call) {
  json::Fields body(call.body);
  const auto replicas = static_cast<int>(body.integer("replicas", 0, 64));
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto deployment, call.platform.deployments().scale(call.actor, call.id(), replicas));
  return reply(json_of(deployment));
}

Result<Reply> restart(Call& call) {
  MIFENG_TRY(const auto deployment, call.platform.deployments().restart(call.actor, call.id()));
  return reply(json_of(deployment));
}

net::Task<net::Response> logs(std::shared_ptr<Call> call) {
  platform::LogOptions options;
  options.replica = call->text("replica");
  MIFENG_CO_TRY(const auto tail, call->integer("tail", -1, 100'000, 200));
  MIFENG_CO_TRY(options.follow, call->boolean("follow", false));
  options.tail = static_cast<int>(tail);
  auto produce = [options](Call& of, const PieceSink& sink) {
    return of.platform.deployments().logs(of.actor, of.id(), options, sink);
  };
  auto answer = co_await stream_answer(call, "text/plain; charset=utf-8", std::move(produce));
  co_return answer;
}

Result<Reply> create_batch(Call& call) {
  json::Fields body(call.body);
  std::vector<platform::DeploymentRequest> requests;
  for (json::Fields& item : body.objects("items", {1, 500})) requests.push_back(deployment_request(item));
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto batch, call.platform.deployments().create_batch(call.actor, requests));
  return reply(json_of(batch), 201);
}

Result<Reply> get_batch(Call& call) {
  MIFENG_TRY(const auto batch, call.platform.deployments().batch(call.actor, call.id()));
  return reply(json_of(batch));
}

Result<Reply> retry_batch(Call& call) {
  MIFENG_TRY(const auto batch, call.platform.deployments().retry_batch(call.actor, call.id()));
  return reply(json_of(batch));
}

constexpr auto kRead = Permission::kReadDeployments;
constexpr auto kDeploy = Permission::kDeploy;
constexpr Operation kOperations[] = {
    {"listDeployments", "GET", "/deployments", kRead, list, BodyKind::kNone, "text state version_id page page_size"},
    {"createDeployment", "POST", "/deployments", kDeploy, create, BodyKind::kJson},
    {"planDeployment", "POST", "/deployments/plan", kDeploy, plan, BodyKind::kJson},
    {"getDeployment", "GET", "/deployments/{id}", kRead, get},
    {"deleteDeployment", "DELETE", "/deployments/{id}", kDeploy, remove, BodyKind::kNone, "claims"},
    {"scaleDeployment", "PUT", "/deployments/{id}/replicas", kDeploy, scale, BodyKind::kJson},
    {"restartDeployment", "POST", "/deployments/{id}/restart", kDeploy, restart},
    {"getLogs", "GET", "/deployments/{id}/logs", kDeploy, logs, BodyKind::kNone, "replica tail follow"},
    {"createBatch", "POST", "/batches", kDeploy, create_batch, BodyKind::kJson, "", Pool::kSlow},
    {"getBatch", "GET", "/batches/{id}", kRead, get_batch},
    {"retryBatch", "POST", "/batches/{id}/retry", kDeploy, retry_batch, BodyKind::kNone, "", Pool::kSlow},
};

}  // namespace

std::span<const Operation> deployment_operations() { return kOperations; }

}  // namespace mifeng::rest
