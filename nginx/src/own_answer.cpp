// Answers that nginx makes itself: refusals, and its error pages. A gateway says what happened as JSON. A guard seals
// the status of what it answers after it has read the request, and says nothing before that.
#include "config.h"
#include "filters.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/seal_filter.h"
#include "said.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

struct Explanation {
  std::string_view reason;
  std::string message;
};

// What nginx itself refuses or cannot do, where we have not said anything.
Explanation explain(ngx_uint_t status) {
  switch (status) {
    case NGX_HTTP_BAD_REQUEST: return {"bad-request", phrase("The request is not valid HTTP.")};
    case NGX_HTTP_NOT_ALLOWED: return {"method-not-allowed", phrase("This method is not allowed here.")};
    case NGX_HTTP_REQUEST_TIME_OUT:
      return {"request-timeout", phrase("The request did not arrive in time; send it again.")};
    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
      return {"body-too-large", phrase("The request body is larger than this gateway takes.")};
    case NGX_HTTP_REQUEST_URI_TOO_LARGE: return {"uri-too-long", phrase("The request line is too long.")};
    case NGX_HTTP_BAD_GATEWAY:
      return {"model-unreachable", phrase("The model could not be reached, or broke off; try again later.")};
    case NGX_HTTP_SERVICE_UNAVAILABLE:
      return {"unavailable", phrase("The gateway cannot serve this now; try again later.")};
    case NGX_HTTP_GATEWAY_TIME_OUT: return {"model-timeout", phrase("The model did not answer in time.")};
    default: return {"error", phrase("The request could not be served.")};
  }
}

std::string error_body(std::string_view reason, std::string_view message, std::string_view request_id) {
  std::string body = "{\"error\":{\"reason\":\"";
  body.append(reason).append("\",\"message\":\"");
  // Reasons and messages are our own words; these two characters are the only ones that JSON would mind in them.
  for (const char c : message) {
    if (c == '"' || c == '\\') body.push_back('\\');
    body.push_back(c);
  }
  body.append("\"");
  if (!request_id.empty()) body.append(",\"request_id\":\"").append(request_id).append("\"");
  return body.append("}}\n");
}

// The guard's: status alone, sealed once the request was read.
ngx_int_t seal_status(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  clear_headers(r);
  r->headers_out.content_length_n = 0;
  sealed::SenderKey* const key = state.request_id.empty() || !state.body_complete ? nullptr : Worker::get()->seal_key();
  if (key == nullptr) return NGX_OK;
  AnswerFields fields;
  fields.status = r->headers_out.status;
  fields.target = view(r->unparsed_uri);
  const auto context = answer_context(state, fields);
  if (!context) return NGX_OK;
  const auto seal = proxy::seal_empty(*key, *context, Worker::get()->random(), Worker::get()->provider());
  return seal ? add_field(r, "Mifeng-Seal", *seal) : NGX_OK;
}

}  // namespace

ngx_int_t refuse_request(RequestState& state, ngx_int_t status, std::string_view reason, std::string_view message,
                         ngx_uint_t level) {
  note_refusal(state, reason, reason, message, level);
  return status;
}

ngx_int_t own_header(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  state.answer = Answer::kOwn;
  r->http_version = state.http_version;
  if (location_config(r).open == 1) {
    // nginx refuses CONNECT in its own way, before any handler of ours.
    if (r->method == NGX_HTTP_CONNECT) {
      r->headers_out.status = NGX_HTTP_NOT_IMPLEMENTED;
      note_refusal(state, "upgrade-refused", "upgrade-refused",
                   phrase("CONNECT is not supported; call the model over plain HTTP."));
    }
    const Explanation standing = explain(r->headers_out.status);
    const bool ours = !state.refusal.message.empty();
    const bool chinese = wants_chinese(r);
    const std::string& message = ours ? state.refusal.message : standing.message;
    state.own_body = error_body(ours ? state.refusal.shown_reason : standing.reason,
                                chinese ? in_chinese(message) : message, state.request_id);
    clear_headers(r);
    if (add_field(r, "Content-Language", chinese ? "zh" : "en") != NGX_OK ||
        add_field(r, "Vary", "Accept-Language") != NGX_OK)
      return NGX_ERROR;
    r->headers_out.content_length_n = static_cast<off_t>(state.own_body.size());
    r->headers_out.content_type = as_ngx("application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    if (r->headers_out.status == NGX_HTTP_UNAUTHORIZED && add_field(r, "WWW-Authenticate", "Bearer") != NGX_OK)
      return NGX_ERROR;
    const bool later =
        r->headers_out.status == NGX_HTTP_SERVICE_UNAVAILABLE || r->headers_out.status == NGX_HTTP_TOO_MANY_REQUESTS;
    if (later && add_field(r, "Retry-After", std::to_string(state.retry_after.count())) != NGX_OK) return NGX_ERROR;
  } else {
    if (r->method == NGX_HTTP_CONNECT) {
      r->headers_out.status = NGX_HTTP_NOT_IMPLEMENTED;
      note_refusal(state, "upgrade-refused", "upgrade-refused", "CONNECT is not supported");
    }
    if (seal_status(state) != NGX_OK || mark_leaving(r) != NGX_OK) return NGX_ERROR;
  }
  return next_header_filter(r);
}

ngx_int_t own_body(RequestState& state, ngx_chain_t* in) {
  if (in == nullptr) return next_body_filter(state.r, nullptr);
  bool last = false;
  for (ngx_chain_t* link = in; link != nullptr; link = link->next) {
    // What nginx would have said in HTML goes.
    link->buf->pos = link->buf->last;
    link->buf->file_pos = link->buf->file_last;
    last = last || link->buf->last_buf;
  }
  return last ? end_own_body(state) : NGX_OK;
}

ngx_int_t end_own_body(RequestState& state) {
  ngx_http_request_t* const r = state.r;
  if (state.pump.ended()) return NGX_OK;
  state.pump.end();
  if (r->header_only) return NGX_OK;
  auto* const buffer = static_cast<ngx_buf_t*>(ngx_calloc_buf(r->pool));
  ngx_chain_t* const out = ngx_alloc_chain_link(r->pool);
  if (buffer == nullptr || out == nullptr) return NGX_ERROR;
  if (!state.own_body.empty()) {
    buffer->memory = 1;
    buffer->pos = bytes_of(state.own_body);
    buffer->last = buffer->pos + state.own_body.size();
  }
  buffer->last_buf = 1;
  buffer->last_in_chain = 1;
  out->buf = buffer;
  out->next = nullptr;
  return next_body_filter(r, out);
}

}  // namespace mifeng::nginx
