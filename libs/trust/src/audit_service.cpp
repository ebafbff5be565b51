#include "mifeng/trust/audit_service.h"

#include "audit_chain.h"
#include "mifeng/base/phrase.h"
#include "mifeng/crypto/statement.h"
#include "mifeng/json/fields.h"
#include "mifeng/json/value.h"
#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/key_ring.h"
#include "mifeng/trust/rows.h"

namespace mifeng::trust {
namespace {

constexpr std::int64_t kEntriesPerHead = 1000;
constexpr UnixMillis kHeadInterval = 3600 * 1000;
constexpr std::int64_t kBatch = 500;

std::string head_line(const store::AuditHeadRow& head, const KeySet& keys) {
  json::Array chain;
  for (const auto& statement : keys.identity_chain())
    chain.emplace_back(
        json::Object{{"statement", to_base64(statement.statement)}, {"signature", to_base64(statement.signature)}});
  return json::serialize(json::Object{{"head", json::Object{{"statement", head.statement},
                                                            {"signature", head.signature},
                                                            {"signed_by", head.signed_by},
                                                            {"identity_chain", std::move(chain)}}}}) +
         "\n";
}

}  // namespace

Result<void> AuditService::sign_head(store::Transaction& tx, const store::AuditRow& last) {
  const auto set = keys_.get();
  const std::string statement = json::serialize(json::Object{{"format", kAuditHeadFormat},
                                                             {"platform", keys_.options().platform},
                                                             {"seq", last.seq},
                                                             {"time_ms", context_.clock.now_ms()},
                                                             {"digest", last.digest},
                                                             {"mac", last.mac}});
  MIFENG_TRY(const Bytes signature,
             crypto::sign_statement(set->identity_key(), kAuditHeadPurpose, as_bytes(statement)));
  return store::insert(tx, store::AuditHeadRow{.seq = last.seq,
                                               .time_ms = context_.clock.now_ms(),
                                               .statement = to_base64(as_bytes(statement)),
                                               .signature = to_base64(signature),
                                               .signed_by = set->identity.back().row.id});
}

Result<Page<AuditEntry>> AuditService::list(const Actor& actor, const AuditQuery& query, const PageRequest& page) {
  MIFENG_CHECK(require(actor, Permission::kReadAudit));
  MIFENG_TRY(const auto window, window_of(page));
  const store::AuditFilter filter{.actor = query.actor,
                                  .action = query.action,
                                  .subject = query.subject,
                                  .from_ms = query.from_ms,
                                  .to_ms = query.to_ms};
  MIFENG_TRY(auto slice,
             context_.db.read([&](store::Transaction& tx) { return store::search_audit(tx, filter, window); }));
  return page_of<AuditEntry>(std::move(slice));
}

Result<void> AuditService::export_log(const Actor& actor, const std::function<bool(std::string_view)>& sink) {
  MIFENG_CHECK(require(actor, Permission::kReadAudit));
  // Heads first signed, so that as much of the export as can be is covered.
  MIFENG_CHECK(export_head(actor));
  MIFENG_TRY(auto heads, context_.db.read([](store::Transaction& tx) { return store::all<store::AuditHeadRow>(tx); }));
  const auto keys = keys_.get();
  std::size_t next_head = 0;
  std::int64_t after = 0;
  while (true) {
    MIFENG_TRY(auto rows,
               context_.db.read([&](store::Transaction& tx) { return store::audit_after(tx, after, kBatch); }));
    if (rows.empty()) return ok();
    for (const auto& row : rows) {
      // The MAC says something only to a holder of its key; the digest is what an export is checked by.
      if (!sink("{\"entry\":" + audit_entry_bytes(row) + ",\"mac\":\"" + row.mac + "\"}\n")) return ok();
      if (next_head < heads.size() && heads[next_head].seq == row.seq)
        if (!sink(head_line(heads[next_head++], *keys))) return ok();
      after = row.seq;
    }
  }
}

Result<std::string> AuditService::export_head(const Actor& actor) {
  MIFENG_CHECK(require(actor, Permission::kReadAudit));
  MIFENG_TRY(auto head, context_.db.write([&](store::Transaction& tx) -> Result<store::AuditHeadRow> {
    MIFENG_TRY(auto last, store::last_audit_entry(tx));
    if (!last) return Error(ErrorCode::kNotFound, "audit-empty", "The audit log has no entry yet.");
    MIFENG_TRY(auto newest, store::last_audit_head(tx));
    if (newest && newest->seq == last->seq) return *newest;
    MIFENG_CHECK(sign_head(tx, *last));
    MIFENG_TRY(newest, store::last_audit_head(tx));
    return *newest;
  }));
  return head_line(head, *keys_.get());
}

Result<AuditVerdict> AuditService::verify(const Actor& actor, const std::string& head_json) {
  MIFENG_CHECK(require(actor, Permission::kReadAudit));
  const auto keys = keys_.get();
  std::vector<crypto::Sm2PublicKey> identities;
  for (const auto& key : keys->identity) identities.push_back(key.public_key);
  AuditChainChecker checker(identities);
  if (!head_json.empty()) MIFENG_CHECK(checker.expect(head_json));
  return context_.db.read([&](store::Transaction& tx) -> Result<AuditVerdict> {
    MIFENG_TRY(auto heads, store::all<store::AuditHeadRow>(tx));
    std::size_t next_head = 0;
    std::int64_t after = 0;
    crypto::Sm3Digest mac{};
    while (true) {
      MIFENG_TRY(auto rows, store::audit_after(tx, after, kBatch));
      if (rows.empty()) break;
      for (const auto& row : rows) {
        checker.entry(row);
        mac = context_.audit.mac(mac, checker.digest());
        if (to_hex(checker.digest()) != row.digest || to_hex(mac) != row.mac)
          checker.fail(row.seq, phrase("Entry {} is not what was written.", row.seq));
        while (next_head < heads.size() && heads[next_head].seq <= row.seq) {
          checker.head(heads[next_head]);
          ++next_head;
        }
        after = row.seq;
      }
    }
    for (; next_head < heads.size(); ++next_head) checker.head(heads[next_head]);
    return checker.verdict();
  });
}

Result<bool> AuditService::sign_head_if_due() {
  return context_.db.write([&](store::Transaction& tx) -> Result<bool> {
    MIFENG_TRY(auto last, store::last_audit_entry(tx));
    if (!last) return false;
    MIFENG_TRY(auto newest, store::last_audit_head(tx));
    const std::int64_t covered = newest ? newest->seq : 0;
    const UnixMillis since = newest ? newest->time_ms : started_ms_;
    if (last->seq == covered) return false;
    if (last->seq - covered < kEntriesPerHead && context_.clock.now_ms() - since < kHeadInterval) return false;
    MIFENG_CHECK(sign_head(tx, *last));
    return true;
  });
}

}  // namespace mifeng::trust
