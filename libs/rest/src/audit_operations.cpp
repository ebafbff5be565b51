#include "json_of.h"
#include "operation.h"
#include "stream.h"

namespace mifeng::rest {
namespace {

constexpr std::int64_t kLatest = std::int64_t{1} << 53;

Result<Reply> list(Call& call) {
  MIFENG_TRY(const auto request, call.page());
  trust::AuditQuery query;
  query.actor = call.text("actor");
  query.action = call.text("action");
  query.subject = call.text("subject");
  MIFENG_TRY(query.from_ms, call.integer("from_ms", 0, kLatest, 0));
  MIFENG_TRY(query.to_ms, call.integer("to_ms", 0, kLatest, 0));
  MIFENG_TRY(const auto page, call.platform.audit().list(call.actor, query, request));
  return reply(json_page(page, request));
}

net::Task<net::Response> export_log(std::shared_ptr<Call> call) {
  auto produce = [](Call& of, const PieceSink& sink) { return of.platform.audit().export_log(of.actor, sink); };
  auto answer = co_await stream_answer(call, "application/x-ndjson", kWholeWait, std::move(produce));
  co_return answer;
}

Result<Reply> head(Call& call) {
  MIFENG_TRY(auto text, call.platform.audit().export_head(call.actor));
  return reply_text(std::move(text), "application/json");
}

Result<Reply> verify(Call& call) {
  json::Fields body(call.body);
  std::string head_json;
  if (const json::Value* head = body.any("head")) {
    if (head->if_object() == nullptr) body.refuse("head", "must be an object, as GET /audit/head gave it");
    head_json = json::serialize(*head);
  }
  MIFENG_CHECK(body.finish());
  MIFENG_TRY(const auto verdict, call.platform.audit().verify(call.actor, head_json));
  return reply(json_of(verdict));
}

constexpr auto kRead = Permission::kReadAudit;
constexpr Operation kOperations[] = {
    {"listAudit", "GET", "/audit", kRead, list, BodyKind::kNone, "actor action subject from_ms to_ms page page_size"},
    {"exportAudit", "GET", "/audit/export", kRead, export_log},
    {"getAuditHead", "GET", "/audit/head", kRead, head},
    {"verifyAudit", "POST", "/audit/verification", kRead, verify, BodyKind::kOptionalJson, "", Pool::kSlow},
};

}  // namespace

std::span<const Operation> audit_operations() { return kOperations; }

}  // namespace mifeng::rest
