// The chain behind the audit service. spec/audit.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "mifeng/base/clock.h"
#include "mifeng/base/random.h"
#include "mifeng/base/recent.h"
#include "mifeng/crypto/hmac_sm3.h"
#include "mifeng/crypto/sm3.h"
#include "mifeng/store/audit.h"
#include "mifeng/store/database.h"
#include "mifeng/trust/actor.h"

namespace mifeng::vault {
class Wrapper;
}

namespace mifeng::trust {

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
  static Result<std::unique_ptr<AuditLog>> load_or_create(store::Database& db, const vault::Wrapper& wrapper,
                                                          const Clock& clock, Random& random);

  // Into the caller's transaction: what happened and its entry are stored together or not at all.
  Result<void> append(store::Transaction& tx, const AuditEvent& event);
  // Who did what to what.
  Result<void> append(store::Transaction& tx, const Actor& actor, std::string action, std::string subject,
                      std::string detail = "");
  // A refusal, in a transaction of its own. The log is no place to fail: an error here is dropped, since the caller is
  // about to refuse anyway.
  void append_refusal(const std::string& actor, std::string action, std::string subject, const Error& error);
  // The same of an actor who has proved nothing, at `address`, and of whom there may be many. `actor` is of a set that
  // strangers cannot enlarge, `action` one of ours. Of an actor and an action ten a minute stand by themselves; the
  // others are counted.
  void append_stranger(const std::string& actor, const std::string& action, const std::string& subject,
                       const Error& error, const std::string& address);
  // One who is not even worth a look: counted, and nothing is written now.
  void count_stranger(const std::string& action, const std::string& address);
  // One entry for each action of which some were only counted, once a minute at most. Called by the housekeeping.
  void tell_strangers();
  // HMAC-SM3(key, previous MAC || digest).
  crypto::Sm3Digest mac(const crypto::Sm3Digest& previous, const crypto::Sm3Digest& digest) const;

 private:
  AuditLog(store::Database& db, const Clock& clock, crypto::HmacSm3Key key)
      : db_(db), clock_(clock), key_(std::move(key)) {}

  struct Counted {
    std::uint64_t count = 0;
    std::string last_address{};
    std::optional<UnixMillis> told_ms{};
  };
  static constexpr std::size_t kActorsMax = 1'000;

  store::Database& db_;
  const Clock& clock_;
  crypto::HmacSm3Key key_;
  std::mutex strangers_mutex_;
  Recent<std::deque<UnixMillis>> strangers_{kActorsMax};  // when which entries were written, by action and actor
  std::map<std::string, Counted> counted_;                // by action
};

}  // namespace mifeng::trust
