#include "mifeng/access/route_service.h"

#include <algorithm>

#include "mifeng/access/context.h"
#include "mifeng/access/instances.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/base/beginning.h"
#include "mifeng/base/bounds.h"
#include "mifeng/json/value.h"
#include "mifeng/proxy/path.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/rows.h"
#include "mifeng/trust/types.h"
#include "mifeng/trust/version.h"

namespace mifeng::access {
namespace {

Result<std::vector<std::string>> parse_strings(const std::string& text) {
  std::vector<std::string> out;
  MIFENG_TRY(const auto value, json::parse(text));
  if (value.if_array() != nullptr)
    for (const auto& item : *value.if_array())
      if (item.if_string() != nullptr) out.push_back(*item.if_string());
  return out;
}

json::Array array_of(const std::vector<std::string>& strings) { return {strings.begin(), strings.end()}; }

std::string strings_json(const std::vector<std::string>& strings) { return json::serialize(array_of(strings)); }

bool is_header_name(const std::string& name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == std::string::npos;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Fields that the seal, the connection or the gateway itself own; passing them on would let a model forge them.
bool is_reserved_header(const std::string& name) {
  static const char* const kReserved[] = {"connection", "content-length", "content-type",       "content-encoding",
                                          "date",       "keep-alive",     "proxy-authenticate", "server",
                                          "te",         "trailer",        "transfer-encoding",  "upgrade"};
  const std::string small = lower(name);
  if (small.starts_with("mifeng-") || small.starts_with("x-accel-")) return true;
  return std::any_of(std::begin(kReserved), std::end(kReserved), [&](const char* word) { return small == word; });
}

}  // namespace

json::Object input_json(const RouteInput& route) {
  return json::Object{{"name", route.name},
                      {"prefix", route.prefix},
                      {"forward", route.forward},
                      {"enabled", route.enabled},
                      {"open", route.open},
                      {"callers", array_of(route.callers)},
                      {"stream_requests", route.stream_requests},
                      {"idempotent", route.idempotent},
                      {"pass_headers", array_of(route.pass_headers)},
                      {"calls_per_minute", route.calls_per_minute},
                      {"calls_at_once", route.calls_at_once},
                      {"seconds_max", route.seconds_max}};
}

Result<Route> route_of(const store::RouteRow& row) {
  Route route;
  route.id = row.id;
  route.name = row.name;
  route.prefix = row.prefix;
  route.forward = row.forward;
  route.deployment_id = row.deployment_id;
  route.enabled = row.enabled != 0;
  route.open = row.open_to_all != 0;
  MIFENG_TRY(route.callers, parse_strings(row.callers_json));
  route.stream_requests = row.stream_requests != 0;
  route.idempotent = row.idempotent != 0;
  MIFENG_TRY(route.pass_headers, parse_strings(row.pass_headers_json));
  route.calls_per_minute = row.calls_per_minute;
  route.calls_at_once = row.calls_at_once;
  route.seconds_max = row.seconds_max;
  route.created_ms = row.created_ms;
  route.changed_ms = row.changed_ms;
  route.etag = trust::version_of(row);
  return route;
}

Result<store::RouteRow> row_of(const Route& route) {
  store::RouteRow row;
  row.id = route.id;
  row.name = route.name;
  row.prefix = route.prefix;
  row.forward = route.forward;
  row.deployment_id = route.deployment_id;
  row.enabled = route.enabled ? 1 : 0;
  row.open_to_all = route.open ? 1 : 0;
  row.callers_json = strings_json(route.callers);
  row.stream_requests = route.stream_requests ? 1 : 0;
  row.idempotent = route.idempotent ? 1 : 0;
  row.pass_headers_json = strings_json(route.pass_headers);
  row.calls_per_minute = route.calls_per_minute;
  row.calls_at_once = route.calls_at_once;
  row.seconds_max = route.seconds_max;
  row.created_ms = route.created_ms;
  row.changed_ms = route.changed_ms;
  return row;
}

Result<void> check_route(store::Transaction& tx, Route& route) {
  MIFENG_CHECK(trust::check_text("name", route.name, bounds::kRouteNameMax));
  MIFENG_CHECK(check_prefix(route.prefix));
  MIFENG_TRY(const auto forward, proxy::parse_forward_url(route.forward));
  MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, forward.deployment));
  if (!deployment || deployment->deleting != 0)
    return Error(ErrorCode::kNotFound, "no-such-deployment",
                 "forward: there is no deployment \"" + forward.deployment + "\". Name one by its id.");
  route.deployment_id = forward.deployment;
  MIFENG_TRY(auto other, store::route_by_prefix(tx, route.prefix));
  if (other && other->id != route.id)
    return Error(ErrorCode::kConflict, "prefix-taken",
                 "prefix: \"" + route.prefix + "\" belongs to the route \"" + other->name + "\" (" + other->id + ").");
  if (route.callers.size() > bounds::kRouteCallersMax || route.pass_headers.size() > bounds::kPassHeadersMax)
    return Error(ErrorCode::kInvalidArgument, "bad-route",
                 "callers: at most " + std::to_string(bounds::kRouteCallersMax) + "; pass_headers: at most " +
                     std::to_string(bounds::kPassHeadersMax) + ".");
  if (route.calls_per_minute < 0 || route.calls_per_minute > bounds::kCallsPerMinuteMax || route.calls_at_once < 0 ||
      route.calls_at_once > bounds::kCallsAtOnceMax || route.seconds_max < 0 ||
      route.seconds_max > bounds::kCallSecondsMax)
    return Error(ErrorCode::kInvalidArgument, "bad-route",
                 "calls_per_minute: 0 to " + std::to_string(bounds::kCallsPerMinuteMax) + "; calls_at_once: 0 to " +
                     std::to_string(bounds::kCallsAtOnceMax) + "; seconds_max: 0 to " +
                     std::to_string(bounds::kCallSecondsMax) + ".");
  if (route.open && !route.callers.empty())
    return Error(ErrorCode::kInvalidArgument, "bad-route", "callers: an open route asks nobody; leave the list empty.");
  for (const std::string& id : route.callers) {
    MIFENG_TRY(auto caller, store::find<store::CallerRow>(tx, id));
    if (!caller) return trust::not_found("caller", id);
  }
  for (std::string& name : route.pass_headers) {
    if (!is_header_name(name) || is_reserved_header(name))
      return Error(ErrorCode::kInvalidArgument, "bad-route",
                   "pass_headers: \"" + std::string(beginning_of(name, 64)) +
                       "\" is no name of a header field that may be passed on.");
    name = lower(name);
  }
  return ok();
}

