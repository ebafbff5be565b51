#include "snapshot_builder.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "mifeng/access/context.h"
#include "mifeng/access/live_endpoints.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/base/bounds.h"
#include "mifeng/cluster/units.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::access {

Result<messages::Snapshot> build_snapshot(store::Transaction& tx, const trust::KeySet& keys,
                                          const std::optional<TrialCaller::Admitted>& trial) {
  messages::Snapshot snapshot;
  snapshot.identity_chain = keys.identity_chain();
  MIFENG_TRY(const auto callers, store::all<store::CallerRow>(tx));
  std::set<std::string> enabled;
  for (const auto& row : callers)
    if (row.enabled != 0) enabled.insert(row.id);
  MIFENG_TRY(const auto caller_keys, store::all<store::CallerKeyRow>(tx));
  for (const auto& row : caller_keys) {
    if (!enabled.contains(row.caller_id)) continue;
    MIFENG_TRY(const Bytes digest, from_hex(row.key_sm3));
    messages::SnapshotCaller caller{.id = row.caller_id, .key_sm3 = {}};
    if (digest.size() != caller.key_sm3.size())
      return Error(ErrorCode::kInternal, "bad-row", "The stored key " + row.id + " has no whole digest.");
    std::copy(digest.begin(), digest.end(), caller.key_sm3.begin());
    snapshot.callers.push_back(std::move(caller));
  }
  if (trial) snapshot.callers.push_back({.id = kTrialCaller, .key_sm3 = trial->key_sm3});
  MIFENG_TRY(const auto routes, store::all<store::RouteRow>(tx));
  for (const auto& row : routes) {
    if (row.enabled == 0) continue;
    MIFENG_TRY(auto route, route_of(row));
    messages::SnapshotRoute out{.id = route.id,
                                .name = route.name,
                                .prefix = route.prefix,
                                .forward = route.forward,
                                .open = route.open,
                                .callers = std::nullopt,
                                .stream_requests = route.stream_requests,
                                .idempotent = route.idempotent,
                                .pass_headers = route.pass_headers,
                                .calls_per_minute = static_cast<std::uint32_t>(route.calls_per_minute),
                                .calls_at_once = static_cast<std::uint32_t>(route.calls_at_once),
                                .seconds_max = static_cast<std::uint32_t>(route.seconds_max)};
    if (!route.callers.empty()) out.callers = route.callers;
    // One more than gateways take would cost them the whole snapshot.
    if (out.callers && trial && trial->routes.contains(route.id) && out.callers->size() < bounds::kRouteCallersMax)
      out.callers->push_back(kTrialCaller);
    snapshot.routes.push_back(std::move(out));
  }
  MIFENG_TRY(const auto instances, store::live_instances(tx));
  for (const auto& row : instances) {
    MIFENG_TRY(auto key, trust::key_from_base64(row.signing_key));
    snapshot.instances.push_back({.id = row.id, .deployment = row.deployment_id, .signing_key = std::move(key)});
  }
  MIFENG_TRY(auto rows, store::all<store::EndpointRow>(tx));
  MIFENG_TRY(const auto live, live_endpoints(tx, std::move(rows), instances));
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::string>> endpoints;
  for (const LiveEndpoint& endpoint : live) {
    auto& addresses = endpoints[{endpoint.row.deployment_id, endpoint.row.port_name, endpoint.row.kind}];
    addresses.insert(addresses.end(), endpoint.addresses.begin(), endpoint.addresses.end());
  }
  for (auto& [name, addresses] : endpoints)
    snapshot.endpoints.push_back({.deployment = std::get<0>(name),
                                  .port = std::get<1>(name),
                                  .kind = std::get<2>(name) == cluster::to_string(cluster::EndpointKind::kBalanced)
                                              ? messages::EndpointKind::kBalanced
                                              : messages::EndpointKind::kUnit,
                                  .addresses = std::move(addresses)});
  for (const trust::LoadedKey& key : keys.output)
    if (key.private_key)
      snapshot.output_keys.push_back({.private_key = key.private_key->clone(),
                                      .not_before_ms = key.row.not_before_ms,
                                      .not_after_ms = key.row.not_after_ms});
  return snapshot;
}

Result<void> issue_snapshot(const Context& context, store::Transaction& tx, store::GatewayRow& gateway,
                            std::int64_t above) {
  const auto keys = context.keys.get();
  const UnixMillis now = context.clock.now_ms();
  MIFENG_TRY(auto snapshot, build_snapshot(tx, *keys, context.trial_caller.admitted()));
  MIFENG_TRY(const std::int64_t change, store::current_change(tx));
  MIFENG_TRY(const auto receive_key, trust::key_from_base64(gateway.receive_key));
  gateway.serial = std::max({std::max(gateway.serial, above) + 1, now});
  gateway.change_sent = change;
  gateway.issued_ms = now;
  gateway.expires_ms = now + context.keys.options().snapshot_lifetime_ms;
  snapshot.gateway = gateway.id;
  snapshot.serial = static_cast<std::uint64_t>(gateway.serial);
  snapshot.issued_ms = gateway.issued_ms;
  snapshot.expires_ms = gateway.expires_ms;
  MIFENG_TRY(const Bytes stream, messages::seal_snapshot(snapshot, receive_key, keys->identity_key(), context.tools()));
  gateway.snapshot = to_base64(stream);
  MIFENG_CHECK(store::update(tx, gateway));
  return ok();
}

}  // namespace mifeng::access
