// $mifeng_target, $mifeng_request_id, $mifeng_request_body, $mifeng_deployment, $mifeng_route_id, $mifeng_caller (whose
// key came, also where the route is not for him), $mifeng_instance, $mifeng_refusal.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

ngx_int_t add_variables(ngx_conf_t* cf);

}  // namespace mifeng::nginx
