// Variables for the configuration: what is sent to the guard, and what goes to the log.
#include "variables.h"

#include <string>

#include "request_state.h"

namespace mifeng::nginx {
namespace {

using Get = std::string_view (*)(const RequestState&);

constexpr Get kGetters[] = {
    [](const RequestState& s) -> std::string_view { return s.target; },
    [](const RequestState& s) -> std::string_view { return s.request_id; },
    [](const RequestState& s) -> std::string_view { return s.unbound ? "unbound" : ""; },
    [](const RequestState& s) -> std::string_view {
      return s.route == nullptr ? "" : std::string_view(s.route->forward.deployment);
    },
    [](const RequestState& s) -> std::string_view {
      return s.route == nullptr ? "" : std::string_view(s.route->route.id);
    },
    [](const RequestState& s) -> std::string_view { return s.caller == nullptr ? "" : std::string_view(s.caller->id); },
    [](const RequestState& s) -> std::string_view { return s.instance; },
    [](const RequestState& s) -> std::string_view { return s.refusal.reason; },
};
constexpr std::string_view kNames[] = {
    "mifeng_target",   "mifeng_request_id", "mifeng_request_body", "mifeng_deployment",
    "mifeng_route_id", "mifeng_caller",     "mifeng_instance",     "mifeng_refusal",
};
static_assert(std::size(kGetters) == std::size(kNames));

ngx_int_t get_variable(ngx_http_request_t* r, ngx_http_variable_value_t* value, uintptr_t index) {
  const RequestState* const state = RequestState::find(r->main);
  const std::string_view text = state == nullptr ? std::string_view() : kGetters[index](*state);
  value->len = static_cast<unsigned>(text.size()) & 0x0fffffffu;
  value->data = bytes_of(text);  // lives as long as the request
  value->valid = 1;
  value->no_cacheable = 1;
  value->not_found = state == nullptr ? 1 : 0;
  return NGX_OK;
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    ngx_str_t name = as_ngx(kNames[i]);
    ngx_http_variable_t* const variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
    if (variable == nullptr) return NGX_ERROR;
    variable->get_handler = &get_variable;
    variable->data = i;
  }
  return NGX_OK;
}

}  // namespace mifeng::nginx
