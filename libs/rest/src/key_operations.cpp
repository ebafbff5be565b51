#include "json_of.h"
#include "mifeng/base/bounds.h"
#include "operation.h"

namespace mifeng::rest {
namespace {

// The file as it is: its bytes are what people compare and sign.
Result<Reply> card(Call& call) {
  MIFENG_TRY(auto text, call.platform.keys().card(call.actor));
  return reply_text(std::move(text), "application/json");
}

Result<Reply> fingerprint(Call& call) {
  MIFENG_TRY(const auto text, call.platform.keys().identity_fingerprint(call.actor));
  return reply(json::Object{{"fingerprint", text}});
}

Result<Reply> list_keys(Call& call) {
  MIFENG_TRY(const auto keys, call.platform.keys().list(call.actor));
  return reply(json::Object{{"items", json_list(keys)}});
}

Result<Reply> rotate(Call& call) {
  json::Fields body(call.body);
  const auto word = body.string("purpose", {1, 32});
  const bool now = body.has("now") && body.boolean("now");
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto purpose, trust::parse_key_purpose(word));
  using Effect = trust::KeyService::Effect;
  MIFENG_TRY(const auto key,
             call.platform.keys().rotate(call.actor, purpose, now ? Effect::kAtOnce : Effect::kOnceKnown));
  return reply(json_of(key));
}

Result<Reply> list_instances(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  MIFENG_TRY(const auto page, call.platform.grants().list(call.actor, call.text("deployment"), request));
  return reply(json_page(page, request));
}

Result<Reply> revoke_instance(Call& call) {
  json::Fields body(call.body);
  const auto reason = body.string("reason", {1, bounds::kReasonMax});
  MIFENG_CHECK(body.finish());
  MIFENG_CHECK(call.platform.grants().revoke(call.actor, call.id(), reason));
  return no_content();
}

constexpr Operation kOperations[] = {
    {"getCard", "GET", "/card", Permission::kReadCard, card},
    {"getCardFingerprint", "GET", "/card/fingerprint", Permission::kReadCard, fingerprint},
    {"listKeys", "GET", "/keys", Permission::kReadKeys, list_keys},
    {"rotateKey", "POST", "/keys/rotation", Permission::kManageKeys, rotate, BodyKind::kJson},
    {"listInstances", "GET", "/instances", Permission::kReadKeys, list_instances, BodyKind::kNone,
     "deployment page page_size"},
    {"revokeInstance", "POST", "/instances/{id}/revocation", Permission::kManageKeys, revoke_instance, BodyKind::kJson},
};

}  // namespace

std::span<const Operation> key_operations() { return kOperations; }

}  // namespace mifeng::rest
