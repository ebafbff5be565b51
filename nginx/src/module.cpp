// ngx_http_mifeng: what nginx looks for in a module, and the directives.
//
//   mifeng_link PATH;              http       the key socket of mifeng-guard or mifeng-gateway
//   mifeng_root_key_age_max TIME;  http      a gateway: how long it accepts one root key (1h, which is the most)
//   mifeng;                        upstream   addresses from the route table; before `keepalive`
//   mifeng_peer_user UID;          upstream   Unix sockets: nothing is sent unless a process of this user listens there
//   mifeng_open on;                location   a gateway: route, ask, check, open
//   mifeng_seal on;                server     a guard: seal every answer, nginx's own among them
//   mifeng_bound_body_max SIZE;    location   largest request body that is bound into the answer; 0 is no limit
//   mifeng_bound_bodies_max SIZE;  location   of all such bodies that a worker keeps at once; 0 is no limit
//   mifeng_metrics;                location   counters of this worker
#include <signal.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include <new>
#include <string>

#include "balance.h"
#include "call_limits.h"
#include "config.h"
#include "filters.h"
#include "metrics.h"
#include "peer.h"
#include "strangers.h"
#include "variables.h"
#include "worker.h"

namespace mifeng::nginx {
namespace {

constexpr std::size_t kBoundBodyMaxDefault = 16u << 20;
constexpr time_t kRootKeyAgeMax = 3600;  // spec/sealed-format.md, Policy

// --- Configuration. ---

void* create_main_config(ngx_conf_t* cf) {
  auto* const config = static_cast<MainConfig*>(ngx_pcalloc(cf->pool, sizeof(MainConfig)));
  if (config != nullptr) config->root_key_age_max = NGX_CONF_UNSET;
  return config;
}

void* create_location_config(ngx_conf_t* cf) {
  auto* const config = static_cast<LocationConfig*>(ngx_pcalloc(cf->pool, sizeof(LocationConfig)));
  if (config == nullptr) return nullptr;
  config->open = NGX_CONF_UNSET;
  config->seal = NGX_CONF_UNSET;
  config->bound_body_max = NGX_CONF_UNSET_SIZE;
  config->bound_bodies_max = NGX_CONF_UNSET_SIZE;
  return config;
}

char* init_main_config(ngx_conf_t* cf, void* main) {
  auto* const config = static_cast<MainConfig*>(main);
  ngx_conf_init_value(config->root_key_age_max, kRootKeyAgeMax);
  if (config->root_key_age_max < 1 || config->root_key_age_max > kRootKeyAgeMax) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "mifeng_root_key_age_max takes 1s to 1h");
    return static_cast<char*>(NGX_CONF_ERROR);
  }
  return NGX_CONF_OK;
}

char* merge_location_config(ngx_conf_t* cf, void* parent, void* child) {
  const auto* const above = static_cast<LocationConfig*>(parent);
  auto* const config = static_cast<LocationConfig*>(child);
  ngx_conf_merge_value(config->open, above->open, 0);
  ngx_conf_merge_value(config->seal, above->seal, 0);
  ngx_conf_merge_size_value(config->bound_body_max, above->bound_body_max, kBoundBodyMaxDefault);
  ngx_conf_merge_size_value(config->bound_bodies_max, above->bound_bodies_max, 0);
  auto* const main = static_cast<MainConfig*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_mifeng_module));
  main->opens = main->opens || config->open;
  main->seals = main->seals || config->seal;
  if (main->opens && main->seals) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "one nginx can open or seal, not both: run a second one");
    return static_cast<char*>(NGX_CONF_ERROR);
  }
  return NGX_CONF_OK;
}

