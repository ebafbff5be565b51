#include "deployment_input.h"
#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "mifeng/rest/http_status.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

using deployments::BatchWish;

constexpr std::size_t kNamedVersionMax = 2 * bounds::kLabelMax + 64 + 2;  // VENDOR/MODEL@VERSION

// A version by its name or its id, and what differs of it. `needs_version`: it has to be named.
BatchWish wish_of(json::Fields& item) {
  BatchWish wish;
  const auto version = item.optional_string("version", {1, kNamedVersionMax});
  const auto id = item.optional_string("version_id", {1, bounds::kIdMax});
  wish.version = version ? *version : id.value_or("");
  wish.request.name = item.optional_string("name", {1, bounds::kDeploymentNameMax}).value_or("");
  read_deployment(item, wish.request);
  return wish;
}

Result<Reply> plan(Call& call) {
  json::Fields body(call.body);
  deployments::BatchWishes wishes;
  for (json::Fields& item : body.objects("items", {0, bounds::kBatchItemsMax})) wishes.items.push_back(wish_of(item));
  if (auto filter = body.optional_object("filter")) {
    wishes.filter.emplace();
    wishes.filter->text = filter->optional_string("text", {0, 200}).value_or("");
    wishes.filter->name = filter->optional_string("name", {0, 200}).value_or("");
    wishes.filter->function = filter->optional_string("function", {0, 200}).value_or("");
    wishes.filter->language = filter->optional_string("language", {0, 64}).value_or("");
    wishes.filter->vendor = filter->optional_string("vendor", {0, bounds::kLabelMax}).value_or("");
  }
  wishes.except = body.strings("except", {1, kNamedVersionMax}, {0, bounds::kBatchItemsMax});
  for (json::Fields& edit : body.objects("edits", {0, bounds::kBatchItemsMax})) wishes.edits.push_back(wish_of(edit));
  if (auto name = body.optional_string("name", {1, 100})) wishes.name = std::move(*name);
  wishes.prefix = body.optional_string("prefix", {1, bounds::kRoutePathMax}).value_or("");
  wishes.cluster = body.optional_string("cluster", {1, bounds::kLabelMax}).value_or("");
  if (const auto replicas = body.optional_integer("replicas", 0, bounds::kReplicasMax))
    wishes.replicas = static_cast<int>(*replicas);
  wishes.callers = body.strings("callers", {1, bounds::kIdMax}, {0, bounds::kRouteCallersMax});
  wishes.open = body.optional_boolean("open").value_or(false);
  wishes.allow_network = body.optional_boolean("allow_network").value_or(false);
  MIFENG_CHECK(body.finish());
  if (wishes.items.empty() == !wishes.filter)
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "Give either items or a filter that finds them.");
  if (!wishes.filter && !(wishes.edits.empty() && wishes.except.empty()))
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "edits and except belong to a filter; change the items.");
  for (const auto* list : {&wishes.items, &wishes.edits})
    for (const BatchWish& wish : *list)
      if (wish.version.empty())
        return Error(ErrorCode::kInvalidArgument, "bad-batch",
                     "Each item names its version: version, such as \"acme/digits@1.2.0\", or version_id.");
  MIFENG_TRY(const auto planned, call.platform.batches().plan(call.actor, wishes));
  return reply(json_of(planned), 201);
}

Result<Reply> get_plan(Call& call) {
  MIFENG_TRY(const auto planned, call.platform.batches().find_plan(call.actor, call.id()));
  return reply(json_of(planned));
}

Result<Reply> apply_plan(Call& call, const std::string& plan, const std::vector<int>& without) {
  MIFENG_TRY(const auto applied, call.platform.batches().apply(call.actor, plan, without));
  if (applied.batch) return reply(json_of(*applied.batch), 201);
  const Error changed(ErrorCode::kConflict, "plan-changed",
                      "What the plan " + plan + " rests on is not so any more. " + applied.difference +
                          " Look at the plan " + applied.changed->id +
                          ", which is as it would be now, and apply that.");
  json::Object body{{"code", to_string(changed.code())}, {"reason", changed.reason()}, {"message", changed.message()}};
  body.set("plan", json_of(*applied.changed));
  return reply(std::move(body), http_status(changed));
}

