// Header fields of answers: removing, adding, finding, and what of them is sealed.
#include <algorithm>
#include <cstddef>

#include "config.h"
#include "filters.h"
#include "mifeng/proxy/fields.h"
#include "mifeng/sealed/context.h"
#include "worker.h"

namespace mifeng::nginx {

bool is_bodyless(const ngx_http_request_t* r) {
  return r->method == NGX_HTTP_HEAD || r->headers_out.status == NGX_HTTP_NO_CONTENT ||
         r->headers_out.status == NGX_HTTP_NOT_MODIFIED;
}

Result<Bytes> answer_context(const RequestState& state, const AnswerFields& answer) {
  const std::string digest = state.unbound ? std::string(sealed::kUnboundBody) : state.body.digest();
  sealed::ResponseContext context;
  context.request_id = state.request_id;
  context.status = static_cast<int>(answer.status);
  context.content_type = answer.content_type;
  context.content_encoding = answer.content_encoding;
  context.method = view(state.r->method_name);
  context.target = answer.target;
  context.body_digest = digest;
  return sealed::response_context(context);
}

Error out_of_memory() { return {ErrorCode::kInternal, "out-of-memory", "no memory is left for an answer"}; }

// As nginx's own (static) ngx_http_clean_header, but the status stays.
void clear_headers(ngx_http_request_t* r) {
  const ngx_uint_t status = r->headers_out.status;
  auto* const begin = reinterpret_cast<u_char*>(&r->headers_out) + offsetof(ngx_http_headers_out_t, status);
  ngx_memzero(begin, sizeof(ngx_http_headers_out_t) - offsetof(ngx_http_headers_out_t, status));
  for (ngx_list_t* list : {&r->headers_out.headers, &r->headers_out.trailers}) {
    list->part.nelts = 0;
    list->part.next = nullptr;
    list->last = &list->part;
  }
  r->headers_out.status = status;
  r->headers_out.content_length_n = -1;
  r->headers_out.last_modified_time = -1;
  r->allow_ranges = 0;
}

void remove_field(ngx_table_elt_t& field) {
  field.hash = 0;
  ngx_str_null(&field.value);
}

ngx_int_t add_field(ngx_http_request_t* r, std::string_view name, std::string_view value) {
  auto* const field = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
  if (field == nullptr) return NGX_ERROR;
  field->hash = 0;
  field->key = copy_to(r->pool, name);
  field->value = copy_to(r->pool, value);
  field->lowcase_key = static_cast<u_char*>(ngx_pnalloc(r->pool, name.size() + 1));
  if (field->key.data == nullptr || field->value.data == nullptr || field->lowcase_key == nullptr) return NGX_ERROR;
  ngx_strlow(field->lowcase_key, field->key.data, field->key.len);
  field->hash = 1;
  return NGX_OK;
}

FieldCount upstream_field(ngx_http_request_t* r, std::string_view name) {
  FieldCount found;
  for_each_field(r->upstream->headers_in.headers, [&](ngx_table_elt_t& field) {
    if (field.key.len != name.size() || ngx_strncasecmp(field.key.data, bytes_of(name), name.size()) != 0) return;
    if (found.count++ == 0) found.value = proxy::trim(value_of(field));
  });
  return found;
}

ngx_int_t mark_leaving(ngx_http_request_t* r) {
  const Worker* const worker = Worker::get();
  if (worker == nullptr || !worker->is_leaving()) return NGX_OK;
  r->keepalive = 0;
  return add_field(r, kLeavingField, "1");
}

// nginx closes its connection to the upstream before it answers in its own name.
bool is_upstream_answer(const RequestState& state) {
  const ngx_http_upstream_t* const upstream = state.r->upstream;
  return state.answer == Answer::kUnseen && upstream != nullptr && upstream->peer.connection != nullptr;
}

void note_refusal(RequestState& state, std::string_view reason, std::string_view shown_reason, std::string_view message,
                  ngx_uint_t level) {
  if (!state.refusal.reason.empty()) return;
  state.refusal = {std::string(reason), std::string(shown_reason), std::string(message)};
  const std::string_view deployment = state.route == nullptr ? std::string_view() : state.route->forward.deployment;
  const ngx_str_t logged_reason = as_ngx(reason);
  const ngx_str_t shown_deployment = as_ngx(deployment);
  const ngx_str_t shown_instance = as_ngx(state.instance);
  const ngx_str_t shown_id = as_ngx(state.request_id);
  ngx_log_error(level, state.r->connection->log, 0,
                "mifeng: refused: %V, deployment \"%V\", instance \"%V\", request id \"%V\", unverified status %ui",
                &logged_reason, &shown_deployment, &shown_instance, &shown_id, state.unverified_status);
  if (Worker* const worker = Worker::get()) {
    worker->counters().refusal(deployment, state.instance, reason);
    ++worker->totals().refusals;
  }
}

}  // namespace mifeng::nginx
