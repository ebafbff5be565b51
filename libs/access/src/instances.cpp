#include "mifeng/access/instances.h"

#include <chrono>
#include <thread>

#include "mifeng/access/context.h"
#include "mifeng/trust/audit_log.h"

namespace mifeng::access {
namespace {

constexpr std::chrono::seconds kConfirmedWithin{2};
constexpr std::chrono::milliseconds kLookAgain{20};

}  // namespace

Result<void> end_instance(const Context& context, store::Transaction& tx, store::InstanceRow row, EndKind kind,
                          const std::string& by, const std::string& reason) {
  if (kind == EndKind::kRevoked) row.revoked = 1;
  if (row.ended_ms == 0) row.ended_ms = std::max<UnixMillis>(context.clock.now_ms(), 1);
  row.end_reason = reason;
  // Nobody may have these any more.
  row.answer.clear();
  row.renewal_answer.clear();
  MIFENG_CHECK(store::update(tx, row));
  MIFENG_CHECK(store::next_change(tx));
  return context.audit.append(
      tx, trust::AuditEvent{.actor = by,
                            .action = kind == EndKind::kRevoked ? "instance.revoke" : "instance.end",
                            .subject = row.id + " of " + row.unit,
                            .detail = reason});
}

Result<bool> gateways_know(const Context& context, store::Transaction& tx, std::int64_t change) {
  for (const std::string& id : context.followers.all()) {
    MIFENG_TRY(auto gateway, store::find<store::GatewayRow>(tx, id));
    if (gateway && gateway->state == store::GatewayState::kEnrolled && gateway->change_confirmed < change) return false;
  }
  return true;
}

void tell_gateways(const Context& context) {
  context.snapshots_changed.notify();
  const auto change = context.db.read([](store::Transaction& tx) { return store::current_change(tx); });
  const auto deadline = std::chrono::steady_clock::now() + kConfirmedWithin;
  while (change && std::chrono::steady_clock::now() < deadline) {
    const auto known = context.db.read([&](store::Transaction& tx) { return gateways_know(context, tx, *change); });
    if (!known || *known) return;
    std::this_thread::sleep_for(kLookAgain);
  }
}

}  // namespace mifeng::access
