#include "mifeng/access/attempt_limits.h"

namespace mifeng::access {
namespace {

constexpr UnixMillis kWindow = 10 * 60 * 1000;
constexpr std::size_t kAttemptsMax = 20;
constexpr UnixMillis kRenewalWindow = 60 * 1000;
constexpr std::size_t kRenewalsMax = 90;

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
  return take_one(of(kind), who, now_ms, kWindow, kAttemptsMax);
}

Result<void> AttemptLimits::take_renewal(const std::string& instance, UnixMillis now_ms) {
  if (take_one(renewed_, instance, now_ms, kRenewalWindow, kRenewalsMax)) return ok();
  return Error(ErrorCode::kResourceExhausted, "too-many-renewals",
               "The instance was renewed 90 times within a minute. It goes on with its lease until it asks again.");
}

bool AttemptLimits::take_one(Times& of_all, const std::string& who, UnixMillis now_ms, UnixMillis window,
                             std::size_t most) {
  const std::lock_guard lock(mutex_);
  std::deque<UnixMillis>& times = of_all.at(who);
  while (!times.empty() && times.front() + window <= now_ms) times.pop_front();
  if (times.size() >= most) return false;
  times.push_back(now_ms);
  return true;
}

}  // namespace mifeng::access
