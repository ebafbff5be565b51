#include "request_state.h"

#include <sys/socket.h>

#include <new>

#include "config.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

void destroy(void* data) { delete static_cast<RequestState*>(data); }

// Runs when the request ends, while its connection is still there. An answer that was begun and not finished must not
// look finished to anybody: with HTTP/1 the connection is reset, and TLS gets no close_notify. HTTP/2 needs nothing:
// nginx resets the stream that was not ended.
void on_request_end(void* data) {
  auto* const state = static_cast<RequestState*>(data);
  const bool unfinished = state->answer == Answer::kPassing && !state->pump.ended();
  if ((!unfinished && !state->broken_off) || state->r->stream != nullptr) return;
  ngx_connection_t* const connection = state->r->connection;
  const ::linger reset{1, 0};
  ::setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  connection->timedout = 1;
}

}  // namespace

RequestState* RequestState::find(ngx_http_request_t* request) {
  if (auto* const known = static_cast<RequestState*>(ngx_http_get_module_ctx(request, ngx_http_mifeng_module)))
    return known;
  for (ngx_pool_cleanup_t* item = request->pool->cleanup; item != nullptr; item = item->next) {
    if (item->handler != &destroy) continue;
    ngx_http_set_ctx(request, item->data, ngx_http_mifeng_module);
    return static_cast<RequestState*>(item->data);
  }
  return nullptr;
}

RequestState* RequestState::attach(ngx_http_request_t* request) {
  if (RequestState* const known = find(request)) return known;
  ngx_pool_cleanup_t* const with_pool = ngx_pool_cleanup_add(request->pool, 0);
  ngx_http_cleanup_t* const with_request = ngx_http_cleanup_add(request, 0);
  if (with_pool == nullptr || with_request == nullptr) throw std::bad_alloc();
  auto* const state = new RequestState(request);
  with_pool->data = state;
  with_pool->handler = &destroy;
  with_request->data = state;
  with_request->handler = &on_request_end;
  ngx_http_set_ctx(request, state, ngx_http_mifeng_module);
  return state;
}

RequestState::~RequestState() {
  Worker* const worker = Worker::get();
  if (worker == nullptr) return;
  if (opening && opening->waits_for_key) worker->forget(*this);
  release_stream();
  release_room();
  release_call();
  end_attempt(proxy::Balancer::Outcome::kUnused);
  if ((route == nullptr && request_id.empty()) || over_limit) return;
  const std::string_view deployment = route == nullptr ? std::string_view() : route->forward.deployment;
  worker->counters().call(deployment, instance);
  ++worker->totals().calls;
  const bool broken = broken_off || (answer == Answer::kPassing && !pump.ended());
  if (broken || r->headers_out.status >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
    worker->counters().error(deployment, instance);
    ++worker->totals().errors;
  }
}

void RequestState::release_stream() {
  if (holds_a_stream) Worker::get()->release_stream();
  holds_a_stream = false;
}

void RequestState::release_room() {
  if (room != 0) Worker::get()->release_room(room);
  room = 0;
}

void RequestState::release_call() {
  if (deadline.timer_set) ngx_del_timer(&deadline);
  if (held_call) Worker::get()->calls()->leave(*held_call);
  held_call.reset();
}

void RequestState::end_attempt(proxy::Balancer::Outcome outcome) {
  if (endpoint == nullptr) return;
  Worker::get()->balancer().done(endpoint->name, outcome, std::chrono::steady_clock::now());
  endpoint = nullptr;
}

}  // namespace mifeng::nginx
