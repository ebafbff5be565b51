#include "snapshot_builder.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "mifeng/access/context.h"
#include "mifeng/access/route_rows.h"
#include "mifeng/cluster/units.h"
#include "mifeng/clusters/cluster_rows.h"
#include "mifeng/store/deployments.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/key_ring.h"

namespace mifeng::access {

Result<messages::Snapshot> build_snapshot(store::Transaction& tx, const trust::KeySet& keys) {
  messages::Snapshot snapshot;
  snapshot.identity_chain = keys.identity_chain();
  MIFENG_TRY(const auto callers, store::all<store::CallerRow>(tx));
  for (const auto& row : callers) {
    if (row.enabled == 0) continue;
    MIFENG_TRY(const Bytes digest, from_hex(row.key_sm3));
    messages::SnapshotCaller caller{.id = row.id, .key_sm3 = {}};
    if (digest.size() != caller.key_sm3.size())
      return Error(ErrorCode::kInternal, "bad-row", "The stored key of caller " + row.id + " has no whole digest.");
    std::copy(digest.begin(), digest.end(), caller.key_sm3.begin());
    snapshot.callers.push_back(std::move(caller));
  }
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
                                .pass_headers = route.pass_headers};
    if (!route.callers.empty()) out.callers = route.callers;
    snapshot.routes.push_back(std::move(out));
  }
  MIFENG_TRY(const auto instances, store::live_instances(tx));
  std::set<std::pair<std::string, std::string>> live_units;
  std::set<std::string> live_deployments;
  for (const auto& row : instances) {
    MIFENG_TRY(auto key, trust::key_from_base64(row.signing_key));
    snapshot.instances.push_back({.id = row.id, .deployment = row.deployment_id, .signing_key = std::move(key)});
    live_units.insert({row.cluster_id, row.unit});
    live_deployments.insert(row.deployment_id);
  }
  // Only what was granted: another unit has nothing to say that could be opened.
  MIFENG_TRY(const auto clusters, store::all<store::ClusterRow>(tx));
  std::map<std::string, std::vector<std::string>> nodes;
  for (const auto& row : clusters) nodes[row.id] = clusters::words_of(row.node_addresses);
  MIFENG_TRY(const auto rows, store::all<store::EndpointRow>(tx));
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::string>> endpoints;
  for (const auto& row : rows) {
    const bool live = row.unit.empty() ? live_deployments.contains(row.deployment_id)
                                       : live_units.contains({row.cluster_id, row.unit});
    if (!live) continue;
    for (const std::string& node : nodes[row.cluster_id]) {
      const std::string host = node.find(':') == std::string::npos ? node : "[" + node + "]";
      endpoints[{row.deployment_id, row.port_name, row.kind}].push_back(host + ":" + std::to_string(row.node_port));
    }
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
  MIFENG_TRY(auto snapshot, build_snapshot(tx, *keys));
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
