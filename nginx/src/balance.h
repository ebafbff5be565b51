// The directive `mifeng;` of an upstream block.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

char* set_balancer(ngx_conf_t* cf, ngx_command_t* command, void* config);
// Once nginx' keepalive module stands around the balancer of this upstream (none: there is no such upstream).
void stand_around_keepalive(ngx_http_upstream_srv_conf_t* upstream);

}  // namespace mifeng::nginx
