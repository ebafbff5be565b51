#include "instances.h"

#include <chrono>
#include <thread>

#include "audit_log.h"
#include "core.h"

namespace mifeng::platform {
namespace {

constexpr std::chrono::seconds kConfirmedWithin{2};
constexpr std::chrono::milliseconds kLookAgain{20};

}  // namespace

Result<void> end_instance(Core& core, store::Transaction& tx, store::InstanceRow row, EndKind kind,
                          const std::string& by, const std::string& reason) {
  if (kind == EndKind::kRevoked) row.revoked = 1;
  if (row.ended_ms == 0) row.ended_ms = std::max<UnixMillis>(core.clock.now_ms(), 1);
  row.end_reason = reason;
  // Nobody may have these any more.
  row.answer.clear();
  row.renewal_answer.clear();
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(store::next_change(tx));
  return core.audit->append(tx, AuditEvent{.actor = by,
                                           .action = kind == EndKind::kRevoked ? "instance.revoke" : "instance.end",
                                           .subject = row.id + " of " + row.unit,
                                           .detail = reason});
}

Result<bool> gateways_know(Core& core, store::Transaction& tx, std::int64_t change) {
  std::vector<std::string> following;
  {
    std::lock_guard lock(core.followers_mutex);
    for (const auto& [id, connections] : core.followers)
      if (connections > 0) following.push_back(id);
  }
  for (const std::string& id : following) {
    MIFENG_TRY(auto gateway, store::find<store::GatewayRow>(tx, id));
    if (gateway && gateway->state == "enrolled" && gateway->change_confirmed < change) return false;
  }
  return true;
}

void tell_gateways(Core& core) {
  core.snapshots_changed.notify();
  const auto change = core.db->read([](store::Transaction& tx) { return store::current_change(tx); });
  const auto deadline = std::chrono::steady_clock::now() + kConfirmedWithin;
  while (change && std::chrono::steady_clock::now() < deadline) {
    const auto known = core.db->read([&](store::Transaction& tx) { return gateways_know(core, tx, *change); });
    if (!known || *known) return;
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace mifeng::platform
