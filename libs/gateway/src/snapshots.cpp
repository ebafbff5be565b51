#include "mifeng/gateway/snapshots.h"

namespace mifeng::gateway {

namespace {

Error refused(const char* reason, const std::string& message) {
  return Error(ErrorCode::kVerificationFailed, reason, message);
}

}  // namespace

Result<messages::Snapshot> SnapshotKeeper::open(const messages::SnapshotFrame& frame) const {
  return messages::open_snapshot(frame.stream, membership_.gateway, frame.serial, membership_.receive,
                                 membership_.card_keys.identity, tools_);
}

Result<void> SnapshotKeeper::load() {
  MIFENG_TRY(auto stored, folder_.load_snapshot());
  if (!stored) return ok();
  auto snapshot = open(*stored);
  if (!snapshot) return snapshot.error().with_context("the stored snapshot cannot be used");
  frame_ = std::move(stored);
  snapshot_ = std::move(*snapshot);
  return ok();
}

Result<bool> SnapshotKeeper::offer(const messages::SnapshotFrame& frame) {
  if (frame_ && frame.serial < frame_->serial)
    return refused("snapshot-rollback", "a snapshot with serial " + std::to_string(frame.serial) +
                                            " came, older than the one in force, " + std::to_string(frame_->serial));
  if (frame_ && frame.serial == frame_->serial) {
    if (frame.stream == frame_->stream) return false;
    return refused("snapshot-rollback", "another snapshot came under the serial in force");
  }
  MIFENG_TRY(messages::Snapshot snapshot, open(frame));
  if (snapshot.expires_ms <= clock_.now_ms())
    return refused("snapshot-expired", "a snapshot came that has expired at " + format_time(snapshot.expires_ms) +
                                           "; compare this machine's clock with the platform's");
  MIFENG_CHECK(folder_.store_snapshot(frame));
  frame_ = frame;
  snapshot_ = std::move(snapshot);
  return true;
}

bool SnapshotKeeper::is_expired() const { return !snapshot_ || snapshot_->expires_ms <= clock_.now_ms(); }

proxy::Table to_table(const messages::Snapshot& snapshot) {
  proxy::Table table;
  table.serial = snapshot.serial;
  table.expires_ms = snapshot.expires_ms;
  for (const messages::SnapshotRoute& route : snapshot.routes)
    table.routes.push_back({.id = route.id,
                            .name = route.name,
                            .prefix = route.prefix,
                            .forward = route.forward,
                            .open = route.open,
                            .callers = route.callers,
                            .stream_requests = route.stream_requests,
                            .idempotent = route.idempotent,
                            .pass_headers = route.pass_headers,
                            .calls_per_minute = route.calls_per_minute,
                            .calls_at_once = route.calls_at_once,
                            .seconds_max = route.seconds_max});
  for (const messages::SnapshotEndpoint& endpoint : snapshot.endpoints)
    table.endpoints.push_back({.deployment = endpoint.deployment,
                               .port = endpoint.port,
                               .kind = endpoint.kind == messages::EndpointKind::kBalanced
                                           ? proxy::EndpointKind::kBalanced
                                           : proxy::EndpointKind::kUnit,
                               .addresses = endpoint.addresses});
  for (const messages::SnapshotInstance& instance : snapshot.instances)
    table.instances.push_back(
        {.id = instance.id, .deployment = instance.deployment, .signing_key = instance.signing_key.point()});
  for (const messages::SnapshotCaller& caller : snapshot.callers)
    table.callers.push_back({.id = caller.id, .key_sm3 = caller.key_sm3});
  return table;
}

}  // namespace mifeng::gateway
