#include "trial_goal.h"

#include <algorithm>

#include "mifeng/access/live_endpoints.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/base/phrase.h"
#include "mifeng/proxy/path.h"
#include "mifeng/trust/rows.h"

namespace mifeng::trials {
namespace {

Result<access::Route> find_route(store::Transaction& tx, const TrialRequest& request) {
  MIFENG_TRY(auto row, store::find<store::RouteRow>(tx, request.route_id));
  if (!row) return trust::not_found("route", request.route_id);
  MIFENG_TRY(access::Route route, access::route_of(*row));
  if (request.way == TrialWay::kGateway && !route.enabled)
    return Error(ErrorCode::kConflict, "route-disabled",
                 phrase("The route {} is off, so no gateway knows it. Turn it on first.", route.prefix));
  return route;
}

// Any of them first, so that trials go round; then the others in turn.
void begin_anywhere(std::vector<Address>& addresses, Random& random) {
  if (addresses.empty()) return;
  std::uint8_t drawn[2];
  random.fill(drawn);
  const std::size_t first = (std::size_t{drawn[0]} << 8 | drawn[1]) % addresses.size();
  std::rotate(addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(first), addresses.end());
}

Result<void> find_units(const access::Context& context, store::Transaction& tx, Goal& goal, std::string port,
                        const std::string& unit) {
  MIFENG_TRY(auto deployment, store::find<store::DeploymentRow>(tx, goal.deployment_id));
  if (!deployment || deployment->deleting != 0) return trust::not_found("deployment", goal.deployment_id);
  MIFENG_TRY(auto rows, store::endpoints_of(tx, goal.deployment_id));
  if (!port.empty() && !rows.empty() &&
      std::ranges::none_of(rows, [&](const auto& row) { return row.port_name == port; }))
    return trust::not_found("port", port);
  MIFENG_TRY(const auto instances, store::live_instances_of(tx, goal.deployment_id));
  MIFENG_TRY(auto endpoints, access::live_endpoints(tx, std::move(rows), instances));
  // As a gateway has them: a forward URL without a port means the first.
  std::ranges::sort(endpoints, {}, [](const auto& one) { return std::pair(one.row.port_name, one.row.node_port); });
  if (port.empty() && !endpoints.empty()) port = endpoints.front().row.port_name;
  for (const auto& endpoint : endpoints) {
    if (endpoint.row.port_name != port || (!unit.empty() && endpoint.row.unit != unit)) continue;
    for (const std::string& address : endpoint.addresses) goal.addresses.push_back({address, endpoint.row.unit});
  }
  if (goal.addresses.empty())
    return Error(ErrorCode::kUnavailable, "unit-not-ready",
                 unit.empty() ? phrase("No unit of {} can be called now; the deployment is {}.", deployment->name,
                                       to_string(deployment->state))
                              : phrase("The unit {} cannot be called now.", unit));
  begin_anywhere(goal.addresses, context.random);
  for (const auto& instance : instances) {
    MIFENG_TRY(auto key, trust::key_from_base64(instance.signing_key));
    goal.signers.push_back({instance.id, std::move(key)});
  }
  goal.keys = context.keys.get();
  return ok();
}

}  // namespace

Result<Goal> find_goal(const access::Context& context, store::Transaction& tx, const TrialRequest& request) {
  Goal goal;
  goal.deployment_id = request.deployment_id;
  goal.target = request.path.empty() ? "/" : request.path;
  std::string port = request.port;
  if (!request.route_id.empty()) {
    MIFENG_TRY(goal.route, find_route(tx, request));
    MIFENG_TRY(const auto forward, proxy::parse_forward_url(goal.route->forward));
    goal.deployment_id = goal.route->deployment_id;
    goal.binds_body = !goal.route->stream_requests;
    port = forward.port;
    const std::string& prefix = goal.route->prefix;
    const std::string whole = prefix == "/" ? goal.target : prefix + request.path;
    goal.target = request.way == TrialWay::kGateway ? whole : proxy::forward_target(whole, prefix, forward.path);
  }
  if (request.way == TrialWay::kUnit) MIFENG_CHECK(find_units(context, tx, goal, std::move(port), request.unit));
  return goal;
}

}  // namespace mifeng::trials
