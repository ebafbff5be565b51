#include "mifeng/trust/audit_log.h"

#include <vector>

#include "mifeng/json/value.h"
#include "mifeng/store/grants.h"
#include "mifeng/trust/text.h"
#include "mifeng/vault/wrapper.h"

namespace mifeng::trust {
namespace {

constexpr UnixMillis kMinute = 60'000;
constexpr std::size_t kStrangersAMinute = 10;  // of one actor and action

Result<crypto::Sm3Digest> digest_of_hex(const std::string& hex) {
  MIFENG_TRY(const Bytes bytes, from_hex(hex));
  crypto::Sm3Digest digest{};
  if (bytes.size() != digest.size())
    return Error(ErrorCode::kVerificationFailed, "audit-chain", "The last audit entry has no whole digest.");
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

}  // namespace

Result<std::unique_ptr<AuditLog>> AuditLog::load_or_create(store::Database& db, const vault::Wrapper& wrapper,
                                                           const Clock& clock, Random& random) {
  const vault::WrapLabel label{.purpose = "audit", .public_key = {}};
  auto key = db.write([&](store::Transaction& tx) -> Result<std::string> {
    MIFENG_TRY(auto row, store::find<store::WrappedSecretRow>(tx, label.purpose));
    if (row) return row->wrapped;
    MIFENG_TRY(auto first, store::last_audit_entry(tx));
    if (first)
      return Error(ErrorCode::kVerificationFailed, "audit-key-missing",
                   "The key of the audit log is gone from the database while its entries are there. Restore a backup.");
    SecretBytes fresh(crypto::kSm3Size);
    random.fill(fresh.reveal_for_writing());
    MIFENG_TRY(std::string wrapped, wrapper.wrap(label, fresh));
    MIFENG_CHECK(store::insert(
        tx, store::WrappedSecretRow{.purpose = label.purpose, .wrapped = wrapped, .created_ms = clock.now_ms()}));
    return wrapped;
  });
  if (!key) return std::move(key).error();
  MIFENG_TRY(const SecretBytes secret, wrapper.unwrap(label, *key));
  return std::unique_ptr<AuditLog>(new AuditLog(db, clock, crypto::HmacSm3Key(secret.reveal_for_computing())));
}

crypto::Sm3Digest AuditLog::mac(const crypto::Sm3Digest& previous, const crypto::Sm3Digest& digest) const {
  return crypto::HmacSm3(key_).update(previous).update(digest).finish();
}

Result<void> AuditLog::append(store::Transaction& tx, const AuditEvent& event) {
  MIFENG_TRY(auto last, store::last_audit_entry(tx));
  crypto::Sm3Digest digest{}, previous_mac{};
  store::AuditRow row;
  row.seq = 1;
  if (last) {
    MIFENG_TRY(digest, digest_of_hex(last->digest));
    MIFENG_TRY(previous_mac, digest_of_hex(last->mac));
    row.seq = last->seq + 1;
  }
  row.time_ms = clock_.now_ms();
  row.actor = clean_text(event.actor, 200);
  row.action = clean_text(event.action, 100);
  row.subject = clean_text(event.subject, 400);
  row.outcome = clean_text(event.outcome, 200);
  row.detail = clean_text(event.detail, 2000);
  digest = audit_digest(digest, row);
  row.digest = to_hex(digest);
  row.mac = to_hex(mac(previous_mac, digest));
  return store::insert(tx, row);
}

Result<void> AuditLog::append(store::Transaction& tx, const Actor& actor, std::string action, std::string subject,
                              std::string detail) {
  return append(tx, AuditEvent{.actor = actor.name,
                               .action = std::move(action),
                               .subject = std::move(subject),
                               .detail = std::move(detail)});
}

void AuditLog::append_refusal(const std::string& actor, std::string action, std::string subject, const Error& error) {
  (void)db_.write([&](store::Transaction& tx) {
    return append(tx, AuditEvent{.actor = actor,
                                 .action = std::move(action),
                                 .subject = std::move(subject),
                                 .outcome = error.reason(),
                                 .detail = error.message()});
  });
}

void AuditLog::append_stranger(const std::string& actor, const std::string& action, const std::string& subject,
                               const Error& error, const std::string& address) {
  bool written = false;
  {
    const UnixMillis now = clock_.now_ms();
    const std::lock_guard lock(strangers_mutex_);
    std::deque<UnixMillis>& times = strangers_.at(action + "\n" + actor);
    while (!times.empty() && times.front() + kMinute <= now) times.pop_front();
    written = times.size() < kStrangersAMinute;
    if (written) times.push_back(now);
  }
  if (written)
    append_refusal(actor, action, subject, error);
  else
    count_stranger(action, address);
}

void AuditLog::count_stranger(const std::string& action, const std::string& address) {
  const std::lock_guard lock(strangers_mutex_);
  Counted& counted = counted_[action];
  ++counted.count;
  counted.last_address = address;
}

void AuditLog::tell_strangers() {
  std::vector<AuditEvent> events;
  {
    const UnixMillis now = clock_.now_ms();
    const std::lock_guard lock(strangers_mutex_);
    for (auto& [action, counted] : counted_) {
      if (counted.count == 0 || (counted.told_ms && now < *counted.told_ms + kMinute)) continue;
      events.push_back({.actor = "strangers",
                        .action = action,
                        .outcome = "strangers",
                        .detail = std::to_string(counted.count) + " more were refused since the last such entry; " +
                                  "the last came from " + counted.last_address});
      counted = {.told_ms = now};
    }
  }
  for (const AuditEvent& event : events) (void)db_.write([&](store::Transaction& tx) { return append(tx, event); });
}

}  // namespace mifeng::trust
