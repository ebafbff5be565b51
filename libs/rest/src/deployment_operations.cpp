#include "deployment_input.h"
#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"
#include "stream.h"

namespace mifeng::rest {
namespace {

Result<deployments::DeploymentRequest> read_request(Call& call) {
  json::Fields body(call.body);
  auto request = deployment_request(body);
  MIFENG_CHECK(body.finish());
  return request;
}

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  deployments::DeploymentQuery query;
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

Reply list_of(std::vector<json::Object> objects) {
  json::Array items;
  for (json::Object& object : objects) items.emplace_back(std::move(object));
  return reply(json::Object{{"items", std::move(items)}});
}

Result<Reply> objects(Call& call) {
  MIFENG_TRY(auto made, call.platform.deployments().objects(call.actor, call.id()));
  return list_of(std::move(made));
}

Result<Reply> planned_objects(Call& call) {
  MIFENG_TRY(const auto request, read_request(call));
  MIFENG_TRY(auto made, call.platform.deployments().planned_objects(call.actor, request));
  return list_of(std::move(made));
}

Result<Reply> get(Call& call) {
  MIFENG_TRY(const auto deployment, call.platform.deployments().get(call.actor, call.id()));
  return reply(json_of(deployment));
}

Result<Reply> remove(Call& call) {
  MIFENG_TRY(const bool claims, call.boolean("claims", false));
  MIFENG_CHECK(call.platform.deployments().remove(
      call.actor, call.id(), claims ? deployments::RemoveClaims::kYes : deployments::RemoveClaims::kNo));
  return no_content();
}

Result<Reply> scale(Call& call) {
  json::Fields body(call.body);
  const auto replicas = static_cast<int>(body.integer("replicas", 0, bounds::kReplicasMax));
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto deployment, call.platform.deployments().scale(call.actor, call.id(), replicas));
  return reply(json_of(deployment));
}

Result<Reply> restart(Call& call) {
  MIFENG_TRY(const auto deployment, call.platform.deployments().restart(call.actor, call.id()));
  return reply(json_of(deployment));
}

// A member that is there replaces that part of the overlay, also an empty one.
Result<deployments::UpdateRequest> read_update(Call& call) {
  json::Fields body(call.body);
  deployments::UpdateRequest request;
  request.version_id = body.optional_string("version_id", {1, bounds::kIdMax}).value_or("");
  if (body.has("env")) request.env = variables(body);
  if (body.has("requests")) request.requests = quantities(body, "requests");
  if (body.has("limits")) request.limits = quantities(body, "limits");
  request.allow_network = body.optional_boolean("allow_network");
  if (body.has("volumes")) request.volumes = deployments::read_volumes(body);
  if (body.has("tolerations")) request.tolerations = deployments::read_tolerations(body);
  MIFENG_CHECK(body.finish());
  return request;
}

Result<Reply> update(Call& call) {
  MIFENG_TRY(const auto request, read_update(call));
  MIFENG_TRY(const auto deployment, call.platform.deployments().update(call.actor, call.id(), request));
  return reply(json_of(deployment));
}

Result<Reply> plan_update(Call& call) {
  MIFENG_TRY(const auto request, read_update(call));
  MIFENG_TRY(const auto planned, call.platform.deployments().plan_update(call.actor, call.id(), request));
  return reply(json_of(planned));
}

Result<Reply> history(Call& call) {
  MIFENG_TRY(const auto revisions, call.platform.deployments().history(call.actor, call.id()));
  return reply(json::Object{{"items", json_list(revisions)}});
}

Result<Reply> rollback(Call& call) {
  json::Fields body(call.body);
  const auto to = static_cast<int>(body.optional_integer("to", 1, 1'000'000'000).value_or(0));
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto deployment, call.platform.deployments().rollback(call.actor, call.id(), to));
  return reply(json_of(deployment));
}

Result<Reply> events(Call& call) {
  MIFENG_TRY(const auto told, call.platform.deployments().events(call.actor, call.id()));
  return reply(json::Object{{"items", json_list(told)}});
}

net::Task<net::Response> logs(std::shared_ptr<Call> call) {
  deployments::LogOptions options;
  options.unit = call->text("unit");
  options.container = call->text("container");
  MIFENG_CO_TRY(const auto tail, call->integer("tail", -1, bounds::kLogLinesMax, 200));
  MIFENG_CO_TRY(options.follow, call->boolean("follow", false));
  MIFENG_CO_TRY(options.previous, call->boolean("previous", false));
  MIFENG_CO_TRY(options.timestamps, call->boolean("timestamps", false));
  MIFENG_CO_TRY(const auto since, call->integer("since_ms", 0, std::int64_t{1} << 53, 0));
  if (since > 0) options.since_ms = since;
  options.tail = static_cast<int>(tail);
  auto produce = [options](Call& of, const PieceSink& sink) {
    return of.platform.deployments().logs(of.actor, of.id(), options, sink);
  };
  const auto first_wait = options.follow ? kFollowedWait : kWholeWait;
  auto answer = co_await stream_answer(call, "text/plain; charset=utf-8", first_wait, std::move(produce));
  co_return answer;
}

constexpr auto kRead = Permission::kReadDeployments;
constexpr auto kDeploy = Permission::kDeploy;
constexpr Operation kOperations[] = {
    {"listDeployments", "GET", "/deployments", kRead, list, BodyKind::kNone, "text state version_id page page_size"},
    {"createDeployment", "POST", "/deployments", kDeploy, create, BodyKind::kJson},
    {"planDeployment", "POST", "/deployments/plan", kDeploy, plan, BodyKind::kJson},
    {"planObjects", "POST", "/deployments/objects", kDeploy, planned_objects, BodyKind::kJson},
    {"getDeployment", "GET", "/deployments/{id}", kRead, get},
    guarded(get, {"deleteDeployment", "DELETE", "/deployments/{id}", kDeploy, remove, BodyKind::kNone, "claims"}),
    guarded(get, {"scaleDeployment", "PUT", "/deployments/{id}/replicas", kDeploy, scale, BodyKind::kJson}),
    guarded(get, {"restartDeployment", "POST", "/deployments/{id}/restart", kDeploy, restart}),
    {"listRevisions", "GET", "/deployments/{id}/revisions", kRead, history},
    guarded(get, {"updateDeployment", "POST", "/deployments/{id}/revisions", kDeploy, update, BodyKind::kJson}),
    {"planUpdate", "POST", "/deployments/{id}/revisions/plan", kDeploy, plan_update, BodyKind::kJson},
    guarded(get,
            {"rollbackDeployment", "POST", "/deployments/{id}/rollback", kDeploy, rollback, BodyKind::kOptionalJson}),
    {"getObjects", "GET", "/deployments/{id}/objects", kRead, objects},
    {"listEvents", "GET", "/deployments/{id}/events", kRead, events, BodyKind::kNone, "", Pool::kSlow},
    {"getLogs", "GET", "/deployments/{id}/logs", kDeploy, logs, BodyKind::kNone,
     "unit container tail follow previous timestamps since_ms"},
};

}  // namespace

std::span<const Operation> deployment_operations() { return kOperations; }

}  // namespace mifeng::rest
