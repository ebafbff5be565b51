// The directive `mifeng_metrics;` of a location.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

char* set_metrics(ngx_conf_t* cf, ngx_command_t* command, void* config);

}  // namespace mifeng::nginx
