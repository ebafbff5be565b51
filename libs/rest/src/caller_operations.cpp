#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

Result<Reply> list_callers(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.callers().list(call.actor, request));
  return reply(json_page(page, request));
}

constexpr std::int64_t kLifetimeMax = bounds::kCallerKeyDaysMax * 24 * 3600 * 1000;

Result<Reply> create_caller(Call& call) {
  json::Fields body(call.body);
  const auto name = body.string("name", {1, bounds::kCallerNameMax});
  access::KeyWish key;
  if (auto given = body.optional_string("key_name", {1, bounds::kCallerNameMax})) key.name = std::move(*given);
  key.lifetime_ms = body.optional_integer("lifetime_ms", 0, kLifetimeMax).value_or(0);
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto made, call.platform.callers().create(call.actor, name, key));
  return reply(json_of(made), 201);
}

Result<Reply> get_caller(Call& call) {
  MIFENG_TRY(const auto caller, call.platform.callers().get(call.actor, call.id()));
  return reply(json_of(caller));
}

Result<Reply> delete_caller(Call& call) {
  MIFENG_CHECK(call.platform.callers().remove(call.actor, call.id()));
  return no_content();
}

Result<Reply> renew_key(Call& call) {
  MIFENG_TRY(const auto made, call.platform.callers().new_key(call.actor, call.id()));
  return reply(json_of(made));
}

Result<Reply> add_key(Call& call) {
  json::Fields body(call.body);
  access::KeyWish key;
  key.name = body.string("name", {1, bounds::kCallerNameMax});
  key.lifetime_ms = body.optional_integer("lifetime_ms", 0, kLifetimeMax).value_or(0);
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto made, call.platform.callers().add_key(call.actor, call.id(), key));
  return reply(json_of(made), 201);
}

Result<Reply> end_key(Call& call) {
  MIFENG_TRY(const auto caller, call.platform.callers().end_key(call.actor, call.id(), call.path.at("key")));
  return reply(json_of(caller));
}

Result<Reply> set_enabled(Call& call) {
  json::Fields body(call.body);
  const bool enabled = body.boolean("enabled");
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto caller, call.platform.callers().set_enabled(call.actor, call.id(), enabled));
  return reply(json_of(caller));
}

constexpr auto kManage = Permission::kManageCallers;
constexpr Operation kOperations[] = {
    {"listCallers", "GET", "/callers", Permission::kReadCallers, list_callers, BodyKind::kNone, "page page_size"},
    {"createCaller", "POST", "/callers", kManage, create_caller, BodyKind::kJson, "", Pool::kSlow},
    {"getCaller", "GET", "/callers/{id}", Permission::kReadCallers, get_caller},
    guarded(get_caller, {"deleteCaller", "DELETE", "/callers/{id}", kManage, delete_caller}),
    guarded(get_caller,
            {"renewCallerKey", "POST", "/callers/{id}/key", kManage, renew_key, BodyKind::kNone, "", Pool::kSlow}),
    guarded(get_caller,
            {"addCallerKey", "POST", "/callers/{id}/keys", kManage, add_key, BodyKind::kJson, "", Pool::kSlow}),
    guarded(get_caller,
            {"endCallerKey", "DELETE", "/callers/{id}/keys/{key}", kManage, end_key, BodyKind::kNone, "", Pool::kSlow}),
    guarded(get_caller, {"enableCaller", "PUT", "/callers/{id}/enabled", kManage, set_enabled, BodyKind::kJson}),
};

}  // namespace

std::span<const Operation> caller_operations() { return kOperations; }

}  // namespace mifeng::rest
