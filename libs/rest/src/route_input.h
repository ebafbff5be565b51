// A route as a body, alone or inside a deployment.
#pragma once

#include "mifeng/access/route_service.h"
#include "mifeng/base/bounds.h"
#include "mifeng/json/fields.h"

namespace mifeng::rest {

inline access::RouteInput route_input(json::Fields& body) {
  access::RouteInput input;
  input.name = body.string("name", {1, bounds::kRouteNameMax});
  input.prefix = body.string("prefix", {1, bounds::kRoutePathMax});
  input.forward = body.optional_string("forward", {0, bounds::kForwardUrlMax}).value_or("");
  input.enabled = body.optional_boolean("enabled").value_or(true);
  input.open = body.optional_boolean("open").value_or(false);
  input.callers = body.strings("callers", {1, bounds::kIdMax}, {0, bounds::kRouteCallersMax});
  input.stream_requests = body.optional_boolean("stream_requests").value_or(false);
  input.idempotent = body.optional_boolean("idempotent").value_or(false);
  input.pass_headers = body.strings("pass_headers", {1, bounds::kPassHeaderNameMax}, {0, bounds::kPassHeadersMax});
  input.calls_per_minute = body.optional_integer("calls_per_minute", 0, bounds::kCallsPerMinuteMax).value_or(0);
  input.calls_at_once = body.optional_integer("calls_at_once", 0, bounds::kCallsAtOnceMax).value_or(0);
  input.seconds_max = body.optional_integer("seconds_max", 0, bounds::kCallSecondsMax).value_or(0);
  return input;
}

}  // namespace mifeng::rest
