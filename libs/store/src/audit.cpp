#include "mifeng/store/audit.h"

namespace mifeng::store {

Result<std::optional<AuditRow>> last_audit_entry(Transaction& tx) {
  return select_one<AuditRow>(tx, "ORDER BY seq DESC LIMIT 1", {});
}

Result<std::vector<AuditRow>> audit_after(Transaction& tx, std::int64_t after_seq, std::int64_t limit) {
  return select<AuditRow>(tx, "WHERE seq > :after ORDER BY seq LIMIT :count", {after_seq, limit});
}

Result<std::optional<AuditHeadRow>> last_audit_head(Transaction& tx) {
  return select_one<AuditHeadRow>(tx, "ORDER BY seq DESC LIMIT 1", {});
}

Result<Slice<AuditRow>> search_audit(Transaction& tx, const AuditFilter& filter, const Window& window) {
  std::string where = "WHERE time_ms >= :from_ms";
  std::vector<Param> params{filter.from_ms};
  if (filter.to_ms != 0) {
    where += " AND time_ms < :to_ms";
    params.emplace_back(filter.to_ms);
  }
  const auto part = [&](const char* column, const std::string& text) {
    if (text.empty()) return;
    where += std::string(" AND lower(") + column + ") LIKE :" + column + " ESCAPE '!'";
    params.emplace_back(like_part(text));
  };
  part("actor", filter.actor);
  part("action", filter.action);
  part("subject", filter.subject);
  return select_slice<AuditRow>(tx, where, params, "seq DESC", window);
}

}  // namespace mifeng::store
