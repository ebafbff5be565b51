// Who listens where a guard's requests go (spec/key-socket.md, Guard).
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

// Of one upstream.
struct UpstreamConfig {
  ngx_uint_t user;  // NGX_CONF_UNSET_UINT: whoever listens
  ngx_http_upstream_init_peer_pt init_peer;
};

void* create_upstream_config(ngx_conf_t* cf);
// The directive mifeng_peer_user.
char* set_peer_user(ngx_conf_t* cf, ngx_command_t*, void* config);
// After the configuration was read: around whatever else chooses and keeps connections.
void look_at_peers(ngx_conf_t* cf);

}  // namespace mifeng::nginx
