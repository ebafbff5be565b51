// The audit log 审计 and its signed heads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/record.h"
#include "mifeng/store/rows.h"

namespace mifeng::store {

MIFENG_RECORD(AuditRow, "audit_log", 1, number(seq), number(time_ms), text(actor), text(action), text(subject),
              text(outcome), text(detail), text(digest), text(mac));

MIFENG_RECORD(AuditHeadRow, "audit_heads", 1, number(seq), number(time_ms), text(statement), text(signature),
              text(signed_by));

Result<std::optional<AuditRow>> last_audit_entry(Transaction& tx);
// At most `limit` entries after `after_seq`, rising.
Result<std::vector<AuditRow>> audit_after(Transaction& tx, std::int64_t after_seq, std::int64_t limit);
Result<std::optional<AuditHeadRow>> last_audit_head(Transaction& tx);
struct AuditFilter {
  std::string actor{}, action{}, subject{};  // parts
  std::int64_t from_ms = 0, to_ms = 0;       // to_ms excluded; 0: no end
};
Result<Slice<AuditRow>> search_audit(Transaction& tx, const AuditFilter& filter, const Window& window);  // newest first

}  // namespace mifeng::store
