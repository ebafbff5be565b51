#include "instances.h"

#include "audit_log.h"
#include "core.h"

namespace mifeng::platform {

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

Result<bool> is_listed(Core& core, store::Transaction& tx, const store::InstanceRow& row) {
  std::vector<std::string> following;
  {
    std::lock_guard lock(core.followers_mutex);
    for (const auto& [id, connections] : core.followers)
      if (connections > 0) following.push_back(id);
  }
  for (const std::string& id : following) {
    MIFENG_TRY(auto gateway, store::find<store::GatewayRow>(tx, id));
    if (gateway && gateway->state == "enrolled" && gateway->change_confirmed < row.listed_from) return false;
  }
  return true;
}

}  // namespace mifeng::platform
