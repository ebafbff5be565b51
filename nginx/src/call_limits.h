// Limits of calls, for each caller of a route by itself (docs/gateway.md, Limits).
#pragma once

#include <optional>

#include "config.h"
#include "request_state.h"

namespace mifeng::nginx {

// A gateway's, while its configuration is read: the memory in which all its workers count.
ngx_int_t add_limits(ngx_conf_t* cf, MainConfig& config);
// A worker begins to count there.
void join_limits(const MainConfig& config);

// A request that may be served, before its body is read. Nothing where it goes; else what to answer.
std::optional<ngx_int_t> limit_call(RequestState& state);

}  // namespace mifeng::nginx
