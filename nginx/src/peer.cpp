// A Unix socket's path may lead to another socket than it did: whoever may write its folder decides. So the peer is
// looked at on the connection itself, before the first byte, and a connection that is kept was looked at when it was
// made.
#include "peer.h"

#include <sys/socket.h>

namespace mifeng::nginx {
namespace {

// What stood there before, for one request.
struct Looking {
  ngx_uint_t user;
  ngx_event_get_peer_pt get;
  ngx_event_free_peer_pt free;
  void* data;
};

bool is_of(ngx_socket_t socket, ngx_uint_t user) {
  ::ucred credentials{};
  ::socklen_t size = sizeof credentials;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 && credentials.uid == user;
}

ngx_int_t as_it_is(ngx_peer_connection_t*, void*) { return NGX_OK; }

// nginx connects after this, and then writes at once. So the connection is made in here, by nginx' own function, which
// asks for an address once more; NGX_DONE then says that there is a connection already.
ngx_int_t get_peer(ngx_peer_connection_t* peer, void* data) {
  const auto& looking = *static_cast<const Looking*>(data);
  const ngx_int_t chosen = looking.get(peer, looking.data);
  if (chosen != NGX_OK) return chosen;
  peer->get = &as_it_is;
  const ngx_int_t connected = ngx_event_connect_peer(peer);
  peer->get = &get_peer;
  if (connected == NGX_OK && is_of(peer->connection->fd, looking.user)) return NGX_DONE;
  if (connected != NGX_OK && connected != NGX_AGAIN) return connected;
  // A Unix socket is connected at once, or not at all: NGX_AGAIN is none.
  ngx_log_error(NGX_LOG_ERR, peer->log, 0, "mifeng: %V is not the model's own socket, so nothing is sent to it",
                peer->name);
  ngx_close_connection(peer->connection);
  peer->connection = nullptr;
  return NGX_DECLINED;
}

void free_peer(ngx_peer_connection_t* peer, void* data, ngx_uint_t state) {
  const auto& looking = *static_cast<const Looking*>(data);
  looking.free(peer, looking.data, state);
}

const UpstreamConfig* config_of(ngx_http_upstream_srv_conf_t* upstream) {
  return static_cast<const UpstreamConfig*>(ngx_http_conf_upstream_srv_conf(upstream, ngx_http_mifeng_module));
}

ngx_int_t init_peer(ngx_http_request_t* r, ngx_http_upstream_srv_conf_t* upstream) {
  const UpstreamConfig& config = *config_of(upstream);
  auto* const looking = static_cast<Looking*>(ngx_palloc(r->pool, sizeof(Looking)));
  if (looking == nullptr || config.init_peer(r, upstream) != NGX_OK) return NGX_ERROR;
  ngx_peer_connection_t& peer = r->upstream->peer;
  *looking = {config.user, peer.get, peer.free, peer.data};
  peer.get = &get_peer;
  peer.free = &free_peer;
  peer.data = looking;
  return NGX_OK;
}

}  // namespace

void* create_upstream_config(ngx_conf_t* cf) {
  auto* const config = static_cast<UpstreamConfig*>(ngx_pcalloc(cf->pool, sizeof(UpstreamConfig)));
  if (config != nullptr) config->user = NGX_CONF_UNSET_UINT;
  return config;
}

char* set_peer_user(ngx_conf_t* cf, ngx_command_t*, void* config) {
  auto& own = *static_cast<UpstreamConfig*>(config);
  if (own.user != NGX_CONF_UNSET_UINT) return const_cast<char*>("is duplicate");
  const auto& value = static_cast<ngx_str_t*>(cf->args->elts)[1];
  const ngx_int_t user = ngx_atoi(value.data, value.len);
  if (user < 0 || user > 0xffff'fffe) return const_cast<char*>("takes the number of a user");
  own.user = static_cast<ngx_uint_t>(user);
  return NGX_CONF_OK;
}

void look_at_peers(ngx_conf_t* cf) {
  auto* const main =
      static_cast<ngx_http_upstream_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module));
  auto** const upstreams = static_cast<ngx_http_upstream_srv_conf_t**>(main->upstreams.elts);
  for (ngx_uint_t i = 0; i < main->upstreams.nelts; ++i) {
    if (upstreams[i]->srv_conf == nullptr) continue;  // one that a proxy_pass made up
    auto* const config =
        static_cast<UpstreamConfig*>(ngx_http_conf_upstream_srv_conf(upstreams[i], ngx_http_mifeng_module));
    if (config->user == NGX_CONF_UNSET_UINT) continue;
    config->init_peer = upstreams[i]->peer.init;
    upstreams[i]->peer.init = &init_peer;
  }
}

}  // namespace mifeng::nginx
