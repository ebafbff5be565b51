// The balancer hook: `upstream NAME { server 0.0.0.1; mifeng; keepalive N; }`. The addresses come from the table, so
// they change without a reload; nginx's keepalive module, which stands around this, keeps connections by address.
#include "balance.h"

#include "request_state.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

using Outcome = proxy::Balancer::Outcome;

ngx_int_t get_peer(ngx_peer_connection_t* peer, void* data) {
  auto& state = *static_cast<RequestState*>(data);
  return guarded(peer->log, ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    const proxy::Endpoint* const endpoint =
        Worker::get()->balancer().choose(*state.route->endpoints, state.tried, std::chrono::steady_clock::now());
    if (endpoint == nullptr) return NGX_BUSY;
    state.endpoint = endpoint;
    state.tried.push_back(endpoint);
    // nginx writes this name to the log when the request ends: it points into the table, which the state holds.
    auto* const name = static_cast<ngx_str_t*>(ngx_palloc(state.r->pool, sizeof(ngx_str_t)));
    if (name == nullptr) return NGX_ERROR;
    *name = as_ngx(endpoint->name);
    peer->name = name;
    peer->sockaddr = const_cast<::sockaddr*>(reinterpret_cast<const ::sockaddr*>(&endpoint->address));
    peer->socklen = endpoint->address_size;
    peer->cached = 0;
    peer->connection = nullptr;
    return NGX_OK;
  });
}

void free_peer(ngx_peer_connection_t* peer, void* data, ngx_uint_t result) {
  auto& state = *static_cast<RequestState*>(data);
  guarded(peer->log, [&] {
    const ngx_http_upstream_t& upstream = *state.r->upstream;
    const bool failed = (result & NGX_PEER_FAILED) != 0;
    state.end_attempt(failed                              ? Outcome::kFailed
                      : upstream.headers_in.status_n != 0 ? Outcome::kAnswered
                                                          : Outcome::kUnused);
    if (peer->tries > 0) --peer->tries;
    if (!failed) return;
    // Another endpoint is tried where nothing was sent yet, or where the route says that it does no harm; never after
    // the first byte of an answer. nginx itself would send a GET again, and anything again over a connection that had
    // been kept.
    const bool answered = upstream.buffer.start != nullptr && upstream.buffer.last != upstream.buffer.start;
    if (upstream.request_sent && (answered || !state.route->route.idempotent)) {
      peer->tries = 0;
      peer->cached = 0;
    }
  });
}

ngx_int_t init_peer(ngx_http_request_t* r, ngx_http_upstream_srv_conf_t*) {
  RequestState* const state = RequestState::find(r);
  if (state == nullptr || state->route == nullptr) return NGX_ERROR;  // mifeng_open is missing in this location
  r->upstream->peer.data = state;
  r->upstream->peer.get = &get_peer;
  r->upstream->peer.free = &free_peer;
  r->upstream->peer.tries = state->route->endpoints->size();
  return NGX_OK;
}

ngx_int_t init_upstream(ngx_conf_t*, ngx_http_upstream_srv_conf_t* upstream) {
  upstream->peer.init = &init_peer;
  return NGX_OK;
}

}  // namespace

char* set_balancer(ngx_conf_t* cf, ngx_command_t*, void*) {
  auto* const upstream =
      static_cast<ngx_http_upstream_srv_conf_t*>(ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module));
  if (upstream->peer.init_upstream != nullptr) return const_cast<char*>("must stand before \"keepalive\", and once");
  upstream->peer.init_upstream = &init_upstream;
  upstream->flags = NGX_HTTP_UPSTREAM_CREATE;
  return NGX_CONF_OK;
}

}  // namespace mifeng::nginx
