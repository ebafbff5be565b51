#include "mifeng/grants/door.h"

#include <algorithm>
#include <utility>

#include "mifeng/trust/audit_log.h"
#include "mifeng/trust/door_tags.h"
#include "mifeng/trust/text.h"
#include "wanted_unit.h"

namespace mifeng::grants {
namespace {

constexpr double kUnprovedMax = 128;  // twice as many as a deployment has units
constexpr double kUnprovedPerSecond = 4;
constexpr std::size_t kInsideOfDeployment = 128;
constexpr std::size_t kInside = 512;  // each with a body of at most 64 KiB
constexpr int kAuditedMax = 20;
constexpr UnixMillis kAuditWindow = 10 * 60 * 1000;
constexpr std::size_t kIdleMax = 4096;  // budgets that nobody uses are forgotten from here on

Error too_many() {
  return Error(ErrorCode::kResourceExhausted, "too-many-requests",
               "Too many requests for this deployment could not be proved. Wait a little.");
}

}  // namespace

DoorVisit::DoorVisit(Door& door, std::string key, std::string cluster, std::string deployment, std::string address)
    : door_(&door),
      key_(std::move(key)),
      cluster_(std::move(cluster)),
      deployment_(std::move(deployment)),
      address_(std::move(address)) {}

DoorVisit::DoorVisit(DoorVisit&& other) noexcept
    : door_(std::exchange(other.door_, nullptr)),
      key_(std::move(other.key_)),
      cluster_(std::move(other.cluster_)),
      deployment_(std::move(other.deployment_)),
      address_(std::move(other.address_)),
      proved_(other.proved_) {}

DoorVisit::~DoorVisit() {
  if (door_ != nullptr) door_->leave(*this);
}

void DoorVisit::proved() { proved_ = true; }

Result<DoorVisit> Door::enter(const std::string& tag, const std::string& deployment, const std::string& address,
                              Asked asked) {
  auto cluster = tags_.cluster_of(tag, deployment);
  const UnixMillis now = clock_.now_ms();
  const std::lock_guard lock(mutex_);
  if (!cluster) {
    ++without_tag_;
    last_address_ = address;
    return refused();
  }
  std::string key = *cluster + "/" + deployment + (asked == Asked::kGrant ? "/grant" : "/renewal");
  auto found = budgets_.find(key);
  if (found == budgets_.end()) {
    if (budgets_.size() >= kIdleMax) forget_idle(now);
    found = budgets_.emplace(key, Budget{.left = kUnprovedMax, .since_ms = now}).first;
  }
  Budget& budget = found->second;
  refill(budget, now);
  if (budget.left < 1 || budget.inside >= kInsideOfDeployment || inside_ >= kInside) return too_many();
  budget.left -= 1;
  ++budget.inside;
  ++inside_;
  return DoorVisit(*this, std::move(key), std::move(*cluster), deployment, address);
}

void Door::leave(const DoorVisit& visit) {
  const std::lock_guard lock(mutex_);
  Budget& budget = budgets_.at(visit.key_);  // not forgotten while somebody is inside
  --budget.inside;
  --inside_;
  if (visit.proved_) budget.left = std::min(kUnprovedMax, budget.left + 1);
}

void Door::refill(Budget& budget, UnixMillis now) const {
  const double seconds = static_cast<double>(std::max<UnixMillis>(0, now - budget.since_ms)) / 1000;
  budget.left = std::min(kUnprovedMax, budget.left + seconds * kUnprovedPerSecond);
  budget.since_ms = now;
}

void Door::forget_idle(UnixMillis now) {
  for (auto& [key, budget] : budgets_) refill(budget, now);
  std::erase_if(budgets_, [](const auto& item) { return item.second.inside == 0 && item.second.left >= kUnprovedMax; });
}

bool Door::may_audit(const DoorVisit& visit, std::string_view reason) {
  const UnixMillis now = clock_.now_ms();
  const std::lock_guard lock(mutex_);
  if (audited_.size() >= kIdleMax)
    std::erase_if(audited_, [&](const auto& item) { return item.second.since_ms + kAuditWindow <= now; });
  Audited& audited = audited_[visit.cluster_ + "/" + visit.deployment_ + "/" + std::string(reason)];
  if (audited.count == 0 || audited.since_ms + kAuditWindow <= now) audited = {.count = 0, .since_ms = now};
  if (audited.count < kAuditedMax) {
    ++audited.count;
    return true;
  }
  ++uncounted_;
  last_address_ = visit.address_;
  return false;
}

void Door::tell_strangers() {
  std::string detail;
  {
    const UnixMillis now = clock_.now_ms();
    const std::lock_guard lock(mutex_);
    if ((without_tag_ == 0 && uncounted_ == 0) || (told_ms_ && now < *told_ms_ + kAuditWindow)) return;
    told_ms_ = now;
    detail = std::to_string(without_tag_) + " requests without the right tag, and " + std::to_string(uncounted_) +
             " more that were refused; the last came from " + last_address_;
    without_tag_ = uncounted_ = 0;
  }
  audit_.append_refusal("the guards' door", "door.refuse", "",
                        Error(ErrorCode::kPermissionDenied, "strangers", trust::clean_text(detail, 1000)));
}

}  // namespace mifeng::grants
