// The directive `mifeng;` of an upstream block.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

char* set_balancer(ngx_conf_t* cf, ngx_command_t* command, void* config);

}  // namespace mifeng::nginx
