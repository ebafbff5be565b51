// Routes as they stand in the table, and as JSON has them.
#pragma once

#include "mifeng/access/route_service.h"
#include "mifeng/json/value.h"
#include "mifeng/store/deployments.h"

namespace mifeng::access {

Result<Route> route_of(const store::RouteRow& row);
Result<store::RouteRow> row_of(const Route& route);
// As the API shows it, and as the request for a deployment that makes it is kept.
json::Object input_json(const RouteInput& route);
// Checks prefix, forward (its deployment must be there), callers, header names; fills in what follows from them. For a
// new route and for a changed one; the prefix must be free or this route's own.
Result<void> check_route(store::Transaction& tx, Route& route);

}  // namespace mifeng::access
