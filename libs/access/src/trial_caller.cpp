#include "mifeng/access/trial_caller.h"

#include "mifeng/access/context.h"
#include "mifeng/access/instances.h"
#include "mifeng/people/password.h"
#include "mifeng/store/grants.h"

namespace mifeng::access {
namespace {

// For how long a key is good at least that is handed out: longer than any trial waits.
constexpr UnixMillis kLeftAtLeast = 2 * 60 * 1000;

// What gateways know is behind from here on.
Result<void> note_change(const Context& context) {
  return context.db.write([](store::Transaction& tx) -> Result<void> {
    MIFENG_CHECK(store::next_change(tx));
    return ok();
  });
}

}  // namespace

std::optional<TrialCaller::Admitted> TrialCaller::admitted() const {
  const std::lock_guard lock(mutex_);
  if (!key_) return std::nullopt;
  return key_->admitted;
}

Result<SecretBytes> TrialCaller::admit(const Context& context, const std::string& route_id) {
  const UnixMillis now = context.clock.now_ms();
  SecretBytes text;
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    // A clock that was set back makes no key last.
    const bool lasts = key_ && key_->ends_ms - now >= kLeftAtLeast && key_->ends_ms - now <= kTrialKeyLifetime;
    if (!lasts) {
      const std::string made = people::random_bearer(context.random, "mfk_");
      key_ = Key{.text = SecretBytes(as_bytes(made)),
                 .admitted = {.key_sm3 = crypto::sm3(as_bytes(made)), .routes = {}},
                 .ends_ms = now + kTrialKeyLifetime};
    }
    is_news = key_->admitted.routes.insert(route_id).second;
    text = key_->text.clone();
  }
  if (is_news) {
    MIFENG_CHECK(note_change(context));
    tell_gateways(context);
  }
  return text;
}

Result<void> TrialCaller::end_expired(const Context& context) {
  const UnixMillis now = context.clock.now_ms();
  {
    const std::lock_guard lock(mutex_);
    if (!key_ || (key_->ends_ms > now && key_->ends_ms - now <= kTrialKeyLifetime)) return ok();
    key_.reset();
  }
  MIFENG_CHECK(note_change(context));
  context.snapshots_changed.notify();
  return ok();
}

}  // namespace mifeng::access
