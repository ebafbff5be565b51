// The chain behind the audit service. spec/audit.md.
#pragma once

#include <memory>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/secret.h"
#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/platform/actor.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/grants.h"

namespace mifeng::platform {

struct Core;

struct AuditEvent {
  std::string actor{};
  std::string action{};
  std::string subject{};
  std::string outcome = "ok";
  std::string detail{};
};

// The exact bytes of an entry that the chain covers.
std::string audit_entry_bytes(const store::AuditRow& row);
// SM3(previous digest || SM3(entry bytes)); what comes before the first entry is 32 zero bytes.
crypto::Sm3Digest audit_digest(const crypto::Sm3Digest& previous, const store::AuditRow& row);

class AuditLog {
 public:
  // Unwraps the chain's key, or makes it in a database that has none yet.
  static Result<std::unique_ptr<AuditLog>> load_or_create(Core& core);

  // Into the caller's transaction: what happened and its entry are stored together or not at all.
  Result<void> append(store::Transaction& tx, const AuditEvent& event);
  // HMAC-SM3(key, previous MAC || digest).
  crypto::Sm3Digest mac(const crypto::Sm3Digest& previous, const crypto::Sm3Digest& digest) const;

 private:
  AuditLog(Core& core, crypto::HmacSm3Key key) : core_(core), key_(std::move(key)) {}
  Core& core_;
  crypto::HmacSm3Key key_;
};

// In the transaction `tx`: who did what to what.
Result<void> audit(Core& core, store::Transaction& tx, const Actor& actor, std::string action, std::string subject,
                   std::string detail = "");
// A refusal, in a transaction of its own. The log is no place to fail: an error here is dropped, since the caller is
// about to refuse anyway.
void audit_refusal(Core& core, const std::string& actor, std::string action, std::string subject, const Error& error);

}  // namespace mifeng::platform
