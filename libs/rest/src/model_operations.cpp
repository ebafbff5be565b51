#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

// A config or document never changes under its address.
constexpr char kImmutable[] = "private, max-age=31536000, immutable";

Result<Reply> search(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  models::ModelQuery query;
  query.text = call.text("text");
  query.name = call.text("name");
  query.function = call.text("function");
  query.language = call.text("language");
  query.vendor = call.text("vendor");
  query.state = call.text("state");
  if (!query.state.empty()) {
    MIFENG_CHECK(models::parse_version_state(query.state));
  }
  MIFENG_TRY(const auto page, call.platform.models().search(call.actor, query, request));
  return reply(json_page(page, request));
}

Result<Reply> get_version(Call& call) {
  MIFENG_TRY(const auto version, call.platform.models().get(call.actor, call.id()));
  return reply(json_of(version));
}

Result<Reply> find_version(Call& call) {
  MIFENG_TRY(const auto version, call.platform.models().find(call.actor, call.path.at("vendor"), call.path.at("name"),
                                                             call.path.at("version")));
  return reply(json_of(version));
}

Result<Reply> remove_version(Call& call) {
  MIFENG_CHECK(call.platform.models().remove(call.actor, call.id()));
  return no_content();
}

Result<Reply> accept(Call& call) {
  MIFENG_TRY(const auto version, call.platform.models().accept(call.actor, call.id()));
  return reply(json_of(version));
}

Result<Reply> refuse(Call& call) {
  json::Fields body(call.body);
  const auto reason = body.string("reason", {1, bounds::kReasonMax});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto version, call.platform.models().refuse(call.actor, call.id(), reason));
  return reply(json_of(version));
}

Result<Reply> withdraw(Call& call) {
  json::Fields body(call.body);
  const auto reason = body.string("reason", {1, bounds::kReasonMax});
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto withdrawn, call.platform.models().withdraw(call.actor, call.id(), reason));
  return reply(json_of(withdrawn));
}

Result<Reply> document(Call& call) {
  MIFENG_TRY(const auto kind, models::parse_document_kind(call.path.at("kind")));
  MIFENG_TRY(auto text, call.platform.models().document(call.actor, call.id(), kind));
  return reply_text(std::move(text), "text/markdown; charset=utf-8");
}

Result<Reply> list_configs(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.models().configs(call.actor, request));
  return reply(json_page(page, request));
}

Result<Reply> get_config(Call& call) {
  MIFENG_TRY(auto text, call.platform.models().config(call.actor, call.path.at("sm3")));
  Reply answer = reply_text(std::move(text), "application/yaml");
  answer.headers.add("Cache-Control", kImmutable);
  return answer;
}

Result<Reply> list_images(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.models().images(call.actor, call.text("text"), request));
  return reply(json_page(page, request));
}

constexpr auto kRead = Permission::kReadModels;
constexpr auto kDecide = Permission::kDecideVersions;
constexpr Operation kOperations[] = {
    {"searchModels", "GET", "/models", kRead, search, BodyKind::kNone,
     "text name function language vendor state page page_size"},
    {"getModelVersion", "GET", "/models/{id}", kRead, get_version},
    {"findModelVersion", "GET", "/vendors/{vendor}/models/{name}/versions/{version}", kRead, find_version},
    {"deleteModelVersion", "DELETE", "/models/{id}", kDecide, remove_version},
    {"acceptModelVersion", "POST", "/models/{id}/acceptance", kDecide, accept},
    {"refuseModelVersion", "POST", "/models/{id}/refusal", kDecide, refuse, BodyKind::kJson},
    {"withdrawModelVersion", "POST", "/models/{id}/withdrawal", kDecide, withdraw, BodyKind::kJson},
    {"getDocument", "GET", "/models/{id}/documents/{kind}", kRead, document},
    {"listConfigs", "GET", "/configs", kRead, list_configs, BodyKind::kNone, "page page_size"},
    {"getConfig", "GET", "/configs/{sm3}", kRead, get_config},
    {"listImages", "GET", "/images", kRead, list_images, BodyKind::kNone, "text page page_size"},
};

}  // namespace

std::span<const Operation> model_operations() { return kOperations; }

}  // namespace mifeng::rest
