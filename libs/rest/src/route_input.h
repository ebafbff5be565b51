// A route as a body, alone or inside a deployment.
#pragma once

#include "mifeng/access/route_service.h"
#include "mifeng/json/fields.h"

namespace mifeng::rest {

inline access::RouteInput route_input(json::Fields& body) {
  access::RouteInput input;
  input.name = body.string("name", {1, 100});
  input.prefix = body.string("prefix", {1, 1000});
  input.forward = body.optional_string("forward", {0, 1000}).value_or("");
  input.enabled = body.optional_boolean("enabled").value_or(true);
  input.open = body.optional_boolean("open").value_or(false);
  input.callers = body.strings("callers", {1, 128}, {0, 1000});
  input.stream_requests = body.optional_boolean("stream_requests").value_or(false);
  input.idempotent = body.optional_boolean("idempotent").value_or(false);
  input.pass_headers = body.strings("pass_headers", {1, 100}, {0, 50});
  return input;
}

}  // namespace mifeng::rest
