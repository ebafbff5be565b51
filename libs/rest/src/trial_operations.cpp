// Trying models 试一试.
#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

using trials::TrialRequest;
using trials::TrialWay;

constexpr std::int64_t kSecondsAtFirst = 30;

Result<TrialRequest> read_request(Call& call) {
  static const std::vector<std::string_view> kMethods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  json::Fields body(call.body);
  TrialRequest request;
  request.way = body.word("way", {"gateway", "unit"}) == 0 ? TrialWay::kGateway : TrialWay::kUnit;
  request.route_id = body.optional_string("route_id", {1, bounds::kIdMax}).value_or("");
  request.deployment_id = body.optional_string("deployment_id", {1, bounds::kIdMax}).value_or("");
  request.port = body.optional_string("port", {1, bounds::kPortNameMax}).value_or("");
  request.unit = body.optional_string("unit", {1, bounds::kUnitNameMax}).value_or("");
  request.method = kMethods.at(body.word("method", kMethods));
  request.path = body.optional_string("path", {0, bounds::kTrialPathMax}).value_or("");
  for (json::Fields& field : body.objects("headers", {0, bounds::kTrialHeadersMax})) {
    auto name = field.string("name", {1, bounds::kTrialHeaderNameMax});
    auto value = field.string("value", {0, bounds::kTrialHeaderValueMax});
    request.headers.emplace_back(std::move(name), std::move(value));
  }
  if (body.has("body_base64")) request.body = as_text(body.base64("body_base64", 0, bounds::kTrialBodyMax));
  request.patience = std::chrono::seconds(
      body.optional_integer("timeout_seconds", 1, bounds::kTrialSecondsMax).value_or(kSecondsAtFirst));
  MIFENG_CHECK(body.finish());
  return request;
}

net::Task<net::Response> try_model(std::shared_ptr<Call> call) {
  MIFENG_CO_TRY(auto request, read_request(*call));
  auto trying = call->platform.trials().run(call->actor, std::move(request), call->work, call->slow);
  auto trial = co_await std::move(trying);
  if (!trial) co_return std::move(trial).error();
  auto write = [&]() -> Result<std::string> { return json::serialize(json_of(*trial)); };
  auto text = co_await net::run_blocking(call->work, std::move(write));
  if (!text) co_return std::move(text).error();
  co_return net::Response(200, std::move(*text), "application/json");
}

constexpr Operation kOperations[] = {
    {"tryModel", "POST", "/trials", Permission::kTryModels, try_model, BodyKind::kJson},
};

}  // namespace

std::span<const Operation> trial_operations() { return kOperations; }

}  // namespace mifeng::rest
