#include "mifeng/access/attempt_limits.h"

namespace mifeng::access {
namespace {

constexpr UnixMillis kWindow = 10 * 60 * 1000;
constexpr std::size_t kAttemptsMax = 20;
constexpr std::size_t kNamesMax = 10'000;

}  // namespace

Result<void> AttemptLimits::take(const std::string& who, UnixMillis now_ms) {
  if (may_audit(who, now_ms)) return ok();
  return Error(ErrorCode::kResourceExhausted, "too-many-requests",
               "Too many requests of this kind were refused. Wait ten minutes.");
}

void AttemptLimits::forget(const std::string& who) {
  std::lock_guard lock(mutex_);
  attempts_.erase(who);
}

bool AttemptLimits::may_audit(const std::string& who, UnixMillis now_ms) {
  std::lock_guard lock(mutex_);
  if (attempts_.size() >= kNamesMax && !attempts_.contains(who)) {
    std::erase_if(attempts_,
                  [&](const auto& item) { return item.second.empty() || item.second.back() + kWindow <= now_ms; });
    if (attempts_.size() >= kNamesMax) return false;
  }
  std::deque<UnixMillis>& times = attempts_[who];
  while (!times.empty() && times.front() + kWindow <= now_ms) times.pop_front();
  if (times.size() >= kAttemptsMax) return false;
  times.push_back(now_ms);
  return true;
}

}  // namespace mifeng::access
