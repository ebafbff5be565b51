#include "filters.h"

#include "config.h"
#include "mifeng/base/phrase.h"
#include "open_response.h"
#include "said.h"
#include "strangers.h"
#include "worker.h"

namespace mifeng::nginx {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

namespace {

ngx_http_request_body_filter_pt next_request_body_filter;

ngx_int_t header_filter(ngx_http_request_t* r) {
  const LocationConfig& config = location_config(r);
  const bool concerns_us = config.open == 1 || config.seal == 1;
  if (!concerns_us || r != r->main) return next_header_filter(r);
  return guarded(r->connection->log, ngx_int_t{NGX_ERROR}, [&] {
    RequestState& state = *RequestState::attach(r);
    r->main_filter_need_in_memory = 1;
    r->filter_need_in_memory = 1;
    if (config.open != 1) return seal_header(state);
    const Worker* const worker = Worker::get();
    if (worker != nullptr && worker->is_leaving()) r->keepalive = 0;
    return open_header(state);
  });
}

ngx_int_t body_filter(ngx_http_request_t* r, ngx_chain_t* in) {
  const LocationConfig& config = location_config(r);
  const bool concerns_us = config.open == 1 || config.seal == 1;
  if (!concerns_us || r != r->main) return next_body_filter(r, in);
  return guarded(r->connection->log, ngx_int_t{NGX_ERROR}, [&] {
    RequestState* const state = RequestState::find(r);
    if (state == nullptr) return next_body_filter(r, in);
    return config.open == 1 ? open_body(*state, in) : seal_body(*state, in);
  });
}

// The room that a body has is what has come of it, and in a guard what was put aside before, until it is whole. False
// where there is none.
bool keep_room(RequestState& state) {
  Worker* const worker = Worker::get();
  if (worker == nullptr) return true;
  const std::size_t length = state.body.length();
  if (length <= state.room && !state.body_complete) return true;
  return worker->set_room(state.room, goes_into_a_file(state.r, length) ? length : 0,
                          location_config(state.r).bound_bodies_max);
}

// NGX_OK, or what to answer.
ngx_int_t take_body(RequestState& state, const ngx_chain_t* in) {
  for (const ngx_chain_t* link = in; link != nullptr; link = link->next) {
    const ngx_buf_t* const buffer = link->buf;
    if (ngx_buf_in_memory(buffer))
      state.body.update({buffer->pos, static_cast<std::size_t>(buffer->last - buffer->pos)});
    state.body_complete = state.body_complete || buffer->last_buf;
  }
  if (state.body_complete) is_no_stranger(*state.r->connection);
  const std::size_t limit = location_config(state.r).bound_body_max;
  if (limit != 0 && state.body.length() > limit)
    return refuse_request(state, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "body-too-large", too_large(limit));
  return keep_room(state) ? NGX_OK : refuse_for_room(state);
}

// Hashes the body as it comes, ahead of nginx's own filter, which may put it into a file.
ngx_int_t request_body_filter(ngx_http_request_t* r, ngx_chain_t* in) {
  auto* const state = static_cast<RequestState*>(ngx_http_get_module_ctx(r, ngx_http_mifeng_module));
  if (state != nullptr && !state->unbound && r == r->main) {
    const ngx_int_t taken =
        guarded(r->connection->log, ngx_int_t{NGX_HTTP_INTERNAL_SERVER_ERROR}, [&] { return take_body(*state, in); });
    if (taken != NGX_OK) {
      r->lingering_close = 1;
      return taken;
    }
  }
  return next_request_body_filter(r, in);
}

}  // namespace

bool goes_into_a_file(ngx_http_request_t* r, std::size_t bytes) {
  const auto* const core =
      static_cast<ngx_http_core_loc_conf_t*>(ngx_http_get_module_loc_conf(r, ngx_http_core_module));
  return bytes > core->client_body_buffer_size;
}

ngx_int_t refuse_for_room(RequestState& state) {
  return refuse_request(state, NGX_HTTP_SERVICE_UNAVAILABLE, "no-room",
                        phrase("Too many large requests are under way; send it again in a moment."));
}

void install_filters() {
  next_header_filter = ngx_http_top_header_filter;
  ngx_http_top_header_filter = &header_filter;
  next_body_filter = ngx_http_top_body_filter;
  ngx_http_top_body_filter = &body_filter;
  next_request_body_filter = ngx_http_top_request_body_filter;
  ngx_http_top_request_body_filter = &request_body_filter;
}

}  // namespace mifeng::nginx
