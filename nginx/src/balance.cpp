// The balancer hook: `upstream NAME { server 0.0.0.1; mifeng; keepalive N; }`. The addresses come from the table, so
// they change without a reload; nginx's keepalive module, which stands around this, keeps connections by address.
// Around that one stand get_live_peer() and free_live_peer().
#include "balance.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "config.h"
#include "filters.h"
#include "request_state.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

using Outcome = proxy::Balancer::Outcome;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A balanced address: each connection leads to one of several units, and what stands between (kube-proxy) needs a
// moment to notice that one has gone. So it is asked again and again, at once and then less often.
constexpr ngx_uint_t kBalancedTries = 8;
constexpr ngx_msec_t kBalancedTimeMs = 6000;
constexpr ngx_msec_t kBalancedConnectMs = 1000;
constexpr ngx_msec_t kBalancedLifeMs = 30000;  // of a connection: so that new units get calls
constexpr std::array<milliseconds, kBalancedTries - 1> kAfterTry = {
    milliseconds(20),  milliseconds(80),   milliseconds(200), milliseconds(400),
    milliseconds(800), milliseconds(1500), milliseconds(2500)};

ngx_http_upstream_init_peer_pt keepalive_init;  // of the one upstream that has our balancer

bool is_balanced(const RequestState& state) {
  return state.route->endpoints->front().kind == proxy::EndpointKind::kBalanced;
}

// How much longer to wait before the next try of a balanced address.
milliseconds pause_left(const RequestState& state, steady_clock::time_point now) {
  const auto again_at = state.attempt_at + kAfterTry[std::min(state.tried.size(), kAfterTry.size()) - 1];
  return std::chrono::ceil<milliseconds>(std::max(again_at - now, steady_clock::duration::zero()));
}

// nginx has no way to wait before another try. It waits for a connection, though: so it gets one on which nothing ever
// happens, with the pause for its connect timeout.
ngx_int_t pause(ngx_peer_connection_t* peer, RequestState& state, milliseconds duration) {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd == -1) return NGX_ERROR;
  ngx_connection_t* const connection = ngx_get_connection(fd, peer->log);
  if (connection == nullptr) {
    ::close(fd);
    return NGX_ERROR;
  }
  peer->connection = connection;
  peer->cached = 0;
  state.r->upstream->conf->connect_timeout = static_cast<ngx_msec_t>(std::max(duration, milliseconds(1)).count());
  return NGX_AGAIN;
}

// What nginx is to connect to.
ngx_int_t set_address(ngx_peer_connection_t* peer, ngx_pool_t* pool, const proxy::EndpointAddress& endpoint) {
  // nginx writes this name to the log when the request ends: it points into the table, which the state holds.
  auto* const name = static_cast<ngx_str_t*>(ngx_palloc(pool, sizeof(ngx_str_t)));
  if (name == nullptr) return NGX_ERROR;
  *name = as_ngx(endpoint.name);
  peer->name = name;
  peer->sockaddr = const_cast<::sockaddr*>(reinterpret_cast<const ::sockaddr*>(&endpoint.address));
  peer->socklen = endpoint.address_size;
  peer->cached = 0;
  peer->connection = nullptr;
  return NGX_OK;
}

ngx_int_t choose_peer(ngx_peer_connection_t* peer, RequestState& state) {
  const auto now = steady_clock::now();
  if (is_balanced(state)) {
    const milliseconds left = state.tried.empty() ? milliseconds(0) : pause_left(state, now);
    if (left.count() > 0) return pause(peer, state, left);
    state.r->upstream->conf->connect_timeout = kBalancedConnectMs;
  }
  const proxy::EndpointAddress* const endpoint =
      Worker::get()->balancer().choose(*state.route->endpoints, state.tried, now);
  if (endpoint == nullptr) return NGX_BUSY;
  state.endpoint = endpoint;
  state.attempt_at = now;
  state.tried.push_back(endpoint);
  return set_address(peer, state.r->pool, *endpoint);
}

ngx_int_t get_peer(ngx_peer_connection_t* peer, void* data) {
  return guarded(peer->log, ngx_int_t{NGX_ERROR}, [&] { return choose_peer(peer, *static_cast<RequestState*>(data)); });
}

Outcome outcome_of(const RequestState& state, bool failed) {
  // One connection that fails says little about an address with several units behind it.
  if (failed) return is_balanced(state) ? Outcome::kUnused : Outcome::kFailed;
  if (state.r->upstream->headers_in.status_n == 0) return Outcome::kUnused;
  const bool leaving = !is_balanced(state) && upstream_field(state.r, "mifeng-leaving").count > 0;
  return leaving ? Outcome::kLeaving : Outcome::kAnswered;
}

void mark_all_tried(RequestState& state) {
  const std::set<const proxy::EndpointAddress*> tried(state.tried.begin(), state.tried.end());
  for (const proxy::EndpointAddress* endpoint : tried)
    Worker::get()->balancer().mark(endpoint->name, steady_clock::now());
}

