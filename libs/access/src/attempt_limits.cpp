#include "mifeng/access/attempt_limits.h"

namespace mifeng::access {
namespace {

constexpr UnixMillis kWindow = 10 * 60 * 1000;
constexpr std::size_t kAttemptsMax = 20;

}  // namespace

Result<void> AttemptLimits::take(Attempt kind, const std::string& who, UnixMillis now_ms) {
  if (may_audit(kind, who, now_ms)) return ok();
  return Error(ErrorCode::kResourceExhausted, "too-many-requests",
               "Too many requests of this kind were refused. Wait ten minutes.");
}

void AttemptLimits::forget(Attempt kind, const std::string& who) {
  const std::lock_guard lock(mutex_);
  of(kind).erase(who);
}

bool AttemptLimits::may_audit(Attempt kind, const std::string& who, UnixMillis now_ms) {
  const std::lock_guard lock(mutex_);
  std::deque<UnixMillis>& times = of(kind).at(who);
  while (!times.empty() && times.front() + kWindow <= now_ms) times.pop_front();
  if (times.size() >= kAttemptsMax) return false;
  times.push_back(now_ms);
  return true;
}

}  // namespace mifeng::access
