// The audit log 审计: an HMAC-SM3 chain with signed heads. spec/audit.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mifeng/base/listed.h"
#include "mifeng/store/audit.h"
#include "mifeng/trust/actor.h"
#include "mifeng/trust/context.h"
#include "mifeng/trust/types.h"

namespace mifeng::trust {

class KeyRing;

MIFENG_LISTED(AuditEntry,
              number(seq),  // from 1, without gaps
              number(time_ms),
              text(actor),    // person's name, "system", "gateway gw-1", "container mf-…"
              text(action),   // "version.accept", "grant.give", ...
              text(subject),  // what it was done to
              text(outcome),  // "ok", or the reason of the refusal
              text(detail));  // one sentence or JSON; never a secret
struct AuditQuery {
  std::string actor, action, subject;  // parts
  UnixMillis from_ms = 0;
  UnixMillis to_ms = 0;  // 0: now
};
MIFENG_LISTED(AuditVerdict, flag(intact),
              number(entries),       // looked at
              number(signed_up_to),  // last entry covered by a good signed head
              number(bad_seq),       // first entry that does not fit; 0 for none
              text(problem));        // a sentence; empty when intact

class AuditService {
 public:
  AuditService(const Context& context, const KeyRing& keys)
      : context_(context), keys_(keys), started_ms_(context.clock.now_ms()) {}

  Result<Page<AuditEntry>> list(const Actor& actor, const AuditQuery& query, const PageRequest& page);
  // The whole log as JSON lines (entries and signed heads), piece by piece; `sink` returns false to stop.
  Result<void> export_log(const Actor& actor, const std::function<bool(std::string_view)>& sink);
  // The newest signed head, one JSON object to keep elsewhere; signs one first if entries came since the last.
  Result<std::string> export_head(const Actor& actor);
  // Recomputes the chain. With the text of an exported head the log must contain it: a cut tail and an older database
  // are found. The heads must be signed by an identity key of this platform.
  Result<AuditVerdict> verify(const Actor& actor, const std::string& head_json);
  // Signs a head when an hour or 1,000 entries have passed. Called by the housekeeping.
  Result<bool> sign_head_if_due();

 private:
  Result<void> sign_head(store::Transaction& tx, const store::AuditRow& last);

  const Context& context_;
  const KeyRing& keys_;
  const UnixMillis started_ms_;
};

// The same without a platform: an exported log, the platform card (its text; the identity key must be what signed), and
// optionally a head that was exported earlier.
Result<AuditVerdict> verify_audit_export(const std::string& log_jsonl, const std::string& card_json,
                                         const std::string& head_json);

}  // namespace mifeng::trust
