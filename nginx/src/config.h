// What the directives of the configuration set.
#pragma once

#include "ngx.h"

namespace mifeng::nginx {

struct MainConfig {
  ngx_str_t link;                          // path of the key socket
  time_t root_key_age_max;                 // seconds, for a gateway
  ngx_http_upstream_srv_conf_t* upstream;  // the one with our balancer; none in a guard
  ngx_shm_zone_t* limits;                  // where a gateway's workers count calls; none in a guard
  ngx_flag_t opens, seals;                 // whether any location does: one nginx is a gateway or a guard, never both
};

struct LocationConfig {
  ngx_flag_t open;
  ngx_flag_t seal;
  size_t bound_body_max;    // bytes; 0 is no limit
  size_t bound_bodies_max;  // bytes of all that a worker has at once, beyond nginx's buffers; 0 is no limit
};

inline MainConfig& main_config(ngx_http_request_t* r) {
  return *static_cast<MainConfig*>(ngx_http_get_module_main_conf(r, ngx_http_mifeng_module));
}
inline LocationConfig& location_config(ngx_http_request_t* r) {
  return *static_cast<LocationConfig*>(ngx_http_get_module_loc_conf(r, ngx_http_mifeng_module));
}

}  // namespace mifeng::nginx