// Another endpoint is tried where nothing was sent yet, or where the route says that it does no harm; never after the
// first byte of an answer. nginx itself would send a GET again, and anything again over a connection that had been
// kept.
bool may_be_sent_again(const RequestState& state) {
  const ngx_http_upstream_t& upstream = *state.r->upstream;
  const bool answered = upstream.buffer.start != nullptr && upstream.buffer.last != upstream.buffer.start;
  return !upstream.request_sent || (!answered && state.route->route.idempotent);
}

void end_tries(ngx_peer_connection_t* peer) {
  peer->tries = 0;
  peer->cached = 0;
}

void end_try(ngx_peer_connection_t* peer, RequestState& state, bool failed) {
  state.end_attempt(outcome_of(state, failed));
  if (peer->tries > 0) --peer->tries;
  if (!failed) return;
  if (!may_be_sent_again(state)) return end_tries(peer);
  if (!is_balanced(state)) return;
  const auto next_ms = static_cast<ngx_msec_t>(pause_left(state, steady_clock::now()).count());
  if (peer->tries > 0 && ngx_current_msec - peer->start_time + next_ms < kBalancedTimeMs) return;
  end_tries(peer);
  mark_all_tried(state);
}

void free_peer(ngx_peer_connection_t* peer, void* data, ngx_uint_t result) {
  guarded(peer->log, [&] { end_try(peer, *static_cast<RequestState*>(data), (result & NGX_PEER_FAILED) != 0); });
}

// --- Around the keepalive module. ---

// A kept connection that the other end has closed, or that is too old. nginx learns of a close only when it comes to
// the event, and what was written by then cannot be sent again; here nothing has been written yet.
bool is_usable(const ngx_connection_t& connection, const RequestState& state) {
  if (is_balanced(state) && ngx_current_msec - connection.start_time >= kBalancedLifeMs) return false;
  char byte;
  return ::recv(connection.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

ngx_int_t get_live_peer(ngx_peer_connection_t* peer, void* data) {
  auto& state = *static_cast<RequestState*>(data);
  for (;;) {
    const ngx_int_t rc = state.keepalive_get(peer, state.keepalive_data);
    // NGX_DONE: a kept one, which is no longer among those that are kept.
    if (rc != NGX_DONE || is_usable(*peer->connection, state)) return rc;
    if (peer->connection->pool != nullptr) ngx_destroy_pool(peer->connection->pool);
    ngx_close_connection(peer->connection);
    peer->connection = nullptr;
    peer->cached = 0;
    state.end_attempt(Outcome::kUnused);
    state.tried.pop_back();
  }
}

void free_live_peer(ngx_peer_connection_t* peer, void* data, ngx_uint_t result) {
  auto& state = *static_cast<RequestState*>(data);
  state.keepalive_free(peer, state.keepalive_data, result);
}

// --- Setting up. ---

ngx_int_t init_live_peer(ngx_http_request_t* r, ngx_http_upstream_srv_conf_t* upstream) {
  RequestState* const state = RequestState::find(r);
  if (state == nullptr || keepalive_init(r, upstream) != NGX_OK) return NGX_ERROR;
  ngx_peer_connection_t& peer = r->upstream->peer;
  state->keepalive_get = peer.get;
  state->keepalive_free = peer.free;
  state->keepalive_data = peer.data;
  peer.get = &get_live_peer;
  peer.free = &free_live_peer;
  peer.data = state;
  return NGX_OK;
}

ngx_int_t init_peer(ngx_http_request_t* r, ngx_http_upstream_srv_conf_t*) {
  RequestState* const state = RequestState::find(r);
  if (state == nullptr || state->route == nullptr) return NGX_ERROR;  // mifeng_open is missing in this location
  r->upstream->peer.data = state;
  r->upstream->peer.get = &get_peer;
  r->upstream->peer.free = &free_peer;
  if (!is_balanced(*state)) {
    r->upstream->peer.tries = state->route->endpoints->size();
    return NGX_OK;
  }
  // Its own copy, since the configuration has the times of units.
  auto* const own = static_cast<ngx_http_upstream_conf_t*>(ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t)));
  if (own == nullptr) return NGX_ERROR;
  *own = *r->upstream->conf;
  own->next_upstream_timeout = kBalancedTimeMs;
  r->upstream->conf = own;
  r->upstream->peer.tries = kBalancedTries;
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
  auto* const config = static_cast<MainConfig*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_mifeng_module));
  if (config->upstream != nullptr) return const_cast<char*>("may stand in one upstream alone");
  config->upstream = upstream;
  return NGX_CONF_OK;
}

void stand_around_keepalive(ngx_http_upstream_srv_conf_t* upstream) {
  if (upstream == nullptr || upstream->peer.init == &init_peer) return;  // without `keepalive` nothing is kept
  keepalive_init = upstream->peer.init;
  upstream->peer.init = &init_live_peer;
}

}  // namespace mifeng::nginx
