// The audit log 审计 and its signed heads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mifeng/store/rows.h"

namespace mifeng::store {

struct AuditRow {
  std::int64_t seq = 0;
  std::int64_t time_ms = 0;
  std::string actor{};
  std::string action{};
  std::string subject{};
  std::string outcome{};
  std::string detail{};
  std::string digest{};
  std::string mac{};
};
template <>
struct Table<AuditRow> {
  static constexpr const char* name = "audit_log";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"seq",     "time_ms", "actor",  "action", "subject",
                                            "outcome", "detail",  "digest", "mac"};
  static auto tie(AuditRow& r) {
    return std::tie(r.seq, r.time_ms, r.actor, r.action, r.subject, r.outcome, r.detail, r.digest, r.mac);
  }
};

struct AuditHeadRow {
  std::int64_t seq = 0;
  std::int64_t time_ms = 0;
  std::string statement{};
  std::string signature{};
  std::string signed_by{};
};
template <>
struct Table<AuditHeadRow> {
  static constexpr const char* name = "audit_heads";
  static constexpr std::size_t keys = 1;
  static constexpr const char* columns[] = {"seq", "time_ms", "statement", "signature", "signed_by"};
  static auto tie(AuditHeadRow& r) { return std::tie(r.seq, r.time_ms, r.statement, r.signature, r.signed_by); }
};

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