Result<void> check_prefix(const std::string& prefix) {
  if (const auto complaint = proxy::complain_of_route_path(prefix))
    return Error(ErrorCode::kInvalidArgument, "bad-prefix", "prefix: " + *complaint + ".");
  return ok();
}

Result<Route> RouteService::create(const trust::Actor& actor, const RouteInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageRoutes));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Route> {
    Route route;
    static_cast<RouteInput&>(route) = input;
    MIFENG_CHECK(check_route(tx, route));
    route.id = trust::new_id(context_.random, "rt-");
    route.created_ms = route.changed_ms = context_.clock.now_ms();
    MIFENG_TRY(const auto row, row_of(route));
    route.etag = trust::version_of(row);
    MIFENG_CHECK(store::insert(tx, row));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "route.create", route.id, route.prefix + " to " + route.forward));
    return route;
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Route> RouteService::update(const trust::Actor& actor, const std::string& id, const RouteInput& input) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageRoutes));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Route> {
    MIFENG_TRY(auto row, store::find<store::RouteRow>(tx, id));
    if (!row) return trust::not_found("route", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    MIFENG_TRY(Route route, route_of(*row));
    static_cast<RouteInput&>(route) = input;
    MIFENG_CHECK(check_route(tx, route));
    route.changed_ms = context_.clock.now_ms();
    MIFENG_TRY(const auto changed, row_of(route));
    route.etag = trust::version_of(changed);
    MIFENG_CHECK(store::update(tx, changed));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(context_.audit.append(tx, actor, "route.update", id, route.prefix + " to " + route.forward));
    return route;
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Route> RouteService::move(const trust::Actor& actor, const std::string& id, const std::string& deployment_id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageRoutes));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<Route> {
    MIFENG_TRY(auto row, store::find<store::RouteRow>(tx, id));
    if (!row) return trust::not_found("route", id);
    MIFENG_CHECK(trust::expect(actor, *row));
    MIFENG_TRY(Route route, route_of(*row));
    MIFENG_TRY(auto forward, proxy::parse_forward_url(route.forward));
    forward.deployment = deployment_id;
    route.forward = to_string(forward);
    MIFENG_CHECK(check_route(tx, route));
    route.changed_ms = context_.clock.now_ms();
    MIFENG_TRY(const auto changed, row_of(route));
    route.etag = trust::version_of(changed);
    MIFENG_CHECK(store::update(tx, changed));
    MIFENG_CHECK(store::next_change(tx));
    MIFENG_CHECK(
        context_.audit.append(tx, actor, "route.move", id, "from " + row->deployment_id + " to " + deployment_id));
    return route;
  });
  if (done) tell_gateways(context_);
  return done;
}

Result<Route> RouteService::get(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadRoutes));
  MIFENG_TRY(auto row, context_.db.read([&](store::Transaction& tx) { return store::find<store::RouteRow>(tx, id); }));
  if (!row) return trust::not_found("route", id);
  return route_of(*row);
}

Result<trust::Page<Route>> RouteService::list(const trust::Actor& actor, const std::string& text,
                                              const trust::PageRequest& page) {
  MIFENG_CHECK(require(actor, trust::Permission::kReadRoutes));
  MIFENG_TRY(const auto window, trust::window_of(page));
  MIFENG_TRY(auto slice,
             context_.db.read([&](store::Transaction& tx) { return store::search_routes(tx, text, window); }));
  trust::Page<Route> routes;
  routes.total = slice.total;
  for (const auto& row : slice.rows) {
    MIFENG_TRY(auto route, route_of(row));
    routes.items.push_back(std::move(route));
  }
  return routes;
}

Result<void> RouteService::remove(const trust::Actor& actor, const std::string& id) {
  MIFENG_CHECK(require(actor, trust::Permission::kManageRoutes));
  auto done = context_.db.write([&](store::Transaction& tx) -> Result<void> {
    MIFENG_TRY(const auto there, store::find<store::RouteRow>(tx, id));
    if (!there) return trust::not_found("route", id);
    MIFENG_CHECK(trust::expect(actor, *there));
    MIFENG_CHECK(store::erase<store::RouteRow>(tx, id));
    MIFENG_CHECK(store::next_change(tx));
    return context_.audit.append(tx, actor, "route.remove", id);
  });
  if (done) tell_gateways(context_);
  return done;
}

}  // namespace mifeng::access