ngx_command_t commands[] = {
    {ngx_string("mifeng_link"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_str_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(MainConfig, link), nullptr},
    {ngx_string("mifeng_root_key_age_max"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_sec_slot,
     NGX_HTTP_MAIN_CONF_OFFSET, offsetof(MainConfig, root_key_age_max), nullptr},
    {ngx_string("mifeng"), NGX_HTTP_UPS_CONF | NGX_CONF_NOARGS, set_balancer, 0, 0, nullptr},
    {ngx_string("mifeng_peer_user"), NGX_HTTP_UPS_CONF | NGX_CONF_TAKE1, set_peer_user, NGX_HTTP_SRV_CONF_OFFSET, 0,
     nullptr},
    {ngx_string("mifeng_open"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConfig, open), nullptr},
    {ngx_string("mifeng_seal"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConfig, seal), nullptr},
    {ngx_string("mifeng_bound_body_max"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConfig, bound_body_max), nullptr},
    {ngx_string("mifeng_bound_bodies_max"), NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationConfig, bound_bodies_max), nullptr},
    {ngx_string("mifeng_metrics"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS, set_metrics, NGX_HTTP_LOC_CONF_OFFSET, 0,
     nullptr},
    ngx_null_command,
};

// --- Hooks. ---

ngx_int_t enter(ngx_http_request_t* r) {
  const LocationConfig& config = location_config(r);
  if (r != r->main || r->internal) return NGX_DECLINED;
  if (config.open == 1) return enter_gateway(r);
  if (config.seal == 1) return enter_guard(r);
  return NGX_DECLINED;
}

ngx_int_t after_configuration(ngx_conf_t* cf) {
  auto* const config = static_cast<MainConfig*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_mifeng_module));
  if ((config->opens || config->seals) && config->link.len == 0) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "mifeng_link is missing: name the key socket of the keyholder");
    return NGX_ERROR;
  }
  if (config->link.len >= sizeof(::sockaddr_un::sun_path)) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the path in mifeng_link is too long for a Unix socket");
    return NGX_ERROR;
  }
  auto* const core =
      static_cast<ngx_http_core_main_conf_t*>(ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
  auto* const handler =
      static_cast<ngx_http_handler_pt*>(ngx_array_push(&core->phases[NGX_HTTP_PREACCESS_PHASE].handlers));
  if (handler == nullptr) return NGX_ERROR;
  *handler = &enter;
  if (config->opens && add_limits(cf, *config) != NGX_OK) return NGX_ERROR;
  install_filters();
  stand_around_keepalive(config->upstream);
  look_at_peers(cf);
  return NGX_OK;
}

// Nobody with the same uid shall read the keys out of our memory. nginx's workers set themselves dumpable after they
// have changed their user, so each process does this for itself.
ngx_int_t init_module(ngx_cycle_t*) {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return NGX_OK;
}

ngx_int_t init_process(ngx_cycle_t* cycle) {
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // A master that was killed (its keyholder was, say) must not leave workers behind that go on serving. nginx knows
  // the parent's number from before the fork, so a master that is gone already is noticed too.
  if (ngx_process == NGX_PROCESS_WORKER) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::getppid() != ngx_parent) return NGX_ERROR;
  }
  if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return NGX_OK;
  const auto* const config =
      static_cast<MainConfig*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_http_mifeng_module));
  if (config == nullptr || (!config->opens && !config->seals)) return NGX_OK;
  watch_strangers(*cycle);
  return guarded(cycle->log, ngx_int_t{NGX_ERROR}, [&]() -> ngx_int_t {
    const proxy::Role role = config->opens ? proxy::Role::kGateway : proxy::Role::kGuard;
    if (!Worker::start(cycle, role, std::string(view(config->link)), std::chrono::seconds(config->root_key_age_max)))
      return NGX_ERROR;
    join_limits(*config);
    return NGX_OK;
  });
}

void exit_process(ngx_cycle_t* cycle) {
  guarded(cycle->log, [] { Worker::stop(); });
}

ngx_http_module_t module_context = {
    add_variables,           // preconfiguration
    after_configuration,     // postconfiguration
    create_main_config,      // create main configuration
    init_main_config,        // init main configuration
    create_upstream_config,  // create server configuration: of an upstream
    nullptr,                 // merge server configuration
    create_location_config,
    merge_location_config,
};

}  // namespace
}  // namespace mifeng::nginx

extern "C" {

__attribute__((visibility("default"))) ngx_module_t ngx_http_mifeng_module = {
    NGX_MODULE_V1,
    &mifeng::nginx::module_context,
    mifeng::nginx::commands,
    NGX_HTTP_MODULE,
    nullptr,  // init master
    mifeng::nginx::init_module,
    mifeng::nginx::init_process,
    nullptr,  // init thread
    nullptr,  // exit thread
    mifeng::nginx::exit_process,
    nullptr,  // exit master
    NGX_MODULE_V1_PADDING,
};

// What nginx looks up in the shared object. It refuses one whose signature (version and build options) is not its own:
// "module ... is not binary compatible".
extern __attribute__((visibility("default"))) ngx_module_t* ngx_modules[];
extern __attribute__((visibility("default"))) char* ngx_module_names[];
extern __attribute__((visibility("default"))) char* ngx_module_order[];

ngx_module_t* ngx_modules[] = {&ngx_http_mifeng_module, nullptr};
char* ngx_module_names[] = {const_cast<char*>("ngx_http_mifeng_module"), nullptr};
// Immediately before the copy filter in the order of modules: so our filter sees what it has read into memory, and
// everything that changes a body (gzip among it) comes after us.
char* ngx_module_order[] = {const_cast<char*>("ngx_http_mifeng_module"),
                            const_cast<char*>("ngx_http_copy_filter_module"), nullptr};
}