Result<Reply> create(Call& call) {
  json::Fields body(call.body);
  const auto plan = body.optional_string("plan", {1, bounds::kIdMax});
  std::vector<int> without;
  for (const auto number : body.integers("without", 1, bounds::kBatchItemsMax, {0, bounds::kBatchItemsMax}))
    without.push_back(static_cast<int>(number));
  std::vector<deployments::DeploymentRequest> requests;
  for (json::Fields& item : body.objects("items", {0, bounds::kBatchItemsMax}))
    requests.push_back(deployment_request(item));
  MIFENG_CHECK(body.finish());
  if (plan && requests.empty()) return apply_plan(call, *plan, without);
  if (plan || !without.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-batch", "Give either a plan, perhaps with without, or items.");
  MIFENG_TRY(const auto batch, call.platform.batches().create(call.actor, requests));
  return reply(json_of(batch), 201);
}

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.batches().list(call.actor, call.text("text"), request));
  return reply(json_page(page, request));
}

Result<Reply> get(Call& call) {
  MIFENG_TRY(const auto batch, call.platform.batches().get(call.actor, call.id()));
  return reply(json_of(batch));
}

Result<Reply> retry(Call& call) {
  json::Fields body(call.body);
  std::vector<int> items;
  for (const auto number : body.integers("items", 1, bounds::kBatchItemsMax, {0, bounds::kBatchItemsMax}))
    items.push_back(static_cast<int>(number));
  // An empty list would mean all that failed, which nobody who names items wants.
  if (body.has("items") && items.empty()) body.refuse("items", "must have 1 element or more");
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto batch, call.platform.batches().retry(call.actor, call.id(), items));
  return reply(json_of(batch));
}

Result<Reply> cancel(Call& call) {
  MIFENG_TRY(const auto batch, call.platform.batches().cancel(call.actor, call.id()));
  return reply(json_of(batch));
}

Result<Reply> roll_back(Call& call) {
  json::Fields body(call.body);
  const std::string confirmed = body.string("confirm", {1, bounds::kIdMax});
  MIFENG_CHECK(body.finish());
  if (confirmed != call.id())
    return Error(ErrorCode::kInvalidArgument, "not-confirmed",
                 "confirm: name the batch here as well. What it made is removed, and calls to that fail from then on.");
  MIFENG_TRY(const auto batch, call.platform.batches().roll_back(call.actor, call.id()));
  return reply(json_of(batch));
}

constexpr auto kRead = Permission::kReadDeployments;
constexpr auto kDeploy = Permission::kDeploy;
constexpr Operation kOperations[] = {
    {"planBatch", "POST", "/batches/plans", kDeploy, plan, BodyKind::kJson, "", Pool::kSlow},
    {"getBatchPlan", "GET", "/batches/plans/{id}", kDeploy, get_plan},
    {"listBatches", "GET", "/batches", kRead, list, BodyKind::kNone, "text page page_size"},
    {"createBatch", "POST", "/batches", kDeploy, create, BodyKind::kJson, "", Pool::kSlow},
    {"getBatch", "GET", "/batches/{id}", kRead, get},
    {"retryBatch", "POST", "/batches/{id}/retry", kDeploy, retry, BodyKind::kOptionalJson},
    {"cancelBatch", "POST", "/batches/{id}/cancel", kDeploy, cancel},
    {"rollbackBatch", "POST", "/batches/{id}/rollback", kDeploy, roll_back, BodyKind::kJson, "", Pool::kSlow},
};

}  // namespace

std::span<const Operation> batch_operations() { return kOperations; }

}  // namespace mifeng::rest
